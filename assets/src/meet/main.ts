// SPDX-License-Identifier: AGPL-3.0-or-later

// The meeting page. It enters, draws what the server's stream says, and lets LiveKit carry the media.

import { Announcer } from "./announce";
import { Refused, farewell, post } from "./api";
import { Bar } from "./bar";
import { Chat } from "./chat";
import { ask, confirm, keysDialog, settingsDialog } from "./dialogs";
import { attr, config, h, icon, text, toggle } from "./dom";
import { Head } from "./head";
import type { Gone, MediaRoom } from "./media";
import { People } from "./people";
import { load, save } from "./prefs";
import type { Entry, Media } from "./protocol";
import { Stage } from "./stage";
import { type News, Store } from "./store";
import { Stream } from "./stream";
import { t } from "./strings";

const retries = [300, 1000, 2000, 5000, 10_000]; // ms, then *Join again*
const typedAbove = 20; // people from which ending for all must be typed

class Page {
	private store!: Store;
	private stream: Stream | undefined;
	private media: MediaRoom | undefined;
	private stage!: Stage;
	private people!: People;
	private chat!: Chat;
	private bar!: Bar;
	private head!: Head;
	private say!: Announcer;
	private panel: "people" | "chat" | "" = "";
	private panelBox!: HTMLElement;
	private panelTitle!: HTMLElement;
	private readonly line = h("p", { class: "meet-line", role: "status", hidden: true });
	private readonly hint = h("p", { class: "meet-hint", role: "status", hidden: true });
	private readonly soundButton = h("button", { type: "button", class: "button primary meet-sound", hidden: true }, icon("volume-2"), h("span", {}, t("meet.sound.on")));
	private unread = 0;
	private over = false;
	// What this person wants to send. It outlives every connection: one that is built up anew has to send the same.
	private wanted = { mic: load().micOn, camera: load().cameraOn };
	private entered = false;
	private talking = false; // space held down
	private drawing = 0;
	private wakeLock: { release(): Promise<void> } | undefined;

	constructor(private readonly root: HTMLElement) {}

	async start(): Promise<void> {
		this.root.replaceChildren(...Array.from(this.root.querySelectorAll("h1")), h("p", { class: "meet-wait", role: "status" }, t("meet.connecting")));
		// LiveKit is the larger half of the page: it loads while the server admits us.
		const loading = import("./media");
		let entry: Entry;
		try {
			entry = await this.enter();
		} catch (error) {
			return this.refused(error);
		}
		this.build(entry);
		void this.connect(entry, (await loading).MediaRoom);
		window.addEventListener("pagehide", (e) => {
			if (!this.over && !e.persisted) farewell();
		});
	}

	/** Asks for the entry; while the engine is down it tries again by itself. */
	private async enter(): Promise<Entry> {
		for (let i = 0; ; i++) {
			try {
				return await post<Entry>("enter");
			} catch (error) {
				const final = error instanceof Refused && error.status !== 503;
				if (final || i >= retries.length) throw error;
				const wait = this.root.querySelector(".meet-wait");
				if (wait) text(wait, t("meet.engine.down"));
				await new Promise((r) => window.setTimeout(r, retries[i]));
			}
		}
	}

	private refused(error: unknown): void {
		if (error instanceof Refused && error.status === 410) return this.finish(error.why || "ended", error.message);
		if (error instanceof Refused && error.status === 403) return this.finish("removed", error.message);
		if (error instanceof Refused && error.status < 500 && !config().client) {
			location.assign(config().room); // the room's page explains and offers the next step
			return;
		}
		this.finish("unreachable", error instanceof Refused ? error.message : "");
	}

