// SPDX-License-Identifier: AGPL-3.0-or-later

// Plugging applications in, and looking after servers.

import { assert, equal, launch, Server, signIn, test, visitor } from "./harness.mjs";
import { reads } from "./steps.mjs";

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
