// SPDX-License-Identifier: AGPL-3.0-or-later

// Limits as people meet them: the line for a seat, the end of the time, and never one too many.

import { createHash, createHmac } from "node:crypto";
import { assert, equal, freePort, launch, Server, signIn, test, until, visitor } from "./harness.mjs";
import { guestIn, hostIn, knock, openRoom, reads } from "./steps.mjs";

const host = "daisy@common-loom.example";

test("the end of the time: warned, ended for all, and no fresh time for a free member at once", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	await server.cli("level", "override", "--member", "colm-byrne", "--duration", "2m", "--reason", "test");
	const browser = await launch();
	t.after(() => browser.close());
	const { page, link } = await hostIn(t, browser, server, "colm@people.example", "Colm's room");
	const guest = await guestIn(t, browser, link, "Gast Eins");
	await reads(guest, "This meeting ends in 2 minutes");
	const began = performance.now();
	await page.getByRole("heading", { name: "The meeting has ended" }).waitFor({ timeout: 130_000 });
	await reads(page, "longest duration");
	await guest.getByRole("heading", { name: "The meeting has ended" }).waitFor({ timeout: 2000 });
	t.note(`ended after ${Math.round((performance.now() - began) / 1000)} s`);
	await page.goto(`${link}/join`);
	await page.getByRole("button", { name: "Start meeting" }).click();
	await page.getByRole("heading", { name: "The time of this level is used up" }).waitFor();
	await reads(page, "Next possible");
}, { beside: true });

test("three seats, two rooms: the fourth reads why, waits in line, and is let in within 3 s of a free seat, in order", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	await server.cli("level", "override", "--member", "common-loom", "--seats", "3", "--reason", "test");
	const browser = await launch();
	t.after(() => browser.close());
	const { link } = await hostIn(t, browser, server, host, "Commons");
	const { page: ewan, link: otherLink } = await hostIn(t, browser, server, "ewan@common-loom.example", "Support desk");
	const third = await guestIn(t, browser, link, "Third");

	const fourth = await knock(t, browser, otherLink, "Fourth");
	await fourth.getByRole("heading", { name: "All 3 seats of Common Loom are taken" }).waitFor();
	await reads(fourth, "3 of 3 seats taken");
	await reads(fourth, "admission.seats_full");
	await fourth.getByRole("button", { name: "Wait for a seat" }).click();
	await reads(fourth, "You are next.");
	const fifth = await knock(t, browser, link, "Fifth");
	await fifth.getByRole("button", { name: "Wait for a seat" }).click();
	await reads(fifth, "1 person is before you.");

	let left = performance.now();
	await third.locator("#bar-leave").click();
	await fourth.waitForURL(/\/meet\//, { timeout: 3000 });
	t.note(`the fourth was let in ${Math.round(performance.now() - left)} ms after somebody pressed Leave`);
	await reads(fifth, "You are next.");
	left = performance.now();
	await ewan.close(); // closing the window says goodbye as well
	await fifth.waitForURL(/\/meet\//, { timeout: 3000 });
	t.note(`the fifth ${Math.round(performance.now() - left)} ms after a window was closed`);
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 3, "seats");
});

test("an override by the command line is in force on the running server within a second", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	await server.cli("level", "override", "--member", "common-loom", "--seats", "1", "--reason", "test");
	const browser = await launch();
	t.after(() => browser.close());
	const { link } = await hostIn(t, browser, server, host, "Commons");
	const guest = await knock(t, browser, link, "Second");
	await guest.getByRole("heading", { name: "The only seat of Common Loom is taken" }).waitFor();
	await guest.getByRole("button", { name: "Wait for a seat" }).click();
	await reads(guest, "You are next.");
	await server.cli("level", "override", "--member", "common-loom", "--seats", "2", "--reason", "test");
	const began = performance.now();
	await guest.waitForURL(/\/meet\//, { timeout: 3000 });
	const took = performance.now() - began;
	t.note(`let in ${Math.round(took)} ms after the command had returned`);
	assert(took < 1000, `in force after ${Math.round(took)} ms`);
});

/** Presses Join as n different browsers at once, by plain HTTP; returns how many were let in. */
async function crowd(n, links, round = "") {
	const answers = await Promise.all(
		Array.from({ length: n }, async (_, i) => {
			const r = await fetch(`${links[i % links.length]}/join`, { method: "POST", redirect: "manual", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: `name=Guest+${round}${i}` });
			await r.text();
			return r.status === 303 && /\/meet\//.test(r.headers.get("location")) ? "in" : String(r.status);
		}),
	);
	const counts = {};
	for (const a of answers) counts[a] = (counts[a] ?? 0) + 1;
	return counts;
}

