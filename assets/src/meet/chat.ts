// SPDX-License-Identifier: AGPL-3.0-or-later

import { Refused, post } from "./api";
import { h, icon, text } from "./dom";
import type { Line } from "./protocol";
import type { Store } from "./store";
import { clock, t } from "./strings";

const longest = 500; // characters, as the server counts them

/** Chat to all, to the moderators, or to one person. Text is text: addresses in it become no links. */
export class Chat {
	readonly el: HTMLElement;
	private readonly lines = h("ol", { class: "chat-lines" });
	private readonly log = h("div", { class: "chat-log", role: "log", "aria-label": t("meet.chat.log"), tabindex: "0" }, this.lines);
	private readonly empty = h("p", { class: "chat-empty" }, t("meet.chat.empty"));
	private readonly to = h("select", { id: "chat-to", class: "select" });
	private readonly input = h("textarea", { id: "chat-text", class: "input", rows: "2", maxlength: String(longest), "aria-describedby": "chat-note" });
	private readonly note = h("p", { id: "chat-note", class: "panel-note", role: "status" });
	private readonly form: HTMLFormElement;
	private shown = new Set<string>();
	private busy = false;

	constructor(private readonly store: Store) {
		this.input.addEventListener("keydown", (e) => {
			if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
				e.preventDefault();
				this.form.requestSubmit();
			}
		});
		this.form = h(
			"form",
			{ class: "chat-form", onsubmit: (e: globalThis.Event) => this.send(e) },
			h("label", { for: "chat-to" }, t("meet.chat.to")),
			this.to,
			h("label", { class: "unseen", for: "chat-text" }, t("meet.chat.text")),
			h("div", { class: "chat-line" }, this.input, h("button", { type: "submit", class: "button primary" }, icon("send"), h("span", { class: "unseen" }, t("meet.chat.send")))),
			this.note,
		);
		this.el = h("div", { class: "chat" }, this.empty, this.log, this.form);
	}

	focus(): void {
		this.input.focus();
	}

	private async send(e: globalThis.Event): Promise<void> {
		e.preventDefault();
		const words = this.input.value.trim();
		if (!words || this.busy) return;
		this.busy = true;
		try {
			await post("chat", { text: words, to: this.to.value });
			this.input.value = "";
			text(this.note, "");
		} catch (error) {
			text(this.note, error instanceof Refused ? error.message : t("meet.error.unsent"));
		} finally {
			this.busy = false;
		}
	}

	draw(): void {
		const { state } = this.store;
		const lines = new Set(state.chat.map((l) => l.id));
		if ([...this.shown].some((id) => !lines.has(id))) {
			this.lines.replaceChildren(); // a full state that forgot lines: begin anew
			this.shown.clear();
		}
		const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 40;
		for (const line of state.chat) {
			if (this.shown.has(line.id)) continue;
			this.shown.add(line.id);
			this.lines.append(this.row(line));
		}
		this.empty.hidden = state.chat.length > 0;
		if (atEnd) this.log.scrollTop = this.log.scrollHeight;

		const chosen = this.to.value || "all";
		const options: [string, string][] = [
			["all", t("meet.chat.all")],
			["moderators", t("meet.chat.moderators")],
		];
		if (!state.meeting.locks.chat || state.me.role === "moderator") {
			for (const p of state.people) if (p.id !== state.me.id) options.push([p.id, t("meet.chat.one", { Name: p.name })]);
		}
		const signature = options.map(([v, l]) => `${v} ${l}`).join("\n");
		if (this.to.dataset.signature !== signature) {
			this.to.dataset.signature = signature;
			this.to.replaceChildren(...options.map(([value, label]) => h("option", { value }, label)));
			this.to.value = options.some(([v]) => v === chosen) ? chosen : "all";
		}
		const may = state.me.may.chat;
		this.input.disabled = !may;
		this.to.disabled = !may;
		if (!may) text(this.note, t("meet.chat.locked"));
		else if (this.note.textContent === t("meet.chat.locked")) text(this.note, "");
	}

	private row(line: Line): HTMLElement {
		const own = line.from === this.store.state.me.id;
		const to = line.to === "moderators" ? t("meet.chat.to_moderators") : line.to !== "all" ? t("meet.chat.to_one", { Name: line.to_name }) : "";
		return h(
			"li",
			{ class: "chat-row", "data-own": own },
			h("p", { class: "chat-head" }, h("b", {}, own ? t("meet.chat.you") : line.name), to && h("span", { class: "chat-private" }, ` ${to}`), h("time", { datetime: line.at }, ` ${clock(line.at)}`)),
			h("p", { class: "chat-text" }, line.text),
		);
	}
}
