// SPDX-License-Identifier: AGPL-3.0-or-later

// Every page once, in a state worth looking at: what the accessibility scan and the screenshots walk through.

import { signIn, visitor } from "./harness.mjs";
import { bringRecordings, hostIn, knock, openRoom } from "./steps.mjs";

/** Brings a demo into the state the tour needs, and returns the pages as { name, path, who }. */
export async function prepare(t, browser, server) {
	const { page: daisy, link } = await hostIn(t, browser, server, "daisy@common-loom.example", "Commons");
	await server.cli("level", "override", "--member", "colm-byrne", "--seats", "1", "--reason", "tour");
	const { page: colm, link: full } = await hostIn(t, browser, server, "colm@people.example", "Colm's room");
	for (const page of [daisy, colm]) await page.locator("#bar-camera").click(); // pictures nobody sees cost time
	const room = new URL(link).pathname;
	const fullRoom = new URL(full).pathname;
	const owner = await visitor(browser);
	await signIn(owner, server, "ewan@common-loom.example");
	const desk = new URL(await openRoom(owner, server, "Support desk")).pathname;
	await owner.context().close();
	for (const name of ["common-loom-moodle", "common-loom-cloud"]) {
		const made = await server.cli("connection", "create", "--member", "common-loom", "--name", name, "--json").catch((e) => e);
		if (made instanceof Error && !String(made.stderr).includes("connection.limit")) throw made;
	}
	await server.cli("connection", "params", "common-loom-moodle", "--set", "force record=false", "--set", "cap maxParticipants=20");
	await server.cli("person", "role", "--email", "ewan@common-loom.example");
	const plug = "/m/common-loom/connections/common-loom-moodle";
	await server.cli("connection", "set", "common-loom-moodle", "--origin", "weaving-school", "--adopt");
	await server.cli("service-user", "add", "recorder-*");
	await server.cli("service-user", "add", "*-captions", "--connection", "common-loom-moodle");
	const [{ id: machine }] = (await server.cli("server", "list", "--json")).filter((v) => v.name === "bbb-es-1");
	await server.cli("server", "cordon", "bbb-es-1");
	await server.cli("level", "override", "--member", "common-loom", "--recording", "on", "--reason", "tour");
	const [lesson, , , old] = await bringRecordings(t, server, [
		{ title: "Weaving course, lesson 1", ago: 2, megabytes: 4, connection: "common-loom-moodle" },
		{ title: "Weaving course, lesson 2", ago: 9, megabytes: 3, connection: "common-loom-moodle" },
		{ title: "Board and the question of the roof over the dyeing shed", ago: 16, formats: ["video"], connection: "common-loom-cloud" },
		{ title: "Assembly", ago: 40, formats: ["presentation", "video", "notes"], connection: "common-loom-cloud" },
		{ title: "Trial", ago: 5, formats: ["video"] },
		{ title: "Concert", ago: 70, megabytes: 6 },
	]);
	await server.cli("recording", "publish", lesson, "--access", "members");
	await server.cli("recording", "publish", old, "--off");
	const kept = "/m/common-loom/recordings";
	const ewan = "ewan@common-loom.example";
	return {
		room,
		fullRoom,
		pages: [
			{ name: "home", path: "/" },
			{ name: "levels", path: "/levels" },
			{ name: "signup", path: "/signup" },
			{ name: "signin", path: "/signin" },
			{ name: "unknown", path: "/no/such/page" },
			{ name: "link-over", path: "/signin/link/" + "x".repeat(43) },
			{ name: "outbox", path: "/outbox" },
			{ name: "join", path: room },
			{ name: "refusal", path: fullRoom, submit: "form[data-join]", as: "Robin Ash" },
			{ name: "rooms", path: "/rooms", who: "ewan@common-loom.example" },
			{ name: "room-new", path: "/rooms/new", who: "ewan@common-loom.example" },
			{ name: "rooms-archived", path: "/rooms/archived", who: "ewan@common-loom.example" },
			{ name: "room", path: desk, who: "ewan@common-loom.example" },
			{ name: "room-archive", path: `${desk}/archive`, who: "ewan@common-loom.example" },
			{ name: "usage", path: "/m/common-loom/usage", who: "ewan@common-loom.example" },
			{ name: "usage-month", path: "/m/common-loom/usage?span=month", who: "ewan@common-loom.example" },
			{ name: "usage-year", path: "/m/common-loom/usage?span=year", who: "ewan@common-loom.example" },
			{ name: "connections", path: "/m/common-loom/connections", who: ewan },
			{ name: "connection-new", path: "/m/common-loom/connections/new", who: ewan },
			{ name: "connection", path: plug, who: ewan },
			{ name: "connection-hours", path: `${plug}?span=hours`, who: ewan },
			{ name: "connection-edit", path: `${plug}/edit`, who: ewan },
			{ name: "connection-rotate", path: `${plug}/rotate`, who: ewan },
			{ name: "connection-secret", path: `${plug}/rotate`, press: "main form button", shows: "#secret", who: ewan },
			{ name: "connection-revoke", path: `${plug}/revoke`, who: ewan },
			{ name: "recordings", path: "/recordings", who: ewan },
			{ name: "member-recordings", path: kept, who: ewan },
			{ name: "recordings-ticked", path: `${kept}?tick=all`, who: ewan },
			{ name: "recording", path: `${kept}/${lesson}`, who: ewan },
			{ name: "recording-hidden", path: `${kept}/${old}`, who: ewan },
			{ name: "recording-delete", path: `${kept}/${old}/delete`, who: ewan },
			{ name: "recordings-trash", path: `${kept}?view=trash`, who: ewan },
			{ name: "quarantine", path: "/admin/recordings", who: ewan },
			{ name: "servers", path: "/admin/servers", who: ewan },
			{ name: "server-new", path: "/admin/servers/new", who: ewan },
			{ name: "server", path: `/admin/servers/${machine}`, who: ewan },
			{ name: "server-drain", path: `/admin/servers/${machine}/drain`, who: ewan },
			{ name: "helpers", path: "/admin/service-users", who: ewan },
			{ name: "helper-new", path: "/admin/service-users/new", who: ewan },
			{ name: "helper-remove", path: "/admin/service-users/remove?connection=&pattern=recorder-*", who: ewan },
			{ name: "account", path: "/account", who: "ewan@common-loom.example" },
			{ name: "end-others", path: "/account/sessions/end-others", who: "ewan@common-loom.example" },
		],
	};
}

/** Goes to a page of the tour, as it is listed. */
export async function visit(page, server, entry) {
	await page.goto(server.url + entry.path);
	if (entry.submit) {
		await page.locator("input[name=name]").fill(entry.as);
		await page.locator(`${entry.submit} button:not([type=button])`).first().click();
		await page.locator("main .refusal").waitFor();
	}
	if (entry.press) {
		await page.locator(entry.press).first().click();
		await page.locator(entry.shows).waitFor();
	}
}

/** A meeting with a few people, some of them doing something. */
export async function fullMeeting(t, browser, server, options = {}) {
	const { page, link } = await hostIn(t, browser, server, "alba@hilado.example", "Weekly round", options);
	return { page, link, knock: (name) => knock(t, browser, link, name) };
}