/** A room of a member that anyone may start, and the member's seats set. */
async function openDoor(t, browser, server, email, room, slug, seats) {
	await server.cli("level", "override", "--member", slug, "--seats", String(seats), "--participants", String(seats), "--reason", "test");
	const page = t.page(await visitor(browser));
	await signIn(page, server, email);
	const link = await openRoom(page, server, room);
	await page.locator("form[action$='/settings'] input[name=may_start][value=anyone]").check();
	await page.locator("form[action$='/settings'] button").first().click();
	await page.waitForURL(/done=room_saved/);
	await page.close();
	return link.replace(/\?.*/, "");
}

test("200 parallel joins at a limit of 10: exactly 10, and after kill -9 the same 10", async (t) => {
	const server = await Server.start({ flags: ["--seat-lease", "8s"] });
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const link = await openDoor(t, browser, server, host, "Commons", "common-loom", 10);
	equal(await crowd(200, [link]), { in: 10, 409: 190 }, "answers");
	const used = async () => (await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used;
	equal(await used(), 10, "seats");
	await server.kill();
	await server.up();
	equal(await used(), 10, "seats after kill -9 and restart");
	equal((await crowd(20, [link], "again")).in ?? 0, 0, "let in while all seats are held");
	await until("nobody came, so the leases run out", async () => (await used()) === 0, 20_000);
	equal((await crowd(50, [link], "later")).in, 10, "let in afterwards");
});

test("two servers on one PostgreSQL: exactly 10 of 200; and people meet through either", async (t) => {
	const base = process.env.MEETCOOP_TEST_POSTGRES;
	assert(base, "MEETCOOP_TEST_POSTGRES is not set: run `make test`, or `eval $(make test-db)`");
	const { databaseURL, drop } = await freshDatabase(base);
	t.after(drop);
	const one = await Server.start({ databaseURL });
	t.after(() => one.stop());
	const two = await Server.start({ databaseURL });
	t.after(() => two.stop());
	const browser = await launch();
	t.after(() => browser.close());

	const { page: daisy, link } = await hostIn(t, browser, one, host, "Commons");
	const guest = await guestIn(t, browser, link.replace(one.url, two.url), "Through the other");
	equal(new URL(guest.url()).pathname, new URL(daisy.url()).pathname, "the meeting");
	const { seesMoving } = await import("./steps.mjs");
	await seesMoving(daisy, "Through the other");
	await seesMoving(guest, "Daisy Okafor");
	await daisy.locator("#bar-chat").click();
	await daisy.getByLabel("Message", { exact: true }).fill("across");
	const began = performance.now();
	await daisy.keyboard.press("Enter");
	await guest.locator("#bar-chat").click();
	await guest.getByRole("log").getByText("across").waitFor({ timeout: 2000 });
	t.note(`a line crossed in ${Math.round(performance.now() - began)} ms`);
	await daisy.locator("#bar-more").click();
	await daisy.getByRole("button", { name: "End for all" }).click();
	await daisy.getByRole("dialog").getByRole("button", { name: "End for all" }).click();
	await guest.getByRole("heading", { name: "The meeting has ended" }).waitFor();

	const door = await openDoor(t, browser, one, host, "Commons", "common-loom", 10);
	const counts = await crowd(200, [door, door.replace(one.url, two.url)]);
	equal(counts.in, 10, `let in of 200 (${JSON.stringify(counts)})`);
	equal((await two.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 10, "seats");
});

/** A database of its own on the test server, made with psql-free means: the server's own driver is Go's, ours is the command line's. */
async function freshDatabase(base) {
	const { execFile } = await import("node:child_process");
	const { promisify } = await import("node:util");
	const name = `browser_${process.pid}_${Date.now()}`;
	const psql = (sql) => promisify(execFile)("psql", [base, "-qc", sql]);
	await psql(`CREATE DATABASE ${name}`);
	const url = new URL(base);
	url.pathname = `/${name}`;
	return { databaseURL: url.toString(), drop: () => psql(`DROP DATABASE ${name} WITH (FORCE)`) };
}

test("20 members at once: each exactly its limit", async (t) => {
	const server = await Server.start({ flags: ["--engine-max-people", "400"] }); // a hundred people: more than the engine takes by default
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const doors = [];
	for (let i = 0; i < 20; i++) {
		const slug = `crowd-${i}`;
		await server.cli("member", "create", "--name", `Crowd ${i}`, "--slug", slug, "--level", "level-2");
		const invite = await server.cli("person", "invite", "--email", `owner@crowd${i}.example`, "--member", slug, "--role", "owner", "--name", `Owner ${i}`, "--json", "--public-url", server.url);
		const page = await visitor(browser, { scripts: false });
		await page.goto(invite.link);
		await page.locator("main form button").first().click();
		await page.goto(`${server.url}/rooms`);
		await page.locator(".roomcard h3 a").first().click();
		const link = page.url();
		await page.locator("form[action$='/settings'] input[name=may_start][value=anyone]").check();
		await page.locator("form[action$='/settings'] button").first().click();
		await page.waitForURL(/done=room_saved/);
		await page.context().close();
		await server.cli("level", "override", "--member", slug, "--seats", "5", "--reason", "test");
		doors.push(link);
	}
	const counts = await Promise.all(doors.map((d, i) => crowd(20, [d], `m${i}-`)));
	for (const [i, c] of counts.entries()) equal(c.in, 5, `member ${i} (${JSON.stringify(c)})`);
});

test("a dead engine: pages say so, come back by themselves, and nothing is counted twice", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { page: daisy, link } = await hostIn(t, browser, server, host, "Commons");
	const guest = await guestIn(t, browser, link, "Gast Eins");
	const { seesMoving } = await import("./steps.mjs");
	await seesMoving(guest, "Daisy Okafor", 1);
	const { execFileSync } = await import("node:child_process");
	const child = execFileSync("pgrep", ["-P", String(server.process.pid)]).toString().trim().split("\n")[0];
	process.kill(Number(child), "SIGKILL");
	const began = performance.now();
	await guest.locator(".meet-line:not([hidden])").waitFor();
	await guest.locator(".meet-line[hidden]").waitFor({ state: "attached", timeout: 20_000 });
	await seesMoving(guest, "Daisy Okafor", 1);
	await seesMoving(daisy, "Gast Eins", 1);
	t.note(`media again ${Math.round(performance.now() - began)} ms after the engine was killed`);
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 2, "seats");
});

