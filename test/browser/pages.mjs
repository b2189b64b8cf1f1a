// SPDX-License-Identifier: AGPL-3.0-or-later

// Accessibility of every page. `make test` scans each page with every language, theme and width at least once; with
// MEETCOOP_TEST_A11Y=full it is the whole matrix.

import { axe, bringAxe, equal, launch, Server, signIn, test, visitor } from "./harness.mjs";
import { prepare, visit } from "./tour.mjs";

const languages = ["en", "ca", "es", "de", "fr", "nl", "sv"];
const themes = ["light", "dark"];
const widths = [360, 1280];
const full = process.env.MEETCOOP_TEST_A11Y === "full";

/** All combinations, or as many as show each value of each dimension once: seven, one per language. */
function combinations() {
	if (full) return languages.flatMap((lang) => themes.flatMap((theme) => widths.map((width) => ({ lang, theme, width }))));
	return languages.map((lang, i) => ({ lang, theme: themes[i % 2], width: widths[Math.floor(i / 2) % 2] }));
}

test(`no page has an accessibility violation (${combinations().length} combinations of language, theme and width)`, async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const { pages } = await prepare(t, browser, server);
	const found = [];
	let scans = 0;
	for (const { lang, theme, width } of combinations()) {
		const guest = await visitor(browser, { width, theme, locale: lang });
		const member = await visitor(browser, { width, theme, locale: lang });
		await signIn(member, server, "ewan@common-loom.example");
		for (const page of [guest, member]) {
			await bringAxe(page);
			await page.context().addCookies([{ name: "lang", value: lang, url: server.url }, { name: "theme", value: theme, url: server.url }]);
		}
		await member.request.post(`${server.url}/language`, { form: { lang }, headers: { Origin: server.url } });
		await member.request.post(`${server.url}/theme`, { form: { theme }, headers: { Origin: server.url } });
		const scan = async (page, entries) => {
			for (const entry of entries) {
				await visit(page, server, entry);
				equal(await page.locator("html").getAttribute("lang"), lang, `language of ${entry.name}`);
				scans++;
				for (const v of await axe(page)) found.push(`${entry.name} ${lang} ${theme} ${width}: ${v}`);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
				if (wide > 0) found.push(`${entry.name} ${lang} ${theme} ${width}: ${wide} px wider than the window`);
			}
		};
		await Promise.all([scan(guest, pages.filter((p) => !p.who)), scan(member, pages.filter((p) => p.who))]);
		await guest.context().close();
		await member.context().close();
	}
	t.note(`${scans} scans`);
	equal(found, [], "violations");
});
