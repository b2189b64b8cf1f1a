// SPDX-License-Identifier: AGPL-3.0-or-later

import { load } from "./prefs";
import { list, t } from "./strings";

/**
 * The two live regions of the page. What comes often (joins, leaves, reactions) is gathered for five
 * seconds and said as one sentence; what matters is said at once.
 */
export class Announcer {
	private gathered = new Map<string, string[]>();
	private timer = 0;

	constructor(
		private readonly polite: HTMLElement,
		private readonly alarm: HTMLElement,
	) {}

	/** Says one polite sentence. important: also when the reader asked for little. */
	say(sentence: string, important = false): void {
		const level = load().speak;
		if (level === "none" || (level === "important" && !important)) return;
		this.put(this.polite, sentence);
	}

	/** Says what cannot wait: removed, ended, connection lost. */
	shout(sentence: string): void {
		this.put(this.alarm, sentence);
	}

	/** Gathers a name under a key like "meet.say.joined". */
	gather(key: string, name: string): void {
		const names = this.gathered.get(key) ?? [];
		if (!names.includes(name)) names.push(name);
		this.gathered.set(key, names);
		if (!this.timer) this.timer = window.setTimeout(() => this.flush(), 5000);
	}

	private flush(): void {
		this.timer = 0;
		const sentences = [...this.gathered].map(([key, names]) => t(key, { Names: names.length > 3 ? t("meet.say.many", { Count: names.length }) : list(names), Count: names.length }));
		this.gathered.clear();
		this.say(sentences.join(" "));
	}

	private put(region: HTMLElement, sentence: string): void {
		const p = document.createElement("p");
		p.textContent = sentence;
		region.append(p); // an added node is read out even when the words repeat
		while (region.childElementCount > 4) region.firstElementChild?.remove();
		window.setTimeout(() => p.remove(), 10_000);
	}
}