	private build(entry: Entry): void {
		this.store = new Store(entry.state);
		this.stage = new Stage(this.store);
		this.people = new People(this.store);
		this.chat = new Chat(this.store);
		this.head = new Head(this.store, keysDialog);
		const polite = h("div", { id: "say", class: "unseen", "aria-live": "polite" });
		const alarm = h("div", { id: "alarm", class: "unseen", role: "alert" });
		this.say = new Announcer(polite, alarm);
		this.bar = new Bar({
			media: (m) => void this.toggleMedia(m),
			hand: () => void this.quiet(post("hand", { up: !this.store.state.me.hand })),
			react: (kind) => void this.quiet(post("react", { kind })),
			layout: () => {
				save({ layout: load().layout === "grid" ? "speaker" : "grid" });
				this.draw();
			},
			panel: (which) => this.openPanel(this.panel === which ? "" : which, true),
			settings: () =>
				void settingsDialog(this.media, () => {
					if (load().lowData) this.wanted.camera = false; // it stays off until this person turns it on
					this.draw();
				}),
			keys: keysDialog,
			rename: () => void this.rename(),
			end: () => void this.end(),
			leave: () => void this.leave(),
		});
		this.panelTitle = h("h2", { tabindex: "-1" });
		this.panelBox = h(
			"aside",
			{ class: "meet-panel", id: "panel", "aria-label": t("meet.panel.label"), hidden: true },
			h("div", { class: "panel-head" }, this.panelTitle, h("button", { type: "button", class: "meet-mini", onclick: () => this.openPanel("", true) }, icon("x"), h("span", { class: "unseen" }, t("meet.panel.close")))),
			this.people.el,
			this.chat.el,
		);
		this.soundButton.addEventListener("click", () => void this.media?.startAudio());
		this.root.replaceChildren(this.head.el, this.head.banner, this.line, h("div", { class: "meet-middle" }, this.stage.el, this.panelBox), this.hint, this.soundButton, this.bar.el, polite, alarm);
		this.store.subscribe((_, news) => this.news(news));
		this.stream = new Stream(
			entry.state.n,
			(e) => this.store.fold(e),
			(up) => this.showLine(up ? "" : t("meet.stream.down")),
		);
		document.addEventListener("keydown", (e) => this.key(e));
		document.addEventListener("keyup", (e) => this.keyUp(e));
		document.addEventListener("visibilitychange", () => void this.keepAwake());
		void this.keepAwake();
		if (window.matchMedia("(min-width: 1024px)").matches) this.openPanel("people", false);
		this.drawNow();
	}

	private async keepAwake(): Promise<void> {
		if (document.visibilityState !== "visible" || this.over || !("wakeLock" in navigator)) return;
		try {
			this.wakeLock = await navigator.wakeLock.request("screen");
		} catch {
			this.wakeLock = undefined; // the battery saver forbids it: the screen sleeps as usual
		}
	}

	private async connect(entry: Entry, Media: typeof MediaRoom): Promise<void> {
		const prefs = load();
		const media = new Media(
			{
				changed: () => this.draw(),
				connection: (state) => {
					this.showLine(state === "connected" ? "" : t("meet.again"));
					if (state === "reconnecting") this.say.shout(t("meet.again"));
					else if (this.media === media) void this.send(media);
				},
				lost: (why) => void this.lost(why),
				silent: (blocked) => {
					const was = this.soundButton.hidden;
					this.soundButton.hidden = !blocked;
					if (blocked && was) this.soundButton.focus();
				},
				failed: (m, error) => this.deviceFailed(m, error),
				ownEnded: () => this.draw(),
			},
			{ mic: prefs.mic, camera: prefs.camera, speaker: prefs.speaker },
			prefs.noise,
		);
		try {
			await media.connect(entry.engine.url, entry.engine.token);
		} catch {
			await media.leave();
			return this.lost("");
		}
		if (this.over) return void media.leave();
		this.media = media;
		this.stage.use(media);
		this.people.use(media);
		this.showLine("");
		if (!this.entered) {
			this.entered = true;
			const { me, meeting } = this.store.state;
			if (meeting.mute_on_entry && me.role !== "moderator") this.wanted.mic = false;
		}
		if (prefs.lowData) await media.setLowData(true);
		await this.send(media);
		this.draw();
	}

