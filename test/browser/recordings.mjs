// SPDX-License-Identifier: AGPL-3.0-or-later

// What applications recorded: looking after it, and watching it.

import { assert, axe, equal, launch, Server, signIn, test, visitor } from "./harness.mjs";
import { bringRecordings, reads } from "./steps.mjs";

test("a manager hides, shares, renames, captions, deletes and restores a recording", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const page = t.page(await visitor(browser));
	const email = "daisy@common-loom.example";
	await signIn(page, server, email);
	const clean = async (what) => equal(await axe(page), [], `accessibility of ${what}`);

	await page.getByRole("link", { name: "All recordings" }).first().click();
	await reads(page, "There is no connection yet.");
	await clean("the empty list");
	await server.cli("connection", "create", "--member", "common-loom", "--name", "loom-moodle");
	await server.cli("level", "override", "--member", "common-loom", "--recording", "on", "--reason", "test");
	await bringRecordings(t, server, [{ title: "Weaving course", ago: 3, connection: "loom-moodle" }, { title: "Assembly", ago: 8, formats: ["video"], connection: "loom-moodle" }]);
	await page.reload();
	await page.getByRole("searchbox", { name: "Title or meeting ID" }).fill("weav");
	await page.getByRole("button", { name: "Search" }).click();
	equal(await page.getByRole("row").count(), 2, "rows with the head");
	await page.getByRole("button", { name: "Hide Weaving course" }).click();
	await reads(page, "The recording is hidden.");
	equal(new URL(page.url()).searchParams.get("q"), "weav", "the list is as it was");
	await clean("the list");
	await page.getByRole("link", { name: "Weaving course" }).click();
	await reads(page, "nobody can watch it");
	await page.getByRole("button", { name: "Publish" }).click();
	await reads(page, "The recording is published.");

	const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
	const stranger = t.page(await visitor(browser));
	equal((await stranger.goto(link)).status(), 200, "who has the link watches");
	await stranger.locator("video").first().waitFor();
	await page.getByRole("radio", { name: "People of Common Loom only" }).check();
	await page.getByRole("button", { name: "Save who can watch" }).click();
	await reads(page, "Saved who can watch.");
	equal((await stranger.goto(link)).status(), 404, "the link no longer does");
	const inner = await page.getByRole("textbox", { name: "Link" }).inputValue();
	await stranger.goto(inner);
	equal(new URL(stranger.url()).pathname, "/signin", "strangers are asked to sign in");
	const watcher = t.page(await visitor(browser));
	await signIn(watcher, server, "ewan@common-loom.example");
	await watcher.goto(inner);
	await watcher.locator("video").first().waitFor();
	assert(!watcher.url().includes("token="), "the pass leaves the address");

	await page.getByRole("textbox", { name: "Title" }).fill("Weaving, first lesson");
	await page.getByRole("button", { name: "Save", exact: true }).click();
	await page.getByRole("heading", { level: 1, name: "Weaving, first lesson" }).waitFor();
	await page.getByText("Add subtitles").first().click();
	await page.getByLabel("File").setInputFiles({ name: "x.srt", mimeType: "application/x-subrip", buffer: Buffer.from("1\n00:00:01,000 --> 00:00:02,000\nHello\n") });
	await page.getByRole("textbox", { name: "Language code" }).fill("en");
	await page.getByRole("button", { name: "Add subtitles" }).click();
	await reads(page, "The subtitles are added.");
	await page.getByRole("button", { name: "Remove en" }).waitFor();
	await clean("a recording");

	await page.getByRole("link", { name: "Delete" }).click();
	await clean("the question");
	await page.getByRole("button", { name: "Delete" }).click();
	await reads(page, "It can be restored for 7 days.");
	equal((await watcher.goto(inner)).status(), 404, "in the trash");
	await page.getByRole("link", { name: "All recordings" }).first().click();
	await page.getByRole("link", { name: "Trash (1)" }).click();
	await page.getByRole("button", { name: "Restore Weaving, first lesson" }).click();
	await reads(page, "The recording is back, hidden.");
});

test("a recording of nobody is assigned without scripts, and its member’s people find it", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	await server.cli("person", "role", "--email", "ewan@common-loom.example");
	await server.cli("connection", "create", "--member", "common-loom", "--name", "loom-moodle");
	await bringRecordings(t, server, [{ title: "Found on a server", ago: 2 }]);
	const page = t.page(await visitor(browser, { scripts: false }));
	await signIn(page, server, "ewan@common-loom.example");
	await page.goto(`${server.url}/rooms`);
	await page.getByRole("link", { name: "Quarantine" }).first().click();
	await page.getByRole("link", { name: "Assign Found on a server" }).click();
	await page.getByRole("combobox", { name: "Connection" }).fill("loom-moodle");
	await page.getByRole("button", { name: "Assign" }).click();
	await reads(page, "The recording has an owner now.");
	const daisy = t.page(await visitor(browser));
	await signIn(daisy, server, "daisy@common-loom.example");
	await daisy.getByRole("link", { name: "Recordings", exact: true }).first().click();
	await reads(daisy, "Found on a server");
	equal(await axe(daisy), [], "accessibility of what one may watch");
});
