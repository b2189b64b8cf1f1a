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

for (const scripts of [true, false]) {
	test(`several recordings are hidden, deleted and restored at once ${scripts ? "by keyboard on a phone" : "without scripts"}`, async (t) => {
		const server = await Server.start();
		t.after(() => server.stop());
		const browser = await launch();
		t.after(() => browser.close());
		await server.cli("connection", "create", "--member", "common-loom", "--name", "loom-moodle");
		await server.cli("level", "override", "--member", "common-loom", "--recording", "on", "--reason", "test");
		const lessons = [1, 2, 3, 4, 5, 6].map((n) => ({ title: `Weaving, lesson ${n}`, ago: n, formats: ["video"], connection: "loom-moodle" }));
		const ids = await bringRecordings(t, server, lessons);
		const page = t.page(await visitor(browser, { scripts, ...(scripts ? { width: 360, height: 640 } : {}) }));
		await signIn(page, server, "daisy@common-loom.example");
		const list = `${server.url}/m/common-loom/recordings`;
		await page.goto(list);
		const group = page.getByRole("group", { name: "With the ticked recordings" });
		const box = (n) => page.getByRole("checkbox", { name: `Choose Weaving, lesson ${n}` });
		const act = async (what) => {
			await group.getByRole("combobox", { name: "With the ticked recordings" }).selectOption(what);
			await group.getByRole("button", { name: "Do it" }).click();
		};

		await act("Hide");
		await reads(page, "Tick at least one recording.");
		if (scripts) {
			equal(await axe(page), [], "accessibility of the refused list");
			await box(1).focus();
			await page.keyboard.press("Space");
			await reads(page, "Ticked: 1 of 6");
			await box(3).focus();
			await page.keyboard.press("Space");
			await reads(page, "Ticked: 2 of 6");
			const { covered, wide } = await page.evaluate(() => {
				const at = document.activeElement.getBoundingClientRect();
				const top = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2);
				return { covered: !top?.closest(".pick"), wide: document.documentElement.scrollWidth > innerWidth };
			});
			assert(!covered, "the bar does not cover the box in focus");
			assert(!wide, "the page does not scroll sideways");
			equal(await axe(page), [], "accessibility of a ticked list");
		} else {
			await box(1).check();
			await box(3).check();
		}
		await act("Hide");
		await reads(page, "The ticked recordings are hidden.");
		equal(await page.locator("tbody").getByText("Hidden", { exact: true }).count(), 2, "hidden ones");

		await group.getByRole("link", { name: "Tick all on this page" }).click();
		equal(await page.getByRole("checkbox", { checked: true }).count(), 6, "ticked ones");
		equal(page.url().includes("tick=all"), !scripts, "the page is loaded for it without scripts only");
		await act("Only people of Common Loom can watch");
		await reads(page, "Saved who can watch the ticked recordings.");

		for (const n of [2, 4]) await box(n).check();
		await act("Delete");
		await page.getByRole("heading", { level: 1, name: "Delete 2 recordings?" }).waitFor();
		await reads(page, "Weaving, lesson 4");
		if (scripts) equal(await axe(page), [], "accessibility of the question");
		await page.getByRole("button", { name: "Delete" }).click();
		await reads(page, "The recordings are deleted.");

		// One goes while the page is looked at.
		for (const n of [5, 6]) await box(n).check();
		await server.cli("recording", "delete", ids[4]);
		await act("Hide");
		await page.getByRole("heading", { level: 1, name: "Not all were changed" }).waitFor();
		await reads(page, "Weaving, lesson 5");
		await reads(page, "The recording is in the trash. Restore it first.");
		if (scripts) equal(await axe(page), [], "accessibility of what was left");
		await page.getByRole("link", { name: "Back to the list" }).click();

		await page.getByRole("link", { name: "Trash (3)" }).click();
		await group.getByRole("link", { name: "Tick all on this page" }).click();
		await group.getByRole("button", { name: "Restore" }).click();
		await reads(page, "The recordings are back, hidden.");
		await reads(page, "The trash is empty.");
	});
}
