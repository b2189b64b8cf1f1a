// SPDX-License-Identifier: AGPL-3.0-or-later

import { attr, h, icon, text, toggle } from "./dom";
import type { Store } from "./store";
import { t } from "./strings";

const few = 3; // seats left from which everybody is told; moderators always are
const soon = 10; // minutes before the end from which the time left is shown as a banner

/** The line above the stage: name, people, seats, time. And the banner when the time runs out. */
export class Head {
	readonly el: HTMLElement;
	readonly banner: HTMLElement;
	private readonly people = h("span", { class: "head-people" });
	private readonly seats = h("span", { class: "head-seats" });
	private readonly seatMarks = h("span", { class: "head-marks", "aria-hidden": "true" });
	private readonly seatWords = h("span", {});
	private readonly time = h("span", { class: "head-time" });
	private readonly bannerWords = h("p", {});

	constructor(
		private readonly store: Store,
		help: () => void,
	) {
		const title = document.querySelector("h1") ?? h("h1", {}, store.state.meeting.name);
		this.seats.append(this.seatMarks, this.seatWords);
		this.el = h(
			"header",
			{ class: "meet-head" },
			title,
			this.people,
			this.seats,
			this.time,
			h("button", { type: "button", class: "meet-mini", onclick: help }, icon("circle-help"), h("span", { class: "unseen" }, t("meet.help.open"))),
		);
		this.banner = h("section", { class: "banner meet-banner", "data-tone": "warn", "aria-label": t("meet.time.label"), hidden: true }, icon("clock"), this.bannerWords);
		window.setInterval(() => this.drawTime(), 1000);
	}

	draw(): void {
		const { meeting, me, people } = this.store.state;
		text(this.people, t("meet.head.people", { Count: people.length }));
		const { used, limit } = meeting.seats;
		const left = limit === null ? Infinity : Math.max(0, limit - used);
		this.seats.hidden = limit === null || !(me.role === "moderator" || left <= few);
		if (limit !== null) {
			text(this.seatWords, t("meet.head.seats", { Used: used, Limit: limit }));
			const marks = limit <= 20 ? limit : 0;
			if (this.seatMarks.dataset.n !== `${used}/${marks}`) {
				this.seatMarks.dataset.n = `${used}/${marks}`;
				this.seatMarks.replaceChildren(...Array.from({ length: marks }, (_, i) => h("i", { class: i < used ? "seat-used" : "seat-free" })));
			}
			toggle(this.seats, "data-full", left === 0);
		}
		this.drawTime();
	}

	private drawTime(): void {
		const end = this.store.state.meeting.deadline_at;
		this.time.hidden = end === null;
		if (end === null) {
			this.banner.hidden = true;
			return;
		}
		const minutes = Math.max(0, Math.ceil((Date.parse(end) - this.store.now()) / 60_000));
		text(this.time, minutes > 120 ? t("meet.time.hours", { Count: Math.floor(minutes / 60) }) : t("meet.time.minutes", { Count: minutes }));
		this.banner.hidden = minutes > soon;
		attr(this.banner, "data-tone", minutes <= 2 ? "bad" : "warn");
		text(this.bannerWords, t(this.store.state.me.role === "moderator" ? "meet.time.soon_host" : "meet.time.soon", { Count: minutes }));
	}
}
