// SPDX-License-Identifier: AGPL-3.0-or-later

// Foreign client libraries against the gateway over two simulated servers. Nothing of the libraries is changed. Each step prints a
// line; the last line counts, and a failure ends with exit code 1.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const require = createRequire(import.meta.url);
const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const bin = (name) => path.join(root, "bin", name);

const counts = { passed: 0, failed: 0 };
function check(what, ok, seen) {
	counts[ok ? "passed" : "failed"]++;
	console.log(`${ok ? "ok  " : "FAIL"} ${what}${ok ? "" : `: ${JSON.stringify(seen)?.slice(0, 600)}`}`);
}

async function freePort() {
	const s = createServer().listen(0, "127.0.0.1");
	await once(s, "listening");
	const { port } = s.address();
	s.close();
	await once(s, "close");
	return port;
}

const children = [];
async function start(command, args, ready) {
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
	children.push(child);
	let log = "";
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (b) => (log += b));
	for (let i = 0; i < 600; i++) {
		if (child.exitCode !== null) throw new Error(`${command} ended:\n${log}`);
		if (await ready(log)) return;
		await pause(50);
	}
	throw new Error(`${command} is not ready:\n${log}`);
}

/** GET without following redirects. */
function get(url) {
	return new Promise((resolve, reject) => {
		http.get(url, (r) => {
			let body = "";
			r.on("data", (b) => (body += b));
			r.on("end", () => resolve({ status: r.statusCode, location: r.headers.location, body }));
		}).on("error", reject);
	});
}

/** Walks through a join as a browser does, and says where it ends. */
async function enter(url) {
	const ours = await get(url);
	if (ours.status !== 302) return ours.body;
	const theirs = await get(ours.location);
	return theirs.location ?? theirs.body;
}

const data = mkdtempSync(path.join(tmpdir(), "meetcoop-clients-"));
const port = await freePort();
const ops = await freePort();
const where = ["--data", data, "--listen", `127.0.0.1:${port}`];
const cli = async (...args) => JSON.parse((await run(bin("meetcoop"), [...args, "--json", ...where])).stdout);

async function until(what, holds) {
	for (let i = 0; i < 200; i++) {
		if (await holds()) return true;
		await pause(50);
	}
	check(what, false, "not within 10 s");
	return false;
}

/** What a library must be able to do, in its own words. */
async function walk(name, lib, id) {
	const made = await lib.create(id);
	check(`${name}: create`, made.returncode === "SUCCESS" && String(made.meetingID) === id, made);
	const again = await lib.create(id);
	check(`${name}: create again`, again.returncode === "SUCCESS" && again.messageKey === "duplicateWarning", again);
	check(`${name}: nobody is in it`, String((await lib.running(id)).running) === "false", null);
	if (lib.join) {
		const client = await enter(await lib.join(id));
		check(`${name}: join`, client.includes("sessionToken="), client);
	} else {
		await lib.enter(id); // it follows the redirects by itself
	}
	const running = await until(`${name}: running`, async () => String((await lib.running(id)).running) === "true");
	check(`${name}: isMeetingRunning`, running, running);
	const info = await lib.info(id);
	check(`${name}: getMeetingInfo`, info.returncode === "SUCCESS" && String(info.meetingName) === (lib.title ?? "Spring Assembly") && Number(info.participantCount) === 1, info);
	const list = JSON.stringify(await lib.list());
	check(`${name}: getMeetings`, list.includes(id) && !list.includes("mc-"), list);
	if (lib.recordings) {
		const recordings = await lib.recordings(id);
		check(`${name}: getRecordings`, recordings.returncode === "SUCCESS", recordings);
	}
	const wrong = await lib.wrong(id);
	check(`${name}: a wrong secret`, wrong.returncode === "FAILED" && wrong.messageKey === "checksumError", wrong);
	const ended = await lib.end(id);
	check(`${name}: end`, ended.returncode === "SUCCESS" && ended.messageKey === "sentEndMeetingRequest", ended);
	await until(`${name}: gone`, async () => (await lib.info(id)).messageKey === "notFound");
}