	/**
	 * Sends what is wanted, allowed and not sent yet. LiveKit publishes again by itself after a break, but
	 * gives up a track for good when that fails, so we look each time it says it is connected.
	 */
	private async send(media: MediaRoom): Promise<void> {
		for (const m of ["mic", "camera"] as const) {
			if (this.media !== media) return;
			if (this.wanted[m] && this.store.state.me.may[m] && !(m === "camera" && media.low) && !media.own(m)) await media.set(m, true);
		}
	}

	/** The media connection is gone. The seat is kept for a minute: come back the same way we came in. */
	private async lost(why: Gone): Promise<void> {
		if (this.over) return;
		this.media = undefined;
		this.stage.use(undefined);
		this.people.use(undefined);
		if (why === "removed") return this.finish("removed", "");
		if (why === "replaced") return this.finish("replaced", "");
		this.showLine(t("meet.again"));
		this.say.shout(t("meet.again"));
		for (const pause of retries) {
			await new Promise((r) => window.setTimeout(r, pause));
			if (this.over) return;
			try {
				const entry = await post<Entry>("enter");
				this.store.fold({ kind: "state", data: entry.state });
				const { MediaRoom } = await import("./media");
				const probe = this.connect(entry, MediaRoom);
				return void probe;
			} catch (error) {
				if (error instanceof Refused && error.status < 500 && error.status !== 429) return this.refused(error);
			}
		}
		this.finish("lost", "");
	}

	private async toggleMedia(m: Media, on = !(this.media?.own(m) ?? false)): Promise<void> {
		const { me } = this.store.state;
		if (on && !me.may[m]) {
			this.showHint(t(`meet.locked.${m}`));
			return;
		}
		if (!this.media) return;
		if (m !== "screen") this.wanted[m] = on;
		const now = await this.media.set(m, on);
		if (m !== "screen" && on) this.wanted[m] = now; // no device, no permission: not tried again behind their back
		if (m === "mic") save({ micOn: now });
		if (m === "camera") save({ cameraOn: now });
		if (now === on) this.say.say(t(`meet.say.${m}_${now ? "on" : "off"}`));
	}

	private deviceFailed(m: Media, error: Error): void {
		const why = error.name === "NotAllowedError" ? "denied" : error.name === "NotFoundError" ? "missing" : "failed";
		this.showHint(t(`meet.device.${why}_${m === "camera" ? "camera" : m === "screen" ? "screen" : "mic"}`));
	}

	private news(news: News): void {
		switch (news.kind) {
			case "joined":
				this.say.gather("meet.say.joined", news.person.name);
				break;
			case "gone":
				this.say.gather(news.why === "lost" ? "meet.say.lost" : "meet.say.left", news.name);
				break;
			case "hand":
				if (news.person.id !== this.store.state.me.id) this.say.say(t("meet.say.hand", { Name: news.person.name }), true);
				break;
			case "chat":
				if (this.panel !== "chat" && news.line.from !== this.store.state.me.id) this.unread++;
				break;
			case "reaction":
				this.stage.react(news.id, news.reaction);
				this.say.gather(`meet.say.reaction_${news.reaction}`, news.name);
				break;
			case "lobby":
				if (news.names.length > 0) {
					this.say.say(t("meet.say.waiting", { Name: news.names[0] ?? "", Count: news.names.length }), true);
					if (load().sound) tone();
				}
				break;
			case "role":
				this.say.say(t(news.role === "moderator" ? "meet.say.now_moderator" : "meet.say.not_moderator"), true);
				break;
			case "time":
				this.say.say(t("meet.time.soon", { Count: news.minutes }), true);
				break;
			case "muted":
				if (news.media === "mic" || news.media === "camera") this.wanted[news.media] = false;
				this.showHint(t(`meet.muted.${news.media}`, { Name: news.by }));
				break;
			case "engine":
				this.showLine(news.up ? "" : t("meet.engine.down"));
				break;
			case "over":
				return this.finish(news.why, news.message);
			default:
				break;
		}
		this.obey();
		this.draw();
	}

