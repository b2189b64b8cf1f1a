// SPDX-License-Identifier: AGPL-3.0-or-later

// Steps that journeys share, by role and label as a person finds them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { signIn, until, visitor } from "./harness.mjs";

/** Opens a room by its name from the list and returns its link. */
export async function openRoom(page, server, name) {
	await page.goto(`${server.url}/rooms`);
	await page.getByRole("link", { name, exact: true }).first().click();
	await page.getByRole("heading", { level: 1, name }).waitFor();
	return page.url();
}

/** A host in a meeting of a room of theirs. */
export async function hostIn(t, browser, server, email, room, options = {}) {
	const page = t.page(await visitor(browser, options));
	await signIn(page, server, email);
	const link = await openRoom(page, server, room);
	await page.goto(`${link}/join`);
	await page.locator("form[data-join] button:not([type=button])").first().click();
	await page.waitForURL(/\/meet\//);
	await inside(page);
	return { page, link };
}

/** A guest who presses Join on a room's link. Where that leads is the caller's to see. */
export async function knock(t, browser, link, name, options = {}) {
	const page = t.page(await visitor(browser, options));
	await notePictures(page);
	await page.goto(link);
	await page.getByLabel("Your name").fill(name);
	page.pressed = Date.now();
	await page.getByRole("button", { name: "Join", exact: true }).click();
	return page;
}

/** A guest who is let in at once. */
export async function guestIn(t, browser, link, name, options = {}) {
	const page = await knock(t, browser, link, name, options);
	await page.waitForURL(/\/meet\//);
	await inside(page);
	return page;
}

/** Waits until the page takes part. */
export async function inside(page) {
	await page.locator("#meet[data-ready=true]").waitFor({ timeout: 20_000 });
}

/** Frames decoded so far of each picture, by the name under it. */
export function frames(page) {
	return page.evaluate(() =>
		Object.fromEntries(
			[...document.querySelectorAll(".tile")].map((tile) => {
				const video = tile.querySelector("video");
				return [tile.querySelector(".tile-name").textContent, video.srcObject ? video.getVideoPlaybackQuality().totalVideoFrames : -1];
			}),
		),
	);
}

/** Waits until the picture of somebody has moved on by at least n frames. */
export async function seesMoving(page, name, n = 10) {
	const began = (await frames(page))[name] ?? 0;
	return until(`${name} moves`, async () => {
		const now = (await frames(page))[name] ?? -1;
		return now >= Math.max(0, began) + n && now;
	}, 20_000);
}

/** Has the page note when it shows the first frame of somebody else's picture; before its first goto. */
export function notePictures(page) {
	return page.addInitScript(() => {
		const look = () => {
			const shown = [...document.querySelectorAll(".tile")].some((tile) => {
				const video = tile.querySelector("video");
				return video?.srcObject && !tile.querySelector(".tile-name")?.textContent.endsWith("(you)") && video.getVideoPlaybackQuality().totalVideoFrames > 0;
			});
			if (shown) window.firstPicture = Date.now();
			else requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
	});
}

/** When that was, in milliseconds of this machine's clock. */
export async function firstPicture(page) {
	return (await page.waitForFunction(() => window.firstPicture)).jsonValue();
}

/** Opens the panel of people, if it is not open. */
export async function openPeople(page) {
	if (!(await page.locator(".people").isVisible())) await page.locator("#bar-people").click();
}

/** The row of somebody in the list of people. */
export function person(page, name) {
	return page.locator(".people-list > li").filter({ has: page.locator(".person-name", { hasText: name }) });
}

/** Chooses an act from somebody's menu. */
export async function act(page, name, item) {
	await openPeople(page);
	await person(page, name).locator("summary").click();
	await person(page, name).getByRole("button", { name: item, exact: true }).click();
}

/** The newest letter of the demo's outbox to an address: its link and its code. */
export async function letter(server, address) {
	return until(`a letter to ${address}`, async () => {
		const list = await (await fetch(`${server.url}/outbox`)).text();
		for (const [, path] of list.matchAll(/href="(\/outbox\/mail_[0-9a-f]{32})"/g)) {
			const text = await (await fetch(server.url + path)).text();
			if (!text.includes(address)) continue;
			const link = text.match(/href="(\/signin\/link\/[\w-]+)"/)?.[1];
			const code = text.match(/\b\d{3} ?\d{3}\b/)?.[0];
			return { link: server.url + link, code, page: server.url + path };
		}
		return null;
	});
}

/** Counts presses that open or send, as the design counts clicks. */
export class Clicks {
	n = 0;
	async press(locator) {
		this.n++;
		await locator.click();
	}
}

/** Nobody waits for a fixed time: this awaits that a sentence is on the page. */
export async function reads(page, text) {
	await page.getByText(text, { exact: false }).first().waitFor();
}

/** Brings recordings of meetings into a server, as `recording import` takes them: { title, days ago, formats, megabytes, connection }. Returns their ids. */
export async function bringRecordings(t, server, all) {
	const ids = [];
	for (const [i, r] of all.entries()) {
		const dir = mkdtempSync(path.join(tmpdir(), "meetcoop-recordings-"));
		t.after(() => Promise.resolve(rmSync(dir, { recursive: true, force: true })));
		const begin = Date.now() - r.ago * 86_400_000;
		const id = `${String(i + 1).padStart(40, "0")}-${begin}`;
		for (const format of r.formats ?? ["presentation", "video"]) {
			const at = path.join(dir, format, id);
			mkdirSync(at, { recursive: true });
			writeFileSync(
				path.join(at, "metadata.xml"),
				`<recording><id>${id}</id><state>published</state><published>true</published><start_time>${begin}</start_time><end_time>${begin + 54 * 60_000}</end_time><participants>9</participants>
<meeting id="${id}" externalId="course-${i}" name="${r.title}" breakout="false"/><meta><meetingId>course-${i}</meetingId><meetingName>${r.title}</meetingName></meta>
<playback><format>${format}</format><link>https://old.example/x</link><processing_time>1</processing_time><duration>3240000</duration></playback></recording>`,
			);
			writeFileSync(path.join(at, "video.webm"), Buffer.alloc((r.megabytes ?? 1) * 1_000_000));
		}
		await server.cli("recording", "import", dir, ...(r.connection ? ["--connection", r.connection] : []));
		ids.push(id);
	}
	return ids;
}