try {
	const sims = [await freePort(), await freePort()];
	for (const p of sims) await start(bin("bbbsim"), ["--listen", `127.0.0.1:${p}`, "--secret", "sim-secret"], (log) => log.includes("http://"));
	await start(bin("meetcoop"), ["serve", ...where, "--ops-listen", `127.0.0.1:${ops}`, "--engine", "none", "--demo", "--poll-interval", "1s"], async () => {
		try {
			return (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok;
		} catch {
			return false;
		}
	});
	for (const p of sims) await cli("server", "add", "--url", `http://127.0.0.1:${p}/bigbluebutton/api`, "--secret", "sim-secret");
	await cli("member", "create", "--name", "Hilado", "--slug", "hilado-clients", "--level", "custom");
	const { endpoint, secret } = await cli("connection", "create", "--member", "hilado-clients", "--name", "clients");
	await until("servers are up", async () => (await cli("server", "list")).filter((s) => s.observed === "up").length === 2);
	const host = endpoint.replace(/\/api$/, "");
	const params = { attendeePW: "ap", moderatorPW: "mp", welcome: "Hello & <b>welcome</b> ü", "meta_bbb-origin": "clients" };

	{
		const bbb = require("bigbluebutton-js");
		const api = bbb.api(host, secret);
		const other = bbb.api(host, "other");
		await walk("bigbluebutton-js 0.2.0", {
			create: (id) => bbb.http(api.administration.create("Spring Assembly", id, params)),
			join: async (id) => api.administration.join("Ana Ü & Co", id, "mp", { userID: "u-1" }),
			running: (id) => bbb.http(api.monitoring.isMeetingRunning(id)),
			info: (id) => bbb.http(api.monitoring.getMeetingInfo(id)),
			list: () => bbb.http(api.monitoring.getMeetings()),
			recordings: (id) => bbb.http(api.recording.getRecordings({ meetingID: id })),
			wrong: (id) => bbb.http(other.monitoring.getMeetingInfo(id)),
			end: (id) => bbb.http(api.administration.end(id, "mp")),
		}, "clients one+1");
		const hook = await bbb.http(api.hooks.create("http://127.0.0.1:9/hook", {}));
		check("bigbluebutton-js 0.2.0: hooks/create", hook.returncode === "SUCCESS" && Number(hook.hookID) > 0, hook);
		const hooks = await bbb.http(api.hooks.list({}));
		check("bigbluebutton-js 0.2.0: hooks/list", hooks.returncode === "SUCCESS", hooks);
		const gone = await bbb.http(api.hooks.destroy(hook.hookID, {}));
		check("bigbluebutton-js 0.2.0: hooks/destroy", gone.returncode === "SUCCESS", gone);
	}
	{
		const bbb = require("bbb-promise");
		const flat = ({ response }) => Object.fromEntries(Object.entries(response).map(([k, v]) => [k, v.length === 1 ? v[0] : v]));
		const api = bbb.server(host, secret);
		const other = bbb.server(host, "other");
		await walk("bbb-promise 1.2.0", {
			create: async (id) => flat(await api.administration.create("Spring Assembly", id, params)),
			join: async (id) => api.administration.join("Ana", id, "ap", { userID: "u-1" }),
			running: async (id) => flat(await api.monitoring.isMeetingRunning(id)),
			info: async (id) => flat(await api.monitoring.getMeetingInfo(id)),
			list: () => api.monitoring.getMeetings(),
			recordings: async (id) => flat(await api.recording.getRecordings({ meetingID: id })),
			wrong: async (id) => flat(await other.monitoring.getMeetingInfo(id)),
			end: async (id) => flat(await api.administration.end(id, "mp")),
		}, "clients-two");
	}
	{
		const { bbb } = require("bbb-api");
		const read = ({ response }) => Object.fromEntries(Object.entries(response).map(([k, v]) => [k, Array.isArray(v) && v.length === 1 ? v[0] : v]));
		const credentials = { url: host.replace(/\/bigbluebutton$/, ""), salt: secret };
		const call = async (name, body, c = credentials) => read(await bbb(c, name, body));
		await walk("bbb-api 1.1.5", {
			title: "Assembly", // it signs the query before it encodes it: no server takes a blank from it
			create: (id) => call("create", { name: "Assembly", meetingID: id, attendeePW: "ap", moderatorPW: "mp" }),
			enter: (id) => bbb(credentials, "join", { fullName: "Ana", meetingID: id, password: "mp" }).catch(() => {}), // the client's page is no XML
			running: (id) => call("isMeetingRunning", { meetingID: id }),
			info: (id) => call("getMeetingInfo", { meetingID: id }),
			list: () => bbb(credentials, "getMeetings", {}),
			recordings: (id) => call("getRecordings", { meetingID: id }),
			wrong: (id) => call("getMeetingInfo", { meetingID: id }, { ...credentials, salt: "other" }),
			end: (id) => call("end", { meetingID: id, password: "mp" }),
		}, "clients-three");
	}
} catch (e) {
	check("the run", false, e.stack);
} finally {
	for (const c of children.reverse()) {
		c.kill("SIGINT");
		await once(c, "exit");
	}
	rmSync(data, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
process.exit(counts.failed === 0 ? 0 : 1);
