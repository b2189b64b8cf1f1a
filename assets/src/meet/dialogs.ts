// SPDX-License-Identifier: AGPL-3.0-or-later

import { h, icon } from "./dom";
import type { MediaRoom } from "./media";
import { load, save } from "./prefs";
import { t } from "./strings";

/** Opens a native dialog; focus goes in, Escape closes, focus comes back to where it was. */
export function open(title: string, ...content: (Node | string)[]): HTMLDialogElement {
	const opener = document.activeElement as HTMLElement | null;
	const id = `dialog-${Math.random().toString(36).slice(2)}`;
	const dialog = h(
		"dialog",
		{ class: "dialog", "aria-labelledby": id },
		h("div", { class: "dialog-head" }, h("h2", { id }, title), h("button", { type: "button", class: "meet-mini", onclick: () => dialog.close() }, icon("x"), h("span", { class: "unseen" }, t("meet.close")))),
		...content,
	);
	dialog.addEventListener("close", () => {
		dialog.remove();
		opener?.focus();
	});
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

/** Asks before something that cannot be undone. typed: the word to type first, or "" for a plain question. */
export function confirm(title: string, sentence: string, action: string, typed = ""): Promise<boolean> {
	return new Promise((resolve) => {
		let yes = false;
		const input = h("input", { class: "input", id: "confirm-typed", autocomplete: "off", required: typed !== "" });
		const form = h(
			"form",
			{
				class: "dialog-form",
				onsubmit: (e: globalThis.Event) => {
					e.preventDefault();
					if (typed && input.value.trim() !== typed) {
						input.setCustomValidity(t("meet.confirm.mismatch"));
						input.reportValidity();
						return;
					}
					yes = true;
					dialog.close();
				},
			},
			h("p", {}, sentence),
			typed ? h("label", { for: "confirm-typed" }, t("meet.confirm.type", { Word: typed })) : null,
			typed ? input : null,
			h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button plain", onclick: () => dialog.close() }, t("meet.cancel")), h("button", { type: "submit", class: "button danger" }, action)),
		);
		input.addEventListener("input", () => input.setCustomValidity(""));
		const dialog = open(title, form);
		dialog.addEventListener("close", () => resolve(yes));
	});
}

/** Asks for one line of text; null when it was closed. */
export function ask(title: string, label: string, value: string, action: string): Promise<string | null> {
	return new Promise((resolve) => {
		let answer: string | null = null;
		const input = h("input", { class: "input", id: "ask-value", value, maxlength: "80", required: true });
		const form = h(
			"form",
			{
				class: "dialog-form",
				onsubmit: (e: globalThis.Event) => {
					e.preventDefault();
					answer = input.value.trim();
					dialog.close();
				},
			},
			h("label", { for: "ask-value" }, label),
			input,
			h("div", { class: "dialog-actions" }, h("button", { type: "submit", class: "button primary" }, action)),
		);
		const dialog = open(title, form);
		dialog.addEventListener("close", () => resolve(answer));
	});
}

export const shortcuts: [string, string][] = [
	["M", "meet.keys.mic"],
	["V", "meet.keys.camera"],
	["S", "meet.keys.screen"],
	["H", "meet.keys.hand"],
	["L", "meet.keys.layout"],
	["P", "meet.keys.people"],
	["C", "meet.keys.chat"],
	["␣", "meet.keys.talk"],
	["F6", "meet.keys.regions"],
	["Esc", "meet.keys.close"],
	["?", "meet.keys.help"],
];

/** The list of keys, and the switch that turns the single-letter ones off (WCAG 2.1.4). */
export function keysDialog(): void {
	const on = h("input", { type: "checkbox", id: "keys-on", onchange: () => save({ keys: on.checked }) });
	on.checked = load().keys;
	open(
		t("meet.keys.title"),
		h("dl", { class: "keys" }, ...shortcuts.flatMap(([key, words]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(words))])),
		h("label", { class: "people-lock", for: "keys-on" }, on, h("span", {}, t("meet.keys.enable"))),
	);
}

/** Devices and habits. Changes act at once. */
export async function settingsDialog(media: MediaRoom | undefined, changed: () => void): Promise<void> {
	const prefs = load();
	const devices = await navigator.mediaDevices.enumerateDevices().catch(() => [] as MediaDeviceInfo[]);
	const choose = (kind: MediaDeviceKind, label: string, key: "mic" | "camera" | "speaker") => {
		const options = devices.filter((d) => d.kind === kind && d.deviceId);
		if (options.length === 0) return null;
		const select = h(
			"select",
			{
				class: "select",
				id: `device-${key}`,
				onchange: () => {
					save({ [key]: select.value });
					void media?.use(kind, select.value);
				},
			},
			...options.map((d, i) => h("option", { value: d.deviceId }, d.label || t("meet.device.unnamed", { Number: i + 1 }))),
		);
		select.value = prefs[key] || media?.active(kind) || (options[0]?.deviceId ?? "");
		return h("div", { class: "field" }, h("label", { for: `device-${key}` }, t(label)), select);
	};
	const box = (id: "noise" | "lowData" | "sound", label: string, run: (on: boolean) => void) => {
		const input = h("input", {
			type: "checkbox",
			id: `set-${id}`,
			onchange: () => {
				save({ [id]: input.checked });
				run(input.checked);
				changed();
			},
		});
		input.checked = prefs[id];
		return h("label", { class: "people-lock", for: `set-${id}` }, input, h("span", {}, t(label)));
	};
	const speak = h(
		"select",
		{ class: "select", id: "set-speak", onchange: () => save({ speak: speak.value as typeof prefs.speak }) },
		...(["all", "important", "none"] as const).map((v) => h("option", { value: v }, t(`meet.speak.${v}`))),
	);
	speak.value = prefs.speak;
	open(
		t("meet.settings.title"),
		...[choose("audioinput", "meet.device.mic", "mic"), choose("videoinput", "meet.device.camera", "camera"), choose("audiooutput", "meet.device.speaker", "speaker")].filter((n): n is HTMLDivElement => n !== null),
		box("noise", "meet.settings.noise", () => {}),
		box("lowData", "meet.settings.low_data", (on) => void media?.setLowData(on)),
		box("sound", "meet.settings.sound", () => {}),
		h("div", { class: "field" }, h("label", { for: "set-speak" }, t("meet.settings.speak")), speak),
	);
}