	/** A right that was taken stops what rests on it; the engine enforces the same. */
	private obey(): void {
		const { may } = this.store.state.me;
		for (const m of ["mic", "camera", "screen"] as const) {
			if (may[m]) continue;
			if (m !== "screen") this.wanted[m] = false;
			if (this.media?.own(m)) void this.media.set(m, false);
		}
	}

	/** Draws once per frame, however much has changed. */
	private draw(): void {
		if (!this.drawing)
			this.drawing = window.setTimeout(() => {
				this.drawing = 0;
				this.drawNow();
			}, 30);
	}

	private drawNow(): void {
		if (this.over) return;
		const { state } = this.store;
		this.head.draw();
		this.stage.draw();
		this.people.draw();
		this.chat.draw();
		this.bar.draw({
			mic: this.media?.own("mic") ?? false,
			camera: this.media?.own("camera") ?? false,
			screen: this.media?.own("screen") ?? false,
			hand: state.me.hand > 0,
			panel: this.panel,
			layout: load().layout,
			may: state.me.may,
			moderator: state.me.role === "moderator",
			unread: this.unread,
			waiting: state.me.role === "moderator" ? state.waiting.length : 0,
			canShare: "getDisplayMedia" in (navigator.mediaDevices ?? {}),
		});
		attr(this.root, "data-ready", this.media?.connected ? "true" : "false");
	}

	private openPanel(which: "people" | "chat" | "", focus: boolean): void {
		const before = this.panel;
		this.panel = which;
		this.panelBox.hidden = which === "";
		toggle(this.root, "data-panel", which !== "");
		this.people.el.hidden = which !== "people";
		this.chat.el.hidden = which !== "chat";
		text(this.panelTitle, which === "" ? "" : t(`meet.panel.${which}`));
		if (which === "chat") this.unread = 0;
		this.drawNow();
		if (!focus) return;
		if (which === "chat") this.chat.focus();
		else if (which === "people") this.panelTitle.focus();
		else document.getElementById(`bar-${before}`)?.focus();
	}

	private key(e: KeyboardEvent): void {
		if (this.over) return;
		if (e.key === "F6") {
			e.preventDefault();
			return this.nextRegion(e.shiftKey);
		}
		if (document.querySelector("dialog[open]")) return;
		if (e.key === "Escape") {
			if (!this.bar.closeMenus() && this.panelBox.contains(document.activeElement)) this.openPanel("", true);
			return;
		}
		const target = e.target as HTMLElement;
		if (!load().keys || e.ctrlKey || e.metaKey || e.altKey || target.closest("input, textarea, select, [contenteditable]")) return;
		if (e.code === "Space" && !target.closest("button, summary, a, [role=log]")) {
			e.preventDefault();
			if (!e.repeat && !this.talking && !(this.media?.own("mic") ?? true)) {
				this.talking = true;
				void this.toggleMedia("mic", true);
			}
			return;
		}
		const run: Record<string, () => void> = {
			m: () => void this.toggleMedia("mic"),
			v: () => void this.toggleMedia("camera"),
			s: () => void this.toggleMedia("screen"),
			h: () => document.getElementById("bar-hand")?.click(),
			l: () => document.getElementById("bar-layout")?.click(),
			p: () => this.openPanel(this.panel === "people" ? "" : "people", true),
			c: () => this.openPanel(this.panel === "chat" ? "" : "chat", true),
			"?": keysDialog,
		};
		const act = run[e.key.toLowerCase()];
		if (act && !e.repeat) {
			e.preventDefault();
			act();
		}
	}

	private keyUp(e: KeyboardEvent): void {
		if (e.code === "Space" && this.talking) {
			this.talking = false;
			void this.toggleMedia("mic", false);
		}
	}

