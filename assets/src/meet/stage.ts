// SPDX-License-Identifier: AGPL-3.0-or-later

import { attr, h, icon, keyed, text, toggle } from "./dom";
import type { MediaRoom, Tracks } from "./media";
import { load } from "./prefs";
import { type Person, type Reaction, emoji } from "./protocol";
import type { Store } from "./store";
import { t } from "./strings";

interface Tile {
	key: string;
	person: Person;
	which: "camera" | "screen";
	tracks: Tracks;
}

const none: Tracks = { camera: null, screen: null, mic: false, speaking: false, quality: "unknown" };
const narrow = window.matchMedia("(max-width: 719px)");

/** Pictures of people: a grid of at most nine a page (four on a phone), or one large with a strip. */
export class Stage {
	readonly el: HTMLElement;
	private readonly tiles = h("ul", { class: "tiles" });
	private readonly strip = h("ul", { class: "strip" });
	private readonly pager: HTMLElement;
	private readonly pageText = h("span", {});
	private page = 0;
	private media: MediaRoom | undefined;
	private lastSpeaker = "";

	constructor(private readonly store: Store) {
		this.pager = h(
			"nav",
			{ class: "stage-pager", "aria-label": t("meet.stage.pages"), hidden: true },
			h("button", { type: "button", class: "meet-mini", onclick: () => this.turn(-1) }, icon("chevron-left"), h("span", { class: "unseen" }, t("meet.stage.previous"))),
			this.pageText,
			h("button", { type: "button", class: "meet-mini", onclick: () => this.turn(1) }, icon("chevron-right"), h("span", { class: "unseen" }, t("meet.stage.next"))),
		);
		this.el = h("section", { class: "stage", id: "stage", tabindex: "-1", "aria-label": t("meet.stage.label") }, this.tiles, this.strip, this.pager);
		narrow.addEventListener("change", () => this.draw());
	}

	use(media: MediaRoom | undefined): void {
		this.media = media;
		this.draw();
	}

	private turn(by: number): void {
		this.page += by;
		this.draw();
	}

	/** Floats a reaction over the person's tile; it is read out elsewhere. */
	react(id: string, kind: Reaction): void {
		const node = this.el.querySelector(`[data-key="${CSS.escape(id)}:camera"]`);
		const mark = h("span", { class: "tile-reaction", "aria-hidden": "true" }, emoji[kind]);
		(node ?? this.el).append(mark);
		window.setTimeout(() => mark.remove(), 3000);
	}

	draw(): void {
		const me = this.store.state.me.id;
		const all: Tile[] = [];
		for (const person of this.store.state.people) {
			const tracks = this.media?.tracks(person.id) ?? none;
			if (tracks.speaking && person.id !== me) this.lastSpeaker = person.id;
			if (tracks.screen) all.unshift({ key: `${person.id}:screen`, person, which: "screen", tracks });
			all.push({ key: `${person.id}:camera`, person, which: "camera", tracks });
		}
		const screen = all.find((tile) => tile.which === "screen");
		const asSpeaker = load().layout === "speaker" || screen !== undefined;
		const perPage = narrow.matches ? 4 : 9;

		let large: Tile[];
		let small: Tile[];
		if (asSpeaker && all.length > 1) {
			const first = screen ?? all.find((tile) => tile.person.id === this.lastSpeaker) ?? all.find((tile) => tile.person.id !== me) ?? all[0];
			large = first ? [first] : [];
			small = all.filter((tile) => tile !== first);
			this.page = Math.max(0, Math.min(this.page, Math.ceil(small.length / 6) - 1));
			this.turnPages(Math.ceil(small.length / 6));
			small = small.slice(this.page * 6, this.page * 6 + 6);
		} else {
			const pages = Math.max(1, Math.ceil(all.length / perPage));
			this.page = Math.max(0, Math.min(this.page, pages - 1));
			this.turnPages(pages);
			large = all.slice(this.page * perPage, this.page * perPage + perPage);
			small = [];
		}
		attr(this.el, "data-layout", asSpeaker && all.length > 1 ? "speaker" : "grid");
		attr(this.tiles, "data-count", String(large.length));
		this.fill(this.tiles, large, me);
		this.fill(this.strip, small, me);
		this.strip.hidden = small.length === 0;
	}

