// SPDX-License-Identifier: AGPL-3.0-or-later

// The meeting itself: people see and hear each other, and moderators moderate.

import { assert, axe, equal, launch, Server, test, until, visitor } from "./harness.mjs";
import { act, firstPicture, frames, guestIn, hostIn, inside, knock, openPeople, person, reads, seesMoving } from "./steps.mjs";

const host = "daisy@common-loom.example";

test("two people meet: pictures both ways, chat, screen; the moderator mutes, removes and ends", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { page: daisy, link } = await hostIn(t, browser, server, host, "Commons");
	const guest = await guestIn(t, browser, link, "Gast Eins");
	t.note(`from pressing Join to the first picture of somebody else: ${(await firstPicture(guest)) - guest.pressed} ms`);
	await seesMoving(daisy, "Gast Eins");
	await seesMoving(guest, "Daisy Okafor");

	await daisy.locator("#bar-chat").click();
	await daisy.getByLabel("Message", { exact: true }).fill("Hello <b>all</b>");
	await daisy.keyboard.press("Enter");
	await guest.locator("#bar-chat").click();
	await guest.getByRole("log").getByText("Hello <b>all</b>").waitFor();
	await guest.getByLabel("Message", { exact: true }).fill("Good morning");
	await guest.getByRole("button", { name: "Send" }).click();
	await daisy.getByRole("log").getByText("Good morning").waitFor();

	await guest.locator("#bar-screen").click();
	await until("the screen arrives", async () => (await frames(daisy))["Screen of Gast Eins"] > 3, 20_000);
	await guest.locator("#bar-screen").click();
	await until("the screen is gone", async () => !("Screen of Gast Eins" in (await frames(daisy))));

	await guest.locator("#bar-hand").click();
	await openPeople(daisy);
	await daisy.getByRole("heading", { name: "Raised hands" }).waitFor();

	await act(daisy, "Gast Eins", "Mute");
	await guest.locator("#bar-mic[aria-pressed=false]").waitFor();
	await reads(guest, "Daisy Okafor has muted your microphone.");

	await act(daisy, "Gast Eins", "Remove from meeting");
	await guest.getByRole("heading", { name: "You were removed from the meeting" }).waitFor({ timeout: 2000 });
	const again = await visitor(browser);
	await again.context().addCookies(await guest.context().cookies());
	await again.goto(link);
	await again.getByLabel("Your name").fill("Gast Eins");
	await again.getByRole("button", { name: "Join", exact: true }).click();
	await again.getByRole("heading", { name: "You were removed from this meeting" }).waitFor();
	await daisy.getByRole("button", { name: "Let back in Gast Eins" }).click();
	await reads(daisy, "Gast Eins may come back through the room’s link.");
	await again.goto(link);
	await again.getByLabel("Your name").fill("Gast Eins");
	await again.getByRole("button", { name: "Join", exact: true }).click();
	await again.waitForURL(/\/meet\//);
	await inside(again);
	await again.locator("#bar-leave").click();

	const other = await guestIn(t, browser, link, "Gast Zwei");
	await daisy.locator("#bar-more").click();
	await daisy.getByRole("button", { name: "End for all" }).click();
	await daisy.getByRole("dialog").getByRole("button", { name: "End for all" }).click();
	await other.getByRole("heading", { name: "The meeting has ended" }).waitFor({ timeout: 3000 });
	await reads(other, "A moderator has ended the meeting for all.");
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 0, "seats after the end");
});

test("six people in one room each receive the five others", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const small = { width: 900, height: 640 };
	const { page: first, link } = await hostIn(t, browser, server, host, "Commons", small);
	const pages = [first, ...(await Promise.all(["Two", "Three", "Four", "Five", "Six"].map((name) => guestIn(t, browser, link, name, small))))];
	const began = await Promise.all(pages.map(frames));
	await until("every one of the 30 pictures moves", async () => {
		const now = await Promise.all(pages.map(frames));
		return now.every((tiles, i) => {
			const others = Object.entries(tiles).filter(([name]) => !name.endsWith("(you)"));
			return others.length === 5 && others.every(([name, n]) => n > Math.max(0, began[i][name] ?? 0));
		});
	}, 60_000);
});

