// SPDX-License-Identifier: AGPL-3.0-or-later

import { config } from "./dom";

export type Values = Record<string, string | number>;

let rules: Intl.PluralRules | undefined;

/** The text of a key in the page's language; Count chooses the plural form. A missing key shows itself. */
export function t(key: string, values: Values = {}): string {
	const entry = config().strings[key];
	if (entry === undefined) return key;
	let form: string;
	if (typeof entry === "string") form = entry;
	else {
		rules ??= new Intl.PluralRules(config().lang);
		form = entry[rules.select(Number(values.Count ?? 0))] ?? entry.other ?? key;
	}
	return form.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A list of names as the language joins them. */
export function list(names: string[]): string {
	return new Intl.ListFormat(config().lang, { style: "long", type: "conjunction" }).format(names);
}

/** Hours and minutes on the reader's clock. */
export function clock(iso: string): string {
	return new Intl.DateTimeFormat(config().lang, { hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
}