	private nextRegion(back: boolean): void {
		const regions = ["stage", "panel", "controls"].map((id) => document.getElementById(id)).filter((el): el is HTMLElement => el !== null && !el.hidden);
		const at = regions.findIndex((r) => r.contains(document.activeElement));
		const next = regions[(at + (back ? regions.length - 1 : 1) + (at < 0 && back ? 1 : 0)) % regions.length];
		if (next?.id === "panel") this.panelTitle.focus();
		else next?.focus();
	}

	private async rename(): Promise<void> {
		const name = await ask(t("meet.rename.title"), t("meet.rename.label"), this.store.state.me.name, t("meet.rename.save"));
		if (name) await this.quiet(post("rename", { name }));
	}

	private async end(): Promise<void> {
		const { people } = this.store.state;
		const typed = people.length > typedAbove ? t("meet.end.word") : "";
		if (await confirm(t("meet.end.title"), t("meet.end.sentence", { Count: people.length }), t("meet.end.action"), typed)) await this.quiet(post("end"));
	}

	private async leave(): Promise<void> {
		this.over = true;
		this.stream?.close();
		await Promise.allSettled([post("leave"), this.media?.leave()]);
		this.over = false;
		this.finish("left", "");
	}

	private async quiet(done: Promise<unknown>): Promise<void> {
		try {
			await done;
		} catch (error) {
			this.showHint(error instanceof Refused ? error.message : t("meet.error.unsent"));
		}
	}

	private hintTimer = 0;

	private showHint(sentence: string): void {
		text(this.hint, sentence);
		this.hint.hidden = false;
		window.clearTimeout(this.hintTimer);
		this.hintTimer = window.setTimeout(() => {
			this.hint.hidden = true;
		}, 8000);
	}

	private showLine(sentence: string): void {
		text(this.line, sentence);
		this.line.hidden = sentence === "";
	}

	/** The last screen: what happened, why, and what to do next. */
	private finish(why: string, message: string): void {
		if (this.over) return;
		this.over = true;
		this.stream?.close();
		void this.media?.leave();
		void this.wakeLock?.release();
		for (const d of Array.from(document.querySelectorAll("dialog"))) d.remove();
		const known = ["left", "removed", "replaced", "host", "duration", "empty", "platform", "ended", "lost", "unreachable"];
		const key = known.includes(why) ? why : "ended";
		const title = document.querySelector("h1") ?? h("h1", {});
		text(title, t(`meet.over.${key}_title`));
		title.setAttribute("tabindex", "-1");
		const back = ["left", "replaced", "lost", "unreachable"].includes(key);
		const again = back || (!config().client && ["host", "empty", "platform", "ended"].includes(key));
		this.root.replaceChildren(
			h(
				"section",
				{ class: "meet-over card", role: "alert", "data-why": key },
				title,
				h("p", {}, message || t(`meet.over.${key}`)),
				h(
					"p",
					{ class: "meet-over-actions" },
					again && h("a", { class: "button primary", href: config().room }, t(back ? "meet.over.join_again" : "meet.over.to_room")),
					h("a", { class: again ? "button plain" : "button primary", href: config().home }, config().homeLabel || t("meet.over.home")),
				),
			),
		);
		attr(this.root, "data-over", key);
		title.focus();
	}
}

/** A short, soft tone: somebody waits outside. */
function tone(): void {
	try {
		const ctx = new AudioContext();
		const osc = ctx.createOscillator();
		const gain = ctx.createGain();
		osc.frequency.value = 660;
		gain.gain.setValueAtTime(0.08, ctx.currentTime);
		gain.gain.exponentialRampToValueAtTime(0.0001, ctx.currentTime + 0.4);
		osc.connect(gain).connect(ctx.destination);
		osc.start();
		osc.stop(ctx.currentTime + 0.4);
		osc.onended = () => void ctx.close();
	} catch {
		// no sound device: the sentence was said, the list shows who waits
	}
}

const root = document.getElementById("meet");
if (root) void new Page(root).start();
