// SPDX-License-Identifier: AGPL-3.0-or-later

import { attr, h, icon, text } from "./dom";
import { type Media, type Reaction, emoji, reactions } from "./protocol";
import { t } from "./strings";

export interface BarActions {
	media(media: Media): void;
	hand(): void;
	react(kind: Reaction): void;
	layout(): void;
	panel(which: "people" | "chat"): void;
	settings(): void;
	keys(): void;
	rename(): void;
	end(): void;
	leave(): void;
}

export interface BarState {
	mic: boolean;
	camera: boolean;
	screen: boolean;
	hand: boolean;
	panel: "people" | "chat" | "";
	layout: "grid" | "speaker";
	may: { mic: boolean; camera: boolean; screen: boolean };
	moderator: boolean;
	unread: number;
	waiting: number;
	canShare: boolean;
}

/** The row of controls. A word stands with every icon; what is on says so with aria-pressed. */
export class Bar {
	readonly el: HTMLElement;
	private readonly buttons = new Map<string, HTMLButtonElement>();
	private readonly more: HTMLDetailsElement;
	private readonly reactMenu: HTMLDetailsElement;
	private readonly endItem: HTMLButtonElement;

	constructor(actions: BarActions) {
		const button = (name: string, iconName: string, key: string, run: () => void, extra = "") => {
			const b = h("button", { type: "button", class: `meet-button ${extra}`, id: `bar-${name}`, onclick: run }, icon(iconName), h("span", { class: "meet-button-word" }), h("span", { class: "meet-count", hidden: true }));
			if (key) attr(b, "aria-keyshortcuts", key);
			this.buttons.set(name, b);
			return b;
		};
		const item = (label: string, iconName: string, run: () => void) =>
			h(
				"button",
				{
					type: "button",
					class: "menu-item",
					onclick: () => {
						this.more.open = false;
						this.more.querySelector("summary")?.focus();
						run();
					},
				},
				icon(iconName),
				h("span", {}, t(label)),
			);
		this.reactMenu = h(
			"details",
			{ class: "menu menu-up" },
			h("summary", { class: "meet-button", id: "bar-react" }, icon("smile"), h("span", { class: "meet-button-word" }, t("meet.bar.react"))),
			h(
				"div",
				{ class: "menu-list menu-reactions" },
				...reactions.map((kind) =>
					h(
						"button",
						{
							type: "button",
							class: "menu-item",
							onclick: () => {
								this.reactMenu.open = false;
								this.reactMenu.querySelector("summary")?.focus();
								actions.react(kind);
							},
						},
						h("span", { "aria-hidden": "true" }, emoji[kind]),
						h("span", { class: "unseen" }, t(`meet.reaction.${kind}`)),
					),
				),
			),
		);
		this.endItem = item("meet.more.end", "circle-x", actions.end);
		this.endItem.classList.add("menu-danger");
		this.more = h(
			"details",
			{ class: "menu menu-up" },
			h("summary", { class: "meet-button", id: "bar-more" }, icon("ellipsis"), h("span", { class: "meet-button-word" }, t("meet.bar.more"))),
			h("div", { class: "menu-list" }, item("meet.more.settings", "settings", actions.settings), item("meet.more.rename", "pencil", actions.rename), item("meet.more.keys", "keyboard", actions.keys), this.endItem),
		);
		this.el = h(
			"section",
			{ class: "meet-bar", id: "controls", tabindex: "-1", "aria-label": t("meet.bar.label") },
			button("mic", "mic", "M", () => actions.media("mic")),
			button("camera", "video", "V", () => actions.media("camera")),
			button("screen", "screen-share", "S", () => actions.media("screen"), "wide-only"),
			button("hand", "hand", "H", actions.hand),
			this.reactMenu,
			button("layout", "layout-grid", "L", actions.layout, "wide-only"),
			button("people", "users", "P", () => actions.panel("people")),
			button("chat", "message-square", "C", () => actions.panel("chat")),
			this.more,
			button("leave", "phone-off", "", actions.leave, "meet-leave"),
		);
		// One menu at a time, closed by a press outside.
		document.addEventListener("click", (e) => {
			for (const menu of Array.from(document.querySelectorAll<HTMLDetailsElement>("details.menu[open]"))) if (!menu.contains(e.target as Node)) menu.open = false;
		});
	}

	/** Closes open menus; true when there was one. */
	closeMenus(): boolean {
		const open = Array.from(document.querySelectorAll<HTMLDetailsElement>("details.menu[open]"));
		for (const menu of open) {
			menu.open = false;
			menu.querySelector("summary")?.focus();
		}
		return open.length > 0;
	}

	draw(s: BarState): void {
		this.set("mic", s.mic ? "mic" : "mic-off", t("meet.bar.mic"), s.mic, !s.may.mic && !s.mic);
		this.set("camera", s.camera ? "video" : "video-off", t("meet.bar.camera"), s.camera, !s.may.camera && !s.camera);
		this.set("screen", s.screen ? "screen-share-off" : "screen-share", t("meet.bar.screen"), s.screen, !s.may.screen && !s.screen);
		this.set("hand", "hand", t("meet.bar.hand"), s.hand);
		this.set("layout", s.layout === "grid" ? "layout-grid" : "layout-panel-left", t(s.layout === "grid" ? "meet.bar.layout_grid" : "meet.bar.layout_speaker"));
		this.set("people", "users", t("meet.bar.people"), s.panel === "people");
		this.set("chat", "message-square", t("meet.bar.chat"), s.panel === "chat");
		this.set("leave", "phone-off", t("meet.bar.leave"));
		this.count("chat", s.unread, "meet.bar.unread");
		this.count("people", s.waiting, "meet.bar.waiting");
		const screen = this.buttons.get("screen");
		if (screen) screen.hidden = !s.canShare;
		this.endItem.hidden = !s.moderator;
	}

	private set(name: string, iconName: string, label: string, pressed?: boolean, locked = false): void {
		const b = this.buttons.get(name);
		if (!b) return;
		if (b.dataset.icon !== iconName) {
			b.dataset.icon = iconName;
			b.querySelector("svg")?.replaceWith(icon(iconName));
		}
		text(b.querySelector(".meet-button-word") as Element, locked ? t("meet.bar.locked", { Name: label }) : label);
		if (pressed !== undefined) attr(b, "aria-pressed", String(pressed));
		attr(b, "aria-disabled", String(locked));
	}

	private count(name: string, n: number, key: string): void {
		const badge = this.buttons.get(name)?.querySelector<HTMLElement>(".meet-count");
		if (!badge) return;
		badge.hidden = n === 0;
		const words = n === 0 ? "" : t(key, { Count: n });
		if (badge.dataset.words === words) return;
		badge.dataset.words = words;
		badge.replaceChildren(h("span", { "aria-hidden": "true" }, n > 99 ? "99+" : String(n)), h("span", { class: "unseen" }, words));
	}
}
