// SPDX-License-Identifier: AGPL-3.0-or-later

// Plugging applications in, and looking after servers.

import { createHash } from "node:crypto";

import { assert, axe, equal, launch, Server, signIn, test, until, visitor } from "./harness.mjs";
import { inside, openPeople, reads, seesMoving } from "./steps.mjs";

test("an owner makes a connection, sees its secret once, replaces it and revokes the connection", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const page = t.page(await visitor(browser));
	await signIn(page, server, "daisy@common-loom.example");

	await page.getByRole("link", { name: "Connections" }).first().click();
	await reads(page, "With a connection, an application you already run");
	await page.getByRole("link", { name: "New connection" }).click();
	await page.getByRole("textbox", { name: "Name" }).fill("Loom Moodle");
	await page.getByRole("button", { name: "Create connection" }).click();
	await page.locator("[aria-invalid=true]").waitFor();
	await page.getByRole("textbox", { name: "Name" }).fill("loom-moodle");
	await page.getByRole("radio", { name: "On a page of ours" }).check();
	await page.getByRole("button", { name: "Create connection" }).click();
	await page.getByRole("heading", { level: 1, name: "loom-moodle is ready" }).waitFor();
	const secret = await page.locator("#secret").inputValue();
	assert(/^[A-Za-z0-9]{40}$/.test(secret), "a secret of 40 letters");
	await page.getByText("Moodle", { exact: true }).click();
	equal(await page.getByRole("textbox", { name: "bigbluebuttonbn_server_url" }).inputValue(), `${server.url}/bbb/loom-moodle/bigbluebutton/`, "what Moodle wants");
	equal(await page.getByRole("textbox", { name: "bigbluebuttonbn_shared_secret" }).inputValue(), secret, "its secret");

	await page.reload(); // sends the form again
	await reads(page, "This connection exists already. Its secret is not shown again");
	const shown = async (what, text) => assert(!(await page.content()).includes(text), `${what} shows the secret`);
	await shown("the page after reloading", secret);
	await page.goto(`${server.url}/m/common-loom/connections`);
	await shown("the list", secret);
	await page.getByRole("link", { name: "loom-moodle" }).click();
	await shown("the connection", secret);
	await reads(page, `Ends with ${secret.slice(-4)}`);

	await page.getByRole("link", { name: "Replace the secret" }).click();
	await page.getByRole("radio", { name: "1 hour" }).check();
	await page.getByRole("button", { name: "Replace the secret" }).click();
	const second = await page.locator("#secret").inputValue();
	assert(second !== secret, "another secret");
	await page.goto(`${server.url}/m/common-loom/connections/loom-moodle`);
	await shown("the connection", second);
	await reads(page, "valid until");

	await page.getByText("Add a rule").click();
	await page.getByRole("combobox", { name: "What the rule does" }).selectOption("force");
	await page.getByRole("textbox", { name: "Parameter" }).fill("record");
	await page.getByRole("textbox", { name: "Value" }).fill("false");
	await page.getByRole("button", { name: "Save rule" }).click();
	await reads(page, "record is always false, whatever the application sends.");

	await page.getByRole("link", { name: "Change" }).click();
	await page.getByRole("radio", { name: "In the application" }).check();
	await page.getByRole("combobox", { name: "Service level of its own" }).selectOption("level-1");
	await page.getByRole("combobox", { name: "Signature of events" }).selectOption("sha256");
	await page.getByRole("button", { name: "Save" }).click();
	await reads(page, "The connection is changed.");
	await reads(page, "SHA-256");

	await page.getByRole("link", { name: "Revoke" }).click();
	await page.getByRole("button", { name: "Revoke" }).click(); // nothing typed: the browser asks for it
	equal(new URL(page.url()).pathname, "/m/common-loom/connections/loom-moodle/revoke", "still asked");
	await page.getByRole("textbox", { name: "Type the name to confirm" }).fill("loom-moodle");
	await page.getByRole("button", { name: "Revoke" }).click();
	await reads(page, "The connection is revoked.");
	await reads(page, "Revoked connections");
});

test("an admin of the platform keeps meetings off a server, without scripts", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const email = "ewan@common-loom.example";
	const page = t.page(await visitor(browser, { scripts: false }));
	await signIn(page, server, email);
	equal((await page.goto(`${server.url}/admin/servers`)).status(), 404, "servers of somebody who is no admin");
	await server.cli("person", "role", "--email", email);
	await page.context().clearCookies();
	await signIn(page, server, email);
	await page.goto(`${server.url}/rooms`);
	await page.getByRole("link", { name: "Servers" }).first().click();
	await page.getByRole("link", { name: "bbb-es-1" }).click();
	await page.getByRole("button", { name: "Use it" }).click();
	await reads(page, "Meetings begin on this server again.");
	await page.getByRole("button", { name: "No new meetings" }).click();
	await reads(page, "No meeting begins on this server any more.");
	equal((await server.cli("server", "list", "--json")).find((v) => v.name === "bbb-es-1").admin, "cordoned", "as the command line sees it");
	await page.getByRole("link", { name: "End everything there" }).click();
	await page.getByRole("textbox", { name: "Type the name to confirm" }).fill("bbb-es-2");
	await page.getByRole("button", { name: "End everything there" }).click();
	await page.locator("[aria-invalid=true]").waitFor();
});

