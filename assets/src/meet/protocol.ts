// SPDX-License-Identifier: AGPL-3.0-or-later

// The words that the server and this page exchange; package live owns them.

export type Media = "mic" | "camera" | "screen";
export type Role = "moderator" | "viewer";

export interface May {
	mic: boolean;
	camera: boolean;
	screen: boolean;
	chat: boolean;
}

export interface Person {
	id: string;
	name: string;
	role: Role;
	state: "inside" | "away" | "connecting";
	hand: number; // order of raising, 0 = down
	may: May;
}

export interface Waiting {
	id: string;
	name: string;
	since: string; // RFC 3339
}

export interface Removed {
	id: string;
	name: string;
}

export interface Line {
	id: string;
	n: number;
	from: string;
	name: string;
	to: string; // "all", "moderators" or a participant
	to_name: string;
	text: string;
	at: string;
}

export interface Locks {
	chat: boolean;
	mic: boolean;
	camera: boolean;
	screen: boolean;
	names: boolean;
}

export interface Seats {
	used: number;
	limit: number | null;
	held: number;
}

export interface Meeting {
	id: string;
	room: string;
	name: string;
	member: string;
	started_at: string;
	deadline_at: string | null;
	locks: Locks;
	door: "open" | "closed";
	seats: Seats;
	cap: number | null;
	mute_on_entry: boolean;
}

export interface Me {
	id: string;
	name: string;
	role: Role;
	hand: number;
	may: May;
}

export interface State {
	now: string; // the server's clock when this was written
	n: number; // number of the last event it holds
	meeting: Meeting;
	me: Me;
	people: Person[];
	waiting: Waiting[];
	removed: Removed[]; // who was put out and may be let back in; empty for viewers
	chat: Line[];
}

export interface Entry {
	state: State;
	engine: { kind: "sfu"; url: string; token: string };
}

export type Event =
	| { kind: "state"; data: State }
	| { kind: "person"; data: Person }
	| { kind: "gone"; data: { id: string; name: string; why: "left" | "removed" | "lost" } }
	| { kind: "chat"; data: Line }
	| { kind: "reaction"; data: { id: string; name: string; kind: Reaction } }
	| { kind: "locks"; data: Locks & { door: "open" | "closed" } }
	| { kind: "seats"; data: Seats }
	| { kind: "deadline"; data: { at: string | null } }
	| { kind: "time"; data: { minutes: number } }
	| { kind: "lobby"; data: { waiting: Waiting[] } }
	| { kind: "muted"; data: { by: string; media: Media } }
	| { kind: "removed"; data: Record<string, never> }
	| { kind: "lifted"; data: Removed }
	| { kind: "replaced"; data: Record<string, never> }
	| { kind: "ended"; data: { why: string; message: string } }
	| { kind: "engine"; data: { state: "up" | "down" } };

export const kinds = ["state", "person", "gone", "chat", "reaction", "locks", "seats", "deadline", "time", "lobby", "muted", "removed", "lifted", "replaced", "ended", "engine"] as const;

export const reactions = ["thumbs_up", "heart", "clap", "laugh", "surprised", "celebrate"] as const;
export type Reaction = (typeof reactions)[number];

export const emoji: Record<Reaction, string> = { thumbs_up: "👍", heart: "❤️", clap: "👏", laugh: "😄", surprised: "😮", celebrate: "🎉" };
