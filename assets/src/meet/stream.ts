// SPDX-License-Identifier: AGPL-3.0-or-later

import { config } from "./dom";
import { type Event, kinds } from "./protocol";

/**
 * The event stream of the meeting. The browser reconnects by itself and sends the number of the last
 * event it saw; when it gives up (an answer that is no stream), we try again with growing pauses.
 */
export class Stream {
	private source: EventSource | undefined;
	private timer = 0;
	private tries = 0;
	private closed = false;
	private last: number;

	constructor(
		after: number,
		private readonly on: (event: Event) => void,
		private readonly onLine: (up: boolean) => void,
	) {
		this.last = after;
		this.open();
	}

	private open(): void {
		const source = new EventSource(`${config().base}/events?after=${this.last}`);
		this.source = source;
		source.onopen = () => {
			this.tries = 0;
			this.onLine(true);
		};
		source.onerror = () => {
			this.onLine(false);
			if (source.readyState !== EventSource.CLOSED || this.closed) return;
			const pause = [300, 1000, 2000, 5000, 10_000][Math.min(this.tries++, 4)] ?? 10_000;
			this.timer = window.setTimeout(() => this.open(), pause);
		};
		for (const kind of kinds) {
			source.addEventListener(kind, (e) => {
				const message = e as MessageEvent<string>;
				if (message.lastEventId) this.last = Number(message.lastEventId);
				this.on({ kind, data: JSON.parse(message.data) } as Event);
			});
		}
	}

	close(): void {
		this.closed = true;
		window.clearTimeout(this.timer);
		this.source?.close();
	}
}