test("waiting room: whoever is not admitted gets no token, no names, no media", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { page: daisy, link } = await hostIn(t, browser, server, host, "Commons");
	const settings = t.page(await daisy.context().newPage());
	await settings.goto(link);
	await settings.getByLabel("Waiting room").check();
	await settings.locator("form[action$='/settings']").getByRole("button", { name: "Save" }).click();
	await reads(settings, "Saved.");

	const guest = await visitor(browser);
	t.page(guest);
	const heard = [];
	guest.on("response", async (r) => heard.push([r.url(), /text|json/.test(r.headers()["content-type"] ?? "") ? await r.text().catch(() => "") : ""]));
	guest.on("websocket", (ws) => heard.push([ws.url(), "socket"]));
	await guest.goto(link);
	await guest.getByLabel("Your name").fill("Gast Eins");
	await guest.getByRole("button", { name: "Join", exact: true }).click();
	await guest.waitForURL(/\/wait$/);
	await openPeople(daisy);
	await daisy.getByRole("heading", { name: "Waiting to be let in" }).waitFor();
	const meeting = new URL(daisy.url()).pathname;
	const denied = await guest.request.post(`${server.url}${meeting}/enter`, { data: {} });
	assert(denied.status() >= 400, `enter without admission answers ${denied.status()}`);
	for (const [url, body] of heard) {
		assert(!/\/rtc|\/meet\//.test(url), `an unadmitted guest opened ${url}`);
		assert(!body.includes("Daisy Okafor"), `${url} told a name to an unadmitted guest`);
		assert(!/eyJ[\w-]+\.[\w-]+\./.test(body), `${url} gave a token to an unadmitted guest`);
	}
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 1, "seats while somebody waits");
	await daisy.getByRole("button", { name: "Admit Gast Eins" }).click();
	await guest.waitForURL(/\/meet\//);
	await seesMoving(guest, "Daisy Okafor", 1);

	const second = await knock(t, browser, link, "Gast Zwei");
	await second.waitForURL(/\/wait$/);
	await daisy.getByRole("button", { name: "Decline Gast Zwei" }).click();
	await second.getByRole("heading", { name: "A host declined" }).waitFor();
});

test("the meeting page has no accessibility violation in any state, and works by keyboard", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	for (const width of [1280, 360]) {
		const { page, link } = await hostIn(t, browser, server, host, "Commons", { width, height: 800 });
		await guestIn(t, browser, link, `Gast ${width}`);
		await page.locator(".tile", { hasText: `Gast ${width}` }).first().waitFor();
		equal(await axe(page), [], `people at ${width}`);
		await page.locator("#stage").focus();
		await page.keyboard.press("c");
		await page.getByLabel("Message", { exact: true }).waitFor();
		equal(await axe(page), [], `chat at ${width}`);
		await page.keyboard.press("Escape");
		await page.locator("#stage").focus();
		await page.keyboard.press("?");
		await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
		equal(await axe(page), [], `shortcuts at ${width}`);
		await page.keyboard.press("Escape");
		await page.locator("#bar-more").click();
		equal(await axe(page), [], `menu at ${width}`);
		await page.getByRole("button", { name: "Devices and settings" }).click();
		await page.getByRole("dialog", { name: "Devices and settings" }).waitFor();
		equal(await axe(page), [], `settings at ${width}`);
		await page.keyboard.press("Escape");
		await page.locator("#stage").focus();
		await page.keyboard.press("m");
		await page.locator("#bar-mic[aria-pressed=false]").waitFor();
		await page.keyboard.press("h");
		await page.locator("#bar-hand[aria-pressed=true]").waitFor();
		await openPeople(page);
		await person(page, `Gast ${width}`).locator("summary").click();
		equal(await axe(page), [], `person's menu at ${width}`);
		await page.keyboard.press("Escape");
		await page.locator("#bar-leave").click();
		await page.getByRole("heading", { name: "You have left the meeting" }).waitFor();
		equal(await axe(page), [], `the end at ${width}`);
	}
});

test("a reload keeps the seat, a second tab takes it over", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { page: daisy, link } = await hostIn(t, browser, server, host, "Commons");
	const guest = await guestIn(t, browser, link, "Gast Eins");
	const used = async () => (await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used;
	await guest.reload();
	await seesMoving(guest, "Daisy Okafor", 1);
	equal(await used(), 2, "seats after a reload");
	const tab = t.page(await guest.context().newPage());
	tab.problems = [];
	await tab.goto(guest.url());
	await seesMoving(tab, "Daisy Okafor", 1);
	await guest.getByRole("heading", { name: "This meeting is open in another tab" }).waitFor();
	equal(await used(), 2, "seats after a second tab");
	await seesMoving(daisy, "Gast Eins");
});
