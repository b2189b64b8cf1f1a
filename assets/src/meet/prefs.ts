// SPDX-License-Identifier: AGPL-3.0-or-later

/** What this browser remembers of its devices and habits. Nothing here leaves it. */
export interface Prefs {
	micOn: boolean;
	cameraOn: boolean;
	mic: string;
	camera: string;
	speaker: string;
	noise: boolean;
	lowData: boolean;
	layout: "grid" | "speaker";
	keys: boolean;
	speak: "all" | "important" | "none"; // how much is read out
	sound: boolean; // a tone when somebody waits
}

const defaults: Prefs = { micOn: true, cameraOn: true, mic: "", camera: "", speaker: "", noise: true, lowData: false, layout: "grid", keys: true, speak: "all", sound: true };

const key = "meet.prefs";

export function load(): Prefs {
	try {
		return { ...defaults, ...(JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Prefs>) };
	} catch {
		return { ...defaults }; // storage is blocked or holds nonsense: the defaults serve
	}
}

export function save(change: Partial<Prefs>): Prefs {
	const prefs = { ...load(), ...change };
	try {
		localStorage.setItem(key, JSON.stringify(prefs));
	} catch {
		// storage is blocked: the choice lasts as long as the page
	}
	return prefs;
}
