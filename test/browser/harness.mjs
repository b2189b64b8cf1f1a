// SPDX-License-Identifier: AGPL-3.0-or-later

// What every browser test stands on: a real server in a directory of its own, Debian's Chromium with
// fake devices, the command line, an accessibility scan, and a runner that counts.

import { spawn, execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const root = path.resolve(import.meta.dirname, "../..");
export const binary = process.env.MEETCOOP_TEST_BINARY ?? path.join(root, "bin/meetcoop");
export const out = path.join(import.meta.dirname, "out");
mkdirSync(out, { recursive: true });

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => existsSync(p));
if (!executable) {
	console.error("Chromium is not installed: apt-get install chromium");
	process.exit(1);
}

/** A port that was free a moment ago. */
export function freePort() {
	return new Promise((resolve, reject) => {
		const s = createServer();
		s.on("error", reject);
		s.listen(0, "127.0.0.1", () => {
			const { port } = s.address();
			s.close(() => resolve(port));
		});
	});
}

/** The environment without settings of whoever runs the tests. */
function cleanEnv() {
	const env = { ...process.env };
	for (const name of Object.keys(env)) if (name.startsWith("MEETCOOP_") && !name.startsWith("MEETCOOP_TEST_")) delete env[name];
	return env;
}

/** A running server. `flags` are added to serve; it is waited for until `probe` (readyz, or healthz) says yes; the demo federation is in it unless demo is false. */
export class Server {
	static async start({ flags = [], demo = true, data, databaseURL, port, bin = binary, probe = "readyz" } = {}) {
		const s = new Server();
		s.bin = bin;
		s.probe = probe;
		s.own = data === undefined;
		s.data = data ?? mkdtempSync(path.join(tmpdir(), "meetcoop-browser-"));
		s.port = port ?? (await freePort());
		s.ops = await freePort();
		s.url = `http://127.0.0.1:${s.port}`;
		s.where = ["--data", s.data, ...(databaseURL ? ["--database-url", databaseURL] : [])];
		s.flags = [...s.where, "--listen", `127.0.0.1:${s.port}`, "--ops-listen", `127.0.0.1:${s.ops}`, ...(demo ? ["--demo"] : []), ...flags];
		await s.up();
		return s;
	}

	/** Starts the process and waits until it is ready. Also used after kill(). */
	async up() {
		this.log = "";
		const began = performance.now();
		this.process = spawn(this.bin, ["serve", ...this.flags], { env: cleanEnv(), stdio: ["ignore", "pipe", "pipe"] });
		this.exited = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve({ code, signal })));
		for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (b) => (this.log += b));
		for (;;) {
			if (this.process.exitCode !== null) throw new Error(`the server ended at once:\n${this.log}`);
			try {
				const r = await fetch(`http://127.0.0.1:${this.ops}/${this.probe}`);
				if (r.ok) break;
			} catch {
				// not listening yet
			}
			if (performance.now() - began > 60_000) {
				this.process.kill("SIGINT"); // nobody else would end it
				throw new Error(`the server is not ready after 60 s:\n${this.log}`);
			}
			await new Promise((r) => setTimeout(r, 20));
		}
		this.readyAfter = performance.now() - began;
	}

	/** One of the operator's commands; with json the parsed answer. */
	async cli(...args) {
		const { stdout } = await run(this.bin, [...args, ...this.where], { env: cleanEnv() });
		return args.includes("--json") ? JSON.parse(stdout) : stdout;
	}

	/** A link that signs a person in, once. */
	async signinLink(email) {
		const text = await this.cli("person", "signin-link", "--email", email, "--public-url", this.url);
		const link = text.match(/https?:\/\/\S+/)?.[0];
		if (!link) throw new Error(`no link in: ${text}`);
		return link;
	}

	async kill() {
		this.process.kill("SIGKILL");
		await this.exited;
	}

	async stop() {
		if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGINT");
		const result = await this.exited;
		if (this.own) rmSync(this.data, { recursive: true, force: true });
		return result;
	}
}

/** Debian's Chromium, with a camera and a microphone that do not exist, and no word to the outside. */
export function launch(extra = []) {
	return chromium.launch({
		executablePath: executable,
		headless: true,
		args: [
			"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--disable-features=Translate,OptimizationHints,MediaRouter", "--use-fake-device-for-media-stream=fps=4", "--use-fake-ui-for-media-stream",
			"--auto-select-desktop-capture-source=Entire screen", "--autoplay-policy=no-user-gesture-required", ...extra,
		],
	});
}

