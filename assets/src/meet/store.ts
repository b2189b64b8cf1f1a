// SPDX-License-Identifier: AGPL-3.0-or-later

import type { Event, Line, Person, Reaction, State } from "./protocol";

/** What changed, for those who announce it. Views draw from the state and need no details. */
export type News =
	| { kind: "drawn" }
	| { kind: "joined"; person: Person }
	| { kind: "gone"; name: string; why: "left" | "removed" | "lost" }
	| { kind: "hand"; person: Person }
	| { kind: "chat"; line: Line }
	| { kind: "reaction"; id: string; name: string; reaction: Reaction }
	| { kind: "lobby"; names: string[] }
	| { kind: "role"; role: string }
	| { kind: "locks" }
	| { kind: "seats" }
	| { kind: "time"; minutes: number }
	| { kind: "deadline" }
	| { kind: "muted"; by: string; media: string }
	| { kind: "over"; why: string; message: string }
	| { kind: "engine"; up: boolean };

type Listener = (state: State, news: News) => void;

/**
 * The state of the meeting as the server tells it: a full state, then events folded into it.
 * Folding the same event twice changes nothing, so a resumed stream may repeat itself.
 */
export class Store {
	private listeners: Listener[] = [];
	private skew = 0; // server's clock minus ours, ms

	constructor(public state: State) {
		this.adopt(state);
	}

	subscribe(fn: Listener): void {
		this.listeners.push(fn);
	}

	/** The server's present, in ms since 1970. */
	now(): number {
		return Date.now() + this.skew;
	}

	private adopt(state: State): void {
		this.state = state;
		this.skew = Date.parse(state.now) - Date.now();
	}

	private tell(news: News): void {
		for (const fn of this.listeners) fn(this.state, news);
	}

	/** Folds one event; the caller keeps the order of the stream. */
	fold(event: Event): void {
		const s = this.state;
		switch (event.kind) {
			case "state":
				this.adopt(event.data);
				return this.tell({ kind: "drawn" });
			case "person":
				return this.person(event.data);
			case "gone":
				s.people = s.people.filter((p) => p.id !== event.data.id);
				if (event.data.why === "removed" && s.me.role === "moderator" && !s.removed.some((r) => r.id === event.data.id)) s.removed.push({ id: event.data.id, name: event.data.name });
				return this.tell({ kind: "gone", name: event.data.name, why: event.data.why });
			case "chat":
				if (s.chat.some((l) => l.id === event.data.id)) return;
				s.chat.push(event.data);
				return this.tell({ kind: "chat", line: event.data });
			case "reaction":
				return this.tell({ kind: "reaction", id: event.data.id, name: event.data.name, reaction: event.data.kind });
			case "locks": {
				const { door, ...locks } = event.data;
				s.meeting.locks = locks;
				s.meeting.door = door;
				return this.tell({ kind: "locks" });
			}
			case "seats":
				s.meeting.seats = event.data;
				return this.tell({ kind: "seats" });
			case "deadline":
				s.meeting.deadline_at = event.data.at;
				return this.tell({ kind: "deadline" });
			case "time":
				return this.tell({ kind: "time", minutes: event.data.minutes });
			case "lobby": {
				const before = new Set(s.waiting.map((w) => w.id));
				s.waiting = event.data.waiting;
				return this.tell({ kind: "lobby", names: s.waiting.filter((w) => !before.has(w.id)).map((w) => w.name) });
			}
			case "muted":
				return this.tell({ kind: "muted", by: event.data.by, media: event.data.media });
			case "lifted":
				s.removed = s.removed.filter((r) => r.id !== event.data.id);
				return this.tell({ kind: "drawn" });
			case "removed":
				return this.tell({ kind: "over", why: "removed", message: "" });
			case "replaced":
				return this.tell({ kind: "over", why: "replaced", message: "" });
			case "ended":
				return this.tell({ kind: "over", why: event.data.why, message: event.data.message });
			case "engine":
				return this.tell({ kind: "engine", up: event.data.state === "up" });
		}
	}

	private person(person: Person): void {
		const s = this.state;
		const at = s.people.findIndex((p) => p.id === person.id);
		const before = s.people[at];
		if (before) s.people[at] = person;
		else s.people.push(person);
		if (person.id === s.me.id) {
			const role = s.me.role;
			s.me = { ...s.me, name: person.name, role: person.role, hand: person.hand, may: person.may };
			if (role !== person.role) return this.tell({ kind: "role", role: person.role });
		} else if (!before) return this.tell({ kind: "joined", person });
		if (before && !before.hand && person.hand) return this.tell({ kind: "hand", person });
		this.tell({ kind: "drawn" });
	}
}
