// SPDX-License-Identifier: AGPL-3.0-or-later

// Small helpers around the DOM. No framework: the page has one screen and a dozen parts.

type Child = Node | string | null | undefined | false;
type Props = Record<string, string | number | boolean | EventListener | undefined>;

/**
 * Makes an element. Properties that begin with "on" become listeners, true becomes an empty
 * attribute, false and undefined none. Text is always text, never markup.
 */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
	const el = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (typeof value === "function") el.addEventListener(name.slice(2), value);
		else if (value === true) el.setAttribute(name, "");
		else if (value !== false && value !== undefined) el.setAttribute(name, String(value));
	}
	for (const child of children) if (child) el.append(child);
	return el;
}

/** An icon of the sprite, hidden from screen readers: a word always stands beside it. */
export function icon(name: string): SVGElement {
	const ns = "http://www.w3.org/2000/svg";
	const svg = document.createElementNS(ns, "svg");
	svg.setAttribute("class", "icon");
	svg.setAttribute("aria-hidden", "true");
	const use = document.createElementNS(ns, "use");
	use.setAttribute("href", `${config().sprite}#${name}`);
	svg.append(use);
	return svg;
}

/** Sets or removes a boolean attribute only when it changes, so that nothing is announced twice. */
export function toggle(el: Element, name: string, on: boolean): void {
	if (el.hasAttribute(name) !== on) el.toggleAttribute(name, on);
}

/** Sets an attribute only when it changes. */
export function attr(el: Element, name: string, value: string): void {
	if (el.getAttribute(name) !== value) el.setAttribute(name, value);
}

/** Sets text only when it changes. */
export function text(el: Element, value: string): void {
	if (el.textContent !== value) el.textContent = value;
}

/** Keeps the children of el equal to one element per key, made once and updated in place: focus survives. */
export function keyed<T>(el: Element, items: T[], key: (item: T) => string, make: (item: T) => HTMLElement, update: (node: HTMLElement, item: T) => void): void {
	const have = new Map<string, HTMLElement>();
	for (const child of Array.from(el.children) as HTMLElement[]) have.set(child.dataset.key ?? "", child);
	let at: Element | null = el.firstElementChild;
	for (const item of items) {
		const k = key(item);
		let node = have.get(k);
		if (!node) {
			node = make(item);
			node.dataset.key = k;
		}
		have.delete(k);
		update(node, item);
		if (node === at) at = at.nextElementSibling;
		else el.insertBefore(node, at);
	}
	for (const gone of have.values()) gone.remove();
}

/** What the server wrote into the page for this script. */
export interface Config {
	meeting: string; // id of the meeting
	base: string; // "/meet/<id>"
	room: string; // "/r/<slug>": where to go when it is over; of an API client's meeting its own address, to join again
	client: boolean; // the meeting of an API client: it has no room
	homeLabel: string; // of the way home, when that is the client's own page; "" otherwise
	home: string; // where *Leave* leads
	sprite: string; // URL of the icon sprite
	lang: string; // BCP 47
	strings: Record<string, string | Record<string, string>>;
}

let cached: Config | undefined;

/** Reads the page's configuration once. */
export function config(): Config {
	if (!cached) cached = JSON.parse(document.getElementById("config")?.textContent ?? "{}") as Config;
	return cached;
}