/** A fresh person's browser window: no cookie, no storage. Page errors fail the test that made them. */
export async function visitor(browser, { width = 1280, height = 800, locale = "en-GB", theme = "light", scripts = true } = {}) {
	const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: theme, javaScriptEnabled: scripts, permissions: ["camera", "microphone"], reducedMotion: "reduce" });
	context.setDefaultTimeout(15_000);
	const page = await context.newPage();
	page.problems = [];
	page.on("pageerror", (e) => page.problems.push(String(e)));
	page.on("console", (m) => {
		if (m.type() === "error" && /Content Security Policy|Refused to/.test(m.text())) page.problems.push(m.text());
	});
	return page;
}

/** Signs a person of the server in by a fresh link. */
export async function signIn(page, server, email) {
	await page.goto(await server.signinLink(email));
	await page.locator("main form button").first().click();
	await page.waitForURL((u) => !u.pathname.startsWith("/signin"));
}

const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Has every page of a window bring the scanner along: sending it to each anew takes longer than the scan. */
export function bringAxe(page) {
	return page.addInitScript({ content: axeSource });
}

/** Violations of WCAG 2.0 to 2.2, A and AA, and of axe's best practices, as short lines. */
export async function axe(page) {
	if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
	const result = await page.evaluate(() =>
		window.axe.run(document, { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }, resultTypes: ["violations"] }),
	);
	return result.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} (${n.failureSummary?.split("\n")[1]?.trim() ?? v.help})`));
}

export function assert(ok, message) {
	if (!ok) throw new Error(message);
}

export function equal(got, want, what) {
	const g = JSON.stringify(got);
	const w = JSON.stringify(want);
	if (g !== w) throw new Error(`${what}: want ${w}, got ${g}`);
}

/** Waits until fn returns something true; says what it waited for when it does not come. */
export async function until(what, fn, ms = 15_000) {
	const end = performance.now() + ms;
	let last;
	for (;;) {
		try {
			last = await fn();
			if (last) return last;
		} catch (e) {
			last = e;
		}
		if (performance.now() > end) throw new Error(`after ${ms} ms still not: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
		await new Promise((r) => setTimeout(r, 50));
	}
}

const tests = [];

/** Registers one test; name is a sentence. One that mostly waits runs beside those that follow it. */
export function test(name, fn, { beside = false } = {}) {
	tests.push({ name, fn, beside });
}

/** Runs what was registered, in order, and prints the line that `make test` adds up. */
export async function main(label = "browser") {
	const only = process.argv[2];
	const chosen = tests.filter(({ name }) => !only || name.toLowerCase().includes(only.toLowerCase()));
	const running = [];
	for (const t of chosen) {
		running.push(attempt(t));
		if (!t.beside) await running.at(-1);
	}
	const results = await Promise.all(running);
	const passed = results.filter(Boolean).length;
	console.log(`${label}: ${passed} passed, ${results.length - passed} failed`);
	process.exit(passed > 0 && passed === results.length ? 0 : 1);
}

let failures = 0;

/** Runs one test and reports whether it passed. */
async function attempt({ name, fn }) {
	const began = performance.now();
	const pages = [];
	const cleanup = [];
	const lines = [];
	const t = {
		/** Registers a page: it is photographed when the test fails, and its script errors fail the test. */
		page: (p) => (pages.push(p), p),
		after: (f) => cleanup.push(f),
		note: (text) => lines.push(`    ${text}`),
	};
	let passed = false;
	try {
		await fn(t);
		for (const p of pages) if (p.problems?.length > 0) throw new Error(`script errors: ${p.problems.join("; ")}`);
		passed = true;
		lines.push(`  ok    ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
	} catch (e) {
		const number = ++failures;
		lines.push(`  FAIL  ${name}\n        ${String(e?.stack ?? e).split("\n").slice(0, 8).join("\n        ")}`);
		for (const [i, p] of pages.entries()) {
			try {
				await p.screenshot({ path: path.join(out, `failed-${number}-${i}.png`), fullPage: true });
				lines.push(`        ${p.url()} photographed as out/failed-${number}-${i}.png`);
			} catch {
				// the page is gone: nothing to photograph
			}
		}
	}
	for (const f of cleanup.reverse()) await f().catch((e) => lines.push(`        cleaning up: ${e}`));
	console.log(lines.join("\n"));
	return passed;
}
