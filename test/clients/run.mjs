// SPDX-License-Identifier: AGPL-3.0-or-later

// Foreign client libraries against the gateway over two simulated servers. Nothing of the libraries is changed. Each step prints a
// line; the last line counts, and a failure ends with exit code 1.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { libraries } from "./libraries.mjs";
import { walk } from "./walk.mjs";

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

const data = mkdtempSync(path.join(tmpdir(), "meetcoop-clients-"));
const port = await freePort();
const ops = await freePort();
const where = ["--data", data, "--listen", `127.0.0.1:${port}`];
const cli = async (...args) => JSON.parse((await run(bin("meetcoop"), [...args, "--json", ...where])).stdout);

/** Where hooks are told: what came is kept. */
const events = [];
const hooks = http.createServer((req, res) => {
	let body = "";
	req.on("data", (b) => (body += b));
	req.on("end", () => {
		events.push(new URLSearchParams(body).get("event") ?? "");
		res.end();
	});
});
const heard = (event, id) => events.some((e) => e.includes(`"${event}"`) && e.includes(`"${id}"`));

const sims = [];
/** Tells the simulator that has the thing; the other one refuses. */
async function order(verb, body) {
	let said;
	for (const sim of sims) {
		const answer = await fetch(`${sim}/sim/${verb}`, { method: "POST", body: JSON.stringify(body) });
		said = await answer.json();
		if (answer.ok && Object.values(said).some((v) => v !== null)) return said;
	}
	return said;
}

/** A client in Go says the same lines. */
async function walkInGo(name, ...args) {
	const child = spawn(bin(name), args, { stdio: ["ignore", "pipe", "pipe"] });
	let log = "";
	child.stderr.on("data", (b) => (log += b));
	let lines = 0;
	createInterface({ input: child.stdout }).on("line", (line) => {
		const ok = line.startsWith("ok  ");
		if (!ok && !line.startsWith("FAIL")) return;
		lines++;
		counts[ok ? "passed" : "failed"]++;
		console.log(line);
	});
	const [code] = await once(child, "close");
	if (lines === 0 || code > 1 || code === null) check(`${name}: its walk`, false, log);
}

async function finish() {
	for (const c of children.reverse()) {
		if (c.exitCode !== null) continue;
		c.kill("SIGINT");
		await once(c, "exit");
	}
	rmSync(data, { recursive: true, force: true });
	console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
	process.exit(counts.failed === 0 ? 0 : 1);
}
process.once("uncaughtException", (e) => { // thrown where a library calls back, and nobody waits
	check("the run", false, e.stack);
	finish();
});

try {
	hooks.listen(0, "127.0.0.1");
	await once(hooks, "listening");
	for (let i = 0; i < 2; i++) {
		const at = `127.0.0.1:${await freePort()}`;
		await start(bin("bbbsim"), ["--listen", at, "--secret", "sim-secret"], (log) => log.includes("http://"));
		sims.push(`http://${at}`);
	}
	const serve = ["serve", ...where, "--ops-listen", `127.0.0.1:${ops}`, "--engine", "none", "--demo", "--poll-interval", "1s", "--callback-allow", "127.0.0.0/8"];
	await start(bin("meetcoop"), serve, async () => {
		try {
			return (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok;
		} catch {
			return false;
		}
	});
	for (const sim of sims) await cli("server", "add", "--url", `${sim}/bigbluebutton/api`, "--secret", "sim-secret");
	await cli("member", "create", "--name", "Hilado", "--slug", "hilado-clients", "--level", "custom");
	const { endpoint, secret } = await cli("connection", "create", "--member", "hilado-clients", "--name", "clients");
	for (let i = 0; i < 200 && (await cli("server", "list")).filter((s) => s.observed === "up").length < 2; i++) await pause(50);
	const host = endpoint.replace(/\/api$/, "");

	// One meeting stands on one of the servers the whole time: the walks go to the other one, which has less to do.
	const standing = "clients-standing";
	const stood = await libraries["bigbluebutton-js 0.2.0"](host, secret).create({ name: "Standing", meetingID: standing });
	check("a meeting on one of the servers", stood.returncode === "SUCCESS", stood);

	let n = 0;
	for (const [name, make] of Object.entries(libraries)) {
		const step = (what, ok, seen) => check(`${name}: ${what}`, ok, seen);
		const hook = `http://127.0.0.1:${hooks.address().port}/hook/${++n}`;
		try {
			await walk(step, make(host, secret), make(host, "other"), `clients-${n}`, { sims, standing, order, hook, heard });
		} catch (e) {
			step("the walk", false, e?.stack ?? e);
		}
	}
	await walkInGo("b3lb", host, secret, standing, ...sims);
	const made = await Promise.all(sims.map(async (sim) => (await (await fetch(`${sim}/sim/counters`, { method: "POST" })).json()).calls.create));
	check("both servers had meetings", made.every((v) => v > 0), made);
} catch (e) {
	check("the run", false, e.stack);
}
await finish();