test("Ctrl-C stops the server and its children within 5 s; a second start keeps the data", async (t) => {
	const server = await Server.start();
	const { execFileSync } = await import("node:child_process");
	const child = execFileSync("pgrep", ["-P", String(server.process.pid)]).toString().trim().split("\n")[0];
	await server.cli("member", "create", "--name", "Kept", "--slug", "kept");
	const data = server.data;
	server.own = false;
	const began = performance.now();
	const result = await server.stop();
	t.note(`stopped after ${Math.round(performance.now() - began)} ms`);
	assert(performance.now() - began < 5000, "it took longer than 5 s");
	equal(result.code, 0, "exit code");
	let alive = true;
	try {
		process.kill(Number(child), 0);
	} catch {
		alive = false;
	}
	assert(!alive, "the engine is still running");
	const again = await Server.start({ data });
	t.after(async () => {
		again.own = true;
		await again.stop();
	});
	t.note(`ready after ${Math.round(again.readyAfter)} ms`);
	equal((await again.cli("member", "show", "kept", "--json")).slug, "kept", "what was there before");
});

test("events of an external LiveKit are taken with its signature only", async (t) => {
	const key = "APIkey", secret = "a-secret-of-at-least-thirty-two-bytes";
	const server = await Server.start({ probe: "healthz", flags: ["--engine", "livekit", "--livekit-url", `http://127.0.0.1:${await freePort()}`, "--livekit-key", key, "--livekit-secret", secret] });
	t.after(() => server.stop());
	const part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
	const send = (body, signedWith) => {
		const text = JSON.stringify(body);
		const claims = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: key, exp: Math.floor(Date.now() / 1000) + 60, sha256: createHash("sha256").update(text).digest("base64") })}`;
		const token = `${claims}.${createHmac("sha256", signedWith).update(claims).digest("base64url")}`;
		return fetch(`${server.url}/livekit/events`, { method: "POST", body: text, headers: { "Content-Type": "application/webhook+json", ...(signedWith && { Authorization: token }) } });
	};
	const event = { event: "room_started", id: "EV_1", createdAt: "1", room: { name: "not-one-of-ours", sid: "RM_1" } };
	equal((await send(event, secret)).status, 204, "a signed event");
	equal((await send(event, "another-secret-of-thirty-two-bytes!")).status, 401, "somebody else's signature");
	equal((await fetch(`${server.url}/livekit/events`, { method: "POST", body: JSON.stringify(event) })).status, 401, "no signature");
	equal((await fetch(`${server.url}/livekit/events`)).status, 405, "a look at it");
	const embedded = await Server.start();
	t.after(() => embedded.stop());
	equal((await fetch(`${embedded.url}/livekit/events`, { method: "POST", body: "{}" })).status, 404, "with the embedded engine");
});
