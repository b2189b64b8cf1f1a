// SPDX-License-Identifier: AGPL-3.0-or-later

// Signing up, signing in, the first meeting: with scripts and without.

import { assert, equal, launch, Server, signIn, test, until, visitor } from "./harness.mjs";
import { Clicks, hostIn, inside, letter, openRoom, reads } from "./steps.mjs";

test("a newcomer is in a meeting of an own room after 4 clicks, a guest by its link after 1", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const page = t.page(await visitor(browser));
	const clicks = new Clicks();

	await page.goto(`${server.url}/signup`);
	await page.getByLabel("Your name").fill("Mara Nieves");
	await page.getByLabel("E-mail address").fill("mara@newcomers.example");
	await new Promise((r) => setTimeout(r, 2100)); // the form refuses what is filled in within two seconds: robots
	await clicks.press(page.getByRole("button", { name: "Send my link" }));
	await page.getByRole("heading", { name: "Look at your mail" }).waitFor();

	const { link } = await letter(server, "mara@newcomers.example");
	for (let scan = 0; scan < 3; scan++) equal((await fetch(link)).status, 200, "a scanner's GET"); // it must not use the link up
	clicks.n++; // pressing the link in the letter
	await page.goto(link);
	await reads(page, "mara@newcomers.example");
	await clicks.press(page.getByRole("button", { name: "Confirm and start my room" }));
	await clicks.press(page.getByRole("button", { name: "Start meeting" }));
	await page.waitForURL(/\/meet\//);
	await inside(page);
	equal(clicks.n, 4, "clicks from the form to the meeting");

	const second = await (await visitor(browser)).context().newPage();
	await second.goto(link);
	await second.getByRole("heading", { name: "This link is over" }).waitFor();

	const roomPage = t.page(await page.context().newPage());
	await roomPage.goto(`${server.url}/rooms`);
	await roomPage.locator(".roomcard h3 a").first().click();
	const room = await roomPage.getByRole("textbox", { name: "Link" }).inputValue();
	const guest = t.page(await visitor(browser));
	const guestClicks = new Clicks();
	await guest.goto(room);
	await guest.getByLabel("Your name").fill("Gast Eins");
	await guestClicks.press(guest.getByRole("button", { name: "Join", exact: true }));
	await guest.waitForURL(/\/meet\//);
	await inside(guest);
	equal(guestClicks.n, 1, "clicks of a guest");
});

test("without scripts: sign in by code, make a room, join up to the media page", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const page = await visitor(browser, { scripts: false });

	await page.goto(`${server.url}/signin`);
	await page.getByLabel("E-mail address").fill("daisy@common-loom.example");
	await page.getByRole("button", { name: "Send my link" }).click();
	const { code } = await letter(server, "daisy@common-loom.example");
	await page.getByLabel("Code of the letter").fill("000000");
	await page.getByRole("button", { name: "Confirm the code" }).click();
	await page.locator("[aria-invalid=true]").waitFor();
	await page.getByLabel("Code of the letter").fill(code);
	await page.getByRole("button", { name: "Confirm the code" }).click();
	await page.waitForURL(/\/rooms$/);

	await page.getByRole("link", { name: "New room" }).click();
	await page.getByLabel("Name of the room").fill("<b>Paper & scissors</b>");
	await page.getByRole("button", { name: "Create room" }).click();
	await page.getByRole("heading", { level: 1, name: "<b>Paper & scissors</b>" }).waitFor();
	await page.getByRole("link", { name: "Start meeting" }).click();
	await page.getByRole("button", { name: "Start meeting" }).click();
	await page.waitForURL(/\/meet\//);
	await page.locator("noscript .meet-wait").waitFor(); // text matching passes over noscript
});

test("sessions are listed, and one that is ended elsewhere is out within a second", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const one = t.page(await visitor(browser));
	const two = t.page(await visitor(browser));
	await signIn(one, server, "ewan@common-loom.example");
	await signIn(two, server, "ewan@common-loom.example");
	await one.goto(`${server.url}/account`);
	await one.getByRole("button", { name: /^Sign out Chrom/ }).first().click();
	await reads(one, "That device is signed out.");
	await until("the other browser is asked to sign in", async () => {
		await two.goto(`${server.url}/rooms`);
		return new URL(two.url()).pathname === "/signin";
	}, 1500);
});

test("nobody sees what is not theirs: other members, foreign rooms, unknown paths, wrong methods, foreign origins", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const page = t.page(await visitor(browser));
	await signIn(page, server, "daisy@common-loom.example");
	const cookie = (await page.context().cookies()).map((c) => `${c.name}=${c.value}`).join("; ");
	const ask = (path, init = {}) => fetch(server.url + path, { redirect: "manual", ...init, headers: { Cookie: cookie, ...init.headers } });
	equal((await ask("/m/common-loom/usage")).status, 200, "the own member");
	equal((await ask("/m/hilado/usage")).status, 404, "another member");
	equal((await ask("/m/no-such-member/usage")).status, 404, "an unknown member");
	equal((await ask("/m/hilado/usage.csv")).status, 404, "another member's file");
	equal((await ask("/r/not-a-room-1")).status, 404, "an unknown room");
	equal((await ask("/meet/meet_00000000000000000000000000000000")).status, 404, "an unknown meeting");
	equal((await ask("/nothing/here")).status, 404, "an unknown path");
	equal((await ask("/rooms", { method: "DELETE" })).status, 405, "a wrong method");
	equal((await ask("/twirp/livekit.RoomService/ListRooms", { method: "POST" })).status, 404, "the engine's own API");
	equal((await ask("/rooms", { method: "POST", headers: { Origin: "https://evil.example", "Content-Type": "application/x-www-form-urlencoded" }, body: "name=x" })).status, 403, "a foreign origin");
	equal((await ask("/signin", { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: `email=${"x".repeat(2 << 20)}` })).status, 413, "a body of 2 MiB");
	const host = await new Promise((resolve) => {
		import("node:http").then(({ request }) => request(`${server.url}/`, { headers: { Host: "evil.example" } }, (r) => resolve(r.statusCode)).end());
	});
	equal(host, 421, "a foreign Host");
	const long = await ask("/rooms", { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: `name=${"x".repeat(10_000)}` });
	equal(long.status, 422, "a name of 10,000 characters");
	const rtl = await ask("/rooms", { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: `name=${encodeURIComponent("abc\u202Edef")}` });
	equal(rtl.status, 422, "a name with a direction override");
	assert((await (await ask("/nothing/here")).text()).includes("<h1"), "an unknown path answers with a page");
});

test("a list of rooms shows a meeting that starts elsewhere without reloading", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const list = t.page(await visitor(browser));
	await signIn(list, server, "daisy@common-loom.example");
	await list.goto(`${server.url}/rooms`);
	assert((await list.getByRole("heading", { name: "Running now" }).count()) === 0, "nothing runs yet");
	await hostIn(t, browser, server, "daisy@common-loom.example", "Commons");
	await list.getByRole("heading", { name: "Running now" }).waitFor();
	await openRoom(list, server, "Commons");
	await reads(list, "1 person inside");
});