	private turnPages(pages: number): void {
		this.pager.hidden = pages < 2;
		text(this.pageText, t("meet.stage.page", { Page: this.page + 1, Pages: pages }));
		const [back, next] = this.pager.querySelectorAll("button");
		if (back) back.disabled = this.page === 0;
		if (next) next.disabled = this.page >= pages - 1;
	}

	private fill(into: HTMLElement, tiles: Tile[], me: string): void {
		keyed(
			into,
			tiles,
			(tile) => tile.key,
			() =>
				h(
					"li",
					{ class: "tile" },
					h("video", { class: "tile-video", autoplay: true, playsinline: true, "aria-hidden": "true", tabindex: "-1" }),
					h("span", { class: "tile-initials", "aria-hidden": "true" }),
					h("span", { class: "tile-foot", "aria-hidden": "true" }, h("span", { class: "tile-hand" }), h("span", { class: "tile-mic" }), h("span", { class: "tile-name" })),
					h("span", { class: "unseen tile-words" }),
				),
			(node, tile) => this.update(node, tile, me),
		);
	}

	private update(node: HTMLElement, tile: Tile, me: string): void {
		const { person, tracks, which } = tile;
		const own = person.id === me;
		const video = node.querySelector("video") as HTMLVideoElement;
		const track = which === "screen" ? tracks.screen : tracks.camera;
		video.muted = true; // sound has elements of its own
		toggle(node, "data-picture", track !== null);
		toggle(node, "data-speaking", tracks.speaking && which === "camera");
		toggle(node, "data-away", person.state !== "inside");
		toggle(node, "data-mirror", own && which === "camera");
		attr(node, "data-which", which);
		if (track && this.media) this.media.show(person.id, which, video);
		else if (video.srcObject && this.media) this.media.hide(video);
		const name = own ? t("meet.you", { Name: person.name }) : person.name;
		text(node.querySelector(".tile-name") as Element, which === "screen" ? t("meet.tile.screen", { Name: person.name }) : name);
		text(node.querySelector(".tile-initials") as Element, initials(person.name));
		text(node.querySelector(".tile-hand") as Element, person.hand ? `✋ ${person.hand}` : "");
		const mic = node.querySelector(".tile-mic") as HTMLElement;
		if (mic.dataset.on !== String(tracks.mic)) {
			mic.dataset.on = String(tracks.mic);
			mic.replaceChildren(icon(tracks.mic ? "mic" : "mic-off"));
		}
		mic.hidden = which === "screen";
		text(node.querySelector(".tile-words") as Element, words(person, tracks, which, name));
	}
}

/** One sentence for whoever does not see the tile. */
export function words(person: Person, tracks: Tracks, which: "camera" | "screen", name: string): string {
	if (which === "screen") return t("meet.tile.screen", { Name: person.name });
	const parts = [name, tracks.mic ? t("meet.tile.mic_on") : t("meet.tile.mic_off"), tracks.camera ? t("meet.tile.camera_on") : t("meet.tile.camera_off")];
	if (person.hand) parts.push(t("meet.tile.hand", { Order: person.hand }));
	if (person.state === "away") parts.push(t("meet.tile.away"));
	if (person.state === "connecting") parts.push(t("meet.tile.connecting"));
	return parts.join(", ");
}

function initials(name: string): string {
	const parts = name.trim().split(/\s+/u);
	const first = Array.from(parts[0] ?? "")[0] ?? "?";
	const last = parts.length > 1 ? (Array.from(parts[parts.length - 1] ?? "")[0] ?? "") : "";
	return (first + last).toLocaleUpperCase();
}
