// SPDX-License-Identifier: AGPL-3.0-or-later

// Photographs of the pages in both themes and on a phone, in docs/screenshots: `make screenshots`.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { launch, main, Server, signIn, test, visitor } from "./harness.mjs";
import { guestIn, hostIn, inside } from "./steps.mjs";
import { prepare, visit } from "./tour.mjs";

const dir = path.resolve(import.meta.dirname, "../../docs/screenshots");
mkdirSync(dir, { recursive: true });

const looks = [
	{ look: "light", theme: "light", width: 1280, height: 800 },
	{ look: "dark", theme: "dark", width: 1280, height: 800 },
	{ look: "phone", theme: "light", width: 390, height: 844 },
];

test("photographs", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { pages, room } = await prepare(t, browser, server);
	for (const { look, ...options } of looks) {
		const guest = await visitor(browser, options);
		const member = await visitor(browser, options);
		await signIn(member, server, "ewan@common-loom.example");
		for (const entry of pages) {
			const page = entry.who ? member : guest;
			await visit(page, server, entry);
			if (entry.name === "join") await page.waitForFunction(() => (document.querySelector("[data-devices] video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 3);
			await page.screenshot({ path: path.join(dir, `${entry.name}-${look}.png`), fullPage: true });
		}
		await guest.context().close();
		await member.context().close();
	}
	const people = [];
	for (const name of ["Gast Eins", "Robin Ash", "Mara Nieves"]) people.push(await guestIn(t, browser, server.url + room, name, { width: 640, height: 480 }));
	await people[0].locator("#bar-hand").click();
	await people[1].locator("#bar-camera").click();
	for (const { look, ...options } of looks) {
		const { page } = await hostIn(t, browser, server, "daisy@common-loom.example", "Commons", options);
		await inside(page);
		await page.locator(".tile").nth(3).waitFor();
		await page.waitForFunction(() => [...document.querySelectorAll(".tile[data-picture] video")].filter((v) => v.videoWidth > 0).length >= 3);
		await page.screenshot({ path: path.join(dir, `meeting-${look}.png`) });
		await page.locator("#bar-chat").click();
		await page.getByLabel("Message", { exact: true }).fill("The minutes are in the usual place.");
		await page.keyboard.press("Enter");
		await page.getByRole("log").getByText("The minutes").first().waitFor();
		await page.screenshot({ path: path.join(dir, `meeting-chat-${look}.png`) });
	}
});

await main("screenshots");
