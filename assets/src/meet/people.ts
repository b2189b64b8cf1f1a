// SPDX-License-Identifier: AGPL-3.0-or-later

import { Refused, post } from "./api";
import { attr, h, icon, keyed, text, toggle } from "./dom";
import type { MediaRoom } from "./media";
import type { Media, Person, Removed, Waiting } from "./protocol";
import { words } from "./stage";
import type { Store } from "./store";
import { clock, t } from "./strings";

/** Who is here, who waits, and what a moderator may do about it. */
export class People {
	readonly el: HTMLElement;
	private readonly waitingBox: HTMLElement;
	private readonly waiting = h("ul", { class: "people-waiting" });
	private readonly hands = h("ol", { class: "people-hands" });
	private readonly handsBox: HTMLElement;
	private readonly list = h("ul", { class: "people-list" });
	private readonly removedBox: HTMLElement;
	private readonly removed = h("ul", { class: "people-removed" });
	private readonly all: HTMLElement;
	private readonly note = h("p", { class: "panel-note", role: "status" });
	private media: MediaRoom | undefined;

	constructor(private readonly store: Store) {
		this.waitingBox = h(
			"section",
			{ class: "people-box", "aria-labelledby": "waiting-title", hidden: true },
			h("h3", { id: "waiting-title" }, t("meet.people.waiting")),
			this.waiting,
			h("button", { type: "button", class: "button plain", onclick: () => this.act("lobby/admit-all") }, t("meet.people.admit_all")),
		);
		this.handsBox = h("section", { class: "people-box", "aria-labelledby": "hands-title", hidden: true }, h("h3", { id: "hands-title" }, t("meet.people.hands")), this.hands);
		this.removedBox = h("section", { class: "people-box", "aria-labelledby": "removed-title", hidden: true }, h("h3", { id: "removed-title" }, t("meet.people.removed")), this.removed);
		const lock = (key: "chat" | "mic" | "camera" | "screen" | "names") =>
			h(
				"label",
				{ class: "people-lock" },
				h("input", {
					type: "checkbox",
					"data-lock": key,
					onchange: (e: globalThis.Event) => this.act("lock", { [key]: (e.target as HTMLInputElement).checked }),
				}),
				h("span", {}, t(`meet.lock.${key}`)),
			);
		this.all = h(
			"details",
			{ class: "people-all", hidden: true },
			h("summary", {}, icon("settings"), h("span", {}, t("meet.people.for_all"))),
			h("button", { type: "button", class: "button plain", onclick: () => this.act("mute-all") }, icon("mic-off"), t("meet.people.mute_all")),
			h("fieldset", {}, h("legend", {}, t("meet.people.lock")), lock("chat"), lock("mic"), lock("camera"), lock("screen"), lock("names")),
			h(
				"label",
				{ class: "people-lock" },
				h("input", { type: "checkbox", "data-lock": "door", onchange: (e: globalThis.Event) => this.act("door", { closed: (e.target as HTMLInputElement).checked }) }),
				h("span", {}, t("meet.people.door")),
			),
		);
		this.el = h("div", { class: "people" }, this.waitingBox, this.handsBox, h("h3", { class: "unseen" }, t("meet.panel.people")), this.list, this.removedBox, this.all, this.note);
	}

	use(media: MediaRoom | undefined): void {
		this.media = media;
	}

	private async act(path: string, body: unknown = {}): Promise<void> {
		try {
			await post(path, body);
			text(this.note, "");
		} catch (error) {
			text(this.note, error instanceof Refused ? error.message : t("meet.error.unknown"));
			this.draw(); // a box that was ticked shows the truth again
		}
	}

	draw(): void {
		const { state } = this.store;
		const moderator = state.me.role === "moderator";

		this.waitingBox.hidden = !moderator || state.waiting.length === 0;
		keyed(this.waiting, moderator ? state.waiting : [], (w) => w.id, (w) => this.waitingRow(w), () => {});

		const raised = state.people.filter((p) => p.hand).sort((a, b) => a.hand - b.hand);
		this.handsBox.hidden = raised.length === 0;
		keyed(
			this.hands,
			raised,
			(p) => p.id,
			(p) =>
				h(
					"li",
					{},
					h("span", { class: "who" }),
					h("button", { type: "button", class: "button quiet", "data-moderator": true, onclick: () => this.act(`people/${p.id}/hand`) }, t("meet.people.lower")),
				),
			(node, p) => {
				text(node.querySelector(".who") as Element, p.name);
				(node.querySelector("[data-moderator]") as HTMLElement).hidden = !moderator;
			},
		);

		const order = [...state.people].sort((a, b) => Number(b.role === "moderator") - Number(a.role === "moderator") || a.name.localeCompare(b.name));
		keyed(this.list, order, (p) => p.id, (p) => this.row(p), (node, p) => this.update(node, p, moderator));

		this.removedBox.hidden = !moderator || state.removed.length === 0;
		keyed(this.removed, moderator ? state.removed : [], (r) => r.id, (r) => this.removedRow(r), () => {});

		this.all.hidden = !moderator;
		for (const box of Array.from(this.all.querySelectorAll<HTMLInputElement>("[data-lock]"))) {
			const key = box.dataset.lock as keyof typeof state.meeting.locks | "door";
			box.checked = key === "door" ? state.meeting.door === "closed" : state.meeting.locks[key];
		}
	}