test("an admin of the platform names a helper and removes it, without scripts", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const email = "ewan@common-loom.example";
	await server.cli("person", "role", "--email", email);
	await server.cli("connection", "create", "--member", "common-loom", "--name", "loom-moodle", "--json");
	const page = t.page(await visitor(browser, { scripts: false }));
	await signIn(page, server, email);
	await page.goto(`${server.url}/admin/servers`);
	await page.getByRole("link", { name: "Helpers without a seat" }).click();
	await reads(page, "for example recorder-*");
	await page.getByRole("link", { name: "Add helper" }).click();
	await page.getByRole("textbox", { name: "userID" }).fill("recorder-*");
	await page.getByRole("button", { name: "Add helper" }).click(); // where is left as it is, and nothing is named
	await page.locator("#f-connection[aria-invalid=true]").waitFor();
	await page.getByRole("combobox", { name: "Connection" }).fill("loom-moodle");
	await page.getByRole("button", { name: "Add helper" }).click();
	await reads(page, "takes no seat from now on");
	const listed = async () => (await server.cli("service-user", "list", "--json")).map((u) => `${u.connection_name} ${u.pattern}`);
	equal(await listed(), ["loom-moodle recorder-*"], "as the command line sees it");
	await page.getByRole("link", { name: "Remove recorder-*: loom-moodle" }).click();
	await reads(page, "of the connection loom-moodle");
	await page.getByRole("button", { name: "Remove" }).click();
	await reads(page, "takes a seat like everybody else from now on");
	equal(await listed(), [], "as the command line sees it");
});

/** An application of a member that speaks the API, with a connection of its own. */
async function application(server, member, name) {
	const made = await server.cli("connection", "create", "--member", member, "--name", name, "--json");
	const url = (call, query) => {
		const sum = createHash("sha256").update(call + query + made.secret).digest("hex");
		return `${server.url}/bbb/${name}/bigbluebutton/api/${call}?${query}&checksum=${sum}`;
	};
	const ask = async (call, query) => (await fetch(url(call, query))).text();
	return { url, ask };
}

test("a course sends people into a meeting on a machine without BigBlueButton", async (t) => {
	const server = await Server.start();
	t.after(() => server.stop());
	const browser = await launch();
	t.after(() => browser.close());
	const course = await application(server, "common-loom", "course");
	const back = encodeURIComponent(`${server.url}/?course=1`);
	const made = await course.ask("create", `name=Weaving&meetingID=weaving-1&attendeePW=ap&moderatorPW=mp&guestPolicy=ASK_MODERATOR&logoutURL=${back}`);
	assert(made.includes("<returncode>SUCCESS</returncode>"), made);

	const teacher = t.page(await visitor(browser));
	await teacher.goto(course.url("join", "fullName=Teacher&meetingID=weaving-1&password=mp&userID=t1"));
	await inside(teacher);
	assert(/^\/meet\/meet_[0-9a-f]+$/.test(new URL(teacher.url()).pathname) && !teacher.url().includes("ticket"), `the ticket does not stay in the address: ${teacher.url()}`);
	equal(await teacher.title().then((s) => s.includes("Weaving")), true, "the title");

	const guest = t.page(await visitor(browser, { locale: "de-DE" }));
	await guest.goto(course.url("join", "fullName=Gast&meetingID=weaving-1&password=ap&userID=g1&guest=true"));
	await guest.waitForURL(/\/wait$/);
	equal(await axe(guest), [], "the door of a course's meeting");
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 1, "seats while somebody waits");
	await openPeople(teacher);
	await teacher.getByRole("button", { name: "Admit Gast" }).click();
	await guest.waitForURL(/\/meet\/[^/]+$/);
	await seesMoving(guest, "Teacher", 1);
	await seesMoving(teacher, "Gast", 1);
	await until("both are told of", async () => (await course.ask("getMeetingInfo", "meetingID=weaving-1")).includes("<participantCount>2</participantCount>"));

	const stranger = t.page(await visitor(browser));
	equal((await stranger.goto(teacher.url())).status(), 404, "the address of the meeting for somebody not sent");

	await guest.reload();
	await seesMoving(guest, "Teacher", 1);
	await course.ask("end", "meetingID=weaving-1&password=mp");
	await guest.getByRole("heading", { level: 1 }).getByText("Das Treffen ist zu Ende").waitFor();
	equal(await guest.getByRole("link", { name: "Zurück zu 127.0.0.1" }).getAttribute("href"), `${server.url}/?course=1`, "the way back");
	equal(await guest.getByRole("link").count(), 1, "no room to go to");
	equal(await axe(guest), [], "the end of a course's meeting");
	equal((await server.cli("usage", "show", "--member", "common-loom", "--json")).seats.used, 0, "seats after the end");
});
