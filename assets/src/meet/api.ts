// SPDX-License-Identifier: AGPL-3.0-or-later

import { config } from "./dom";
import { t } from "./strings";

/** A refusal of the server: its stable code and its sentence in the page's language. */
export class Refused extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
		readonly why: string,
	) {
		super(message);
	}
}

const timeout = 10_000; // ms; a post that takes longer is lost on the way

/** Posts to the running meeting. Throws Refused for an answer that says no, TypeError when there is none. */
export async function post<T = unknown>(path: string, body: unknown = {}): Promise<T> {
	const answer = await fetch(`${config().base}/${path}`, {
		method: "POST",
		headers: { "Content-Type": "application/json", Accept: "application/json" },
		body: JSON.stringify(body),
		signal: AbortSignal.timeout(timeout),
	});
	const isJSON = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
	const data = isJSON ? await answer.json() : {};
	if (!answer.ok) throw new Refused(answer.status, data.code ?? "internal", data.message ?? t("meet.error.unknown"), data.why ?? "");
	return data as T;
}

/** Says goodbye while the page is being closed: no answer is awaited, the browser sends it anyway. */
export function farewell(): void {
	navigator.sendBeacon(`${config().base}/leave`, new Blob(["{}"], { type: "application/json" }));
}