	private waitingRow(w: Waiting): HTMLElement {
		return h(
			"li",
			{},
			h("span", { class: "who" }, w.name, h("small", {}, t("meet.people.since", { Time: clock(w.since) }))),
			h("button", { type: "button", class: "button primary", onclick: () => this.act(`lobby/${w.id}/admit`) }, t("meet.people.admit"), h("span", { class: "unseen" }, ` ${w.name}`)),
			h("button", { type: "button", class: "button quiet", onclick: () => this.act(`lobby/${w.id}/deny`, { text: "" }) }, t("meet.people.deny"), h("span", { class: "unseen" }, ` ${w.name}`)),
		);
	}

	private removedRow(r: Removed): HTMLElement {
		const back = async () => {
			await this.act(`people/${r.id}/lift`);
			if (!this.note.textContent) text(this.note, t("meet.people.lifted", { Name: r.name }));
		};
		return h(
			"li",
			{},
			h("span", { class: "who" }, r.name),
			h("button", { type: "button", class: "button quiet", onclick: () => void back() }, t("meet.people.lift"), h("span", { class: "unseen" }, ` ${r.name}`)),
		);
	}

	private row(p: Person): HTMLElement {
		const button = (label: string, path: string, body?: () => unknown, danger = false) =>
			h("button", { type: "button", class: danger ? "menu-item menu-danger" : "menu-item", "data-act": path, onclick: () => this.menuAct(p.id, path, body?.()) }, t(label));
		const person = () => this.store.state.people.find((x) => x.id === p.id) ?? p;
		const mute = (media: Media) => ({ media });
		return h(
			"li",
			{ class: "person" },
			h("span", { class: "person-state", "aria-hidden": "true" }),
			h("span", { class: "who" }, h("span", { class: "person-name" }), h("small", { class: "person-words" })),
			h(
				"details",
				{ class: "menu person-menu" },
				h("summary", { class: "meet-mini" }, icon("ellipsis"), h("span", { class: "unseen" }, t("meet.people.menu", { Name: p.name }))),
				h(
					"div",
					{ class: "menu-list" },
					button("meet.act.mute", "mute", () => mute("mic")),
					button("meet.act.camera_off", "mute:camera", () => mute("camera")),
					button("meet.act.screen_off", "mute:screen", () => mute("screen")),
					button("meet.act.may_speak", "may:mic", () => ({ mic: !person().may.mic })),
					button("meet.act.may_show", "may:camera", () => ({ camera: !person().may.camera })),
					button("meet.act.may_share", "may:screen", () => ({ screen: !person().may.screen })),
					button("meet.act.moderator", "role", () => ({ role: person().role === "moderator" ? "viewer" : "moderator" })),
					button("meet.act.remove", "remove", undefined, true),
				),
			),
		);
	}

	private menuAct(id: string, path: string, body: unknown): void {
		const [verb] = path.split(":");
		const menu = this.list.querySelector<HTMLDetailsElement>(`[data-key="${CSS.escape(id)}"] details`);
		if (menu) {
			menu.open = false;
			menu.querySelector("summary")?.focus();
		}
		void this.act(`people/${id}/${verb}`, body ?? {});
	}

	private update(node: HTMLElement, p: Person, moderator: boolean): void {
		const own = p.id === this.store.state.me.id;
		const tracks = this.media?.tracks(p.id);
		const state = node.querySelector(".person-state") as HTMLElement;
		const mark = tracks?.mic ? "mic" : "mic-off";
		if (state.dataset.mark !== mark) {
			state.dataset.mark = mark;
			state.replaceChildren(icon(mark));
		}
		toggle(node, "data-speaking", tracks?.speaking ?? false);
		text(node.querySelector(".person-name") as Element, own ? t("meet.you", { Name: p.name }) : p.name);
		const role = p.role === "moderator" ? `${t("meet.role.moderator")}, ` : "";
		const state2 = words(p, tracks ?? { camera: null, screen: null, mic: false, speaking: false, quality: "unknown" }, "camera", "").replace(/^, /, "");
		text(node.querySelector(".person-words") as Element, role + state2);
		const menu = node.querySelector("details") as HTMLElement;
		menu.hidden = !moderator || own;
		const label = (act: string, key: string) => {
			const b = node.querySelector(`[data-act="${act}"]`);
			if (b) text(b, t(key));
		};
		label("may:mic", p.may.mic ? "meet.act.may_not_speak" : "meet.act.may_speak");
		label("may:camera", p.may.camera ? "meet.act.may_not_show" : "meet.act.may_show");
		label("may:screen", p.may.screen ? "meet.act.may_not_share" : "meet.act.may_share");
		label("role", p.role === "moderator" ? "meet.act.not_moderator" : "meet.act.moderator");
		attr(node, "data-state", p.state);
	}
}
