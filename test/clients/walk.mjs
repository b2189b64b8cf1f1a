// SPDX-License-Identifier: AGPL-3.0-or-later

// The walk of one library through one meeting, its breakout room and its recording.

import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";

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

/** The first text of that name in an answer, whatever the library made of the XML: the one highest up. */
export function said(answer, name) {
	let level = [answer];
	while (level.length > 0) {
		const next = [];
		for (const v of level) {
			if (v === null || typeof v !== "object") continue;
			if (!Array.isArray(v) && name in v) {
				const found = Array.isArray(v[name]) ? v[name][0] : v[name];
				if (typeof found !== "object") return String(found);
			}
			next.push(...Object.values(v));
		}
		level = next;
	}
	return "";
}

const good = (answer) => said(answer, "returncode") === "SUCCESS";

/** Tries until it holds, ten seconds long; returns what was seen last. */
async function until(ask, holds) {
	let seen;
	for (let i = 0; i < 200; i++) {
		seen = await ask();
		if (holds(seen)) break;
		await pause(50);
	}
	return seen;
}

const slides = '<?xml version="1.0" encoding="UTF-8"?><modules><module name="presentation"><document url="http://slides.test/a.pdf" filename="a.pdf"/></module></modules>';
const captions = "1\n00:00:01,000 --> 00:00:02,000\nWelcome\n";

/**
 * Walks one library. lib and other are it with the right and with a wrong secret; id is the meeting's; world is the other side: the
 * addresses of the simulators, a meeting standing on another one than the walk's, order(verb, body) to the one that has the thing, an
 * address for a hook, and whether it heard(event, id).
 */
export async function walk(check, lib, other, id, world) {
	const params = { name: "Spring Assembly", meetingID: id, attendeePW: "ap", moderatorPW: "mp", welcome: "Hello & <b>welcome</b> ü", record: "true", "meta_bbb-origin": "clients" };
	const hook = lib["hooks/create"] && (await hooked(check, lib, world));
	const internal = await created(check, lib, params);
	await joined(check, lib, id, world);
	await looked(check, lib, id, world);
	await breakout(check, lib, id, internal);
	if (lib.sendChatMessage) await chat(check, lib, id, internal, world);
	if (lib.untyped) await untyped(check, lib, id);
	if (lib.sign) await document(check, lib, id, internal, world);
	const wrong = await other.getMeetingInfo({ meetingID: id });
	check("a wrong secret", said(wrong, "returncode") === "FAILED" && said(wrong, "messageKey") === "checksumError", wrong);
	await ended(check, lib, id);
	if (hook) await unhooked(check, lib, hook, id, world);
	await recorded(check, lib, id, internal, world);
}

async function hooked(check, lib, { hook }) {
	const made = await lib["hooks/create"]({ callbackURL: hook });
	check("hooks/create", good(made) && Number(said(made, "hookID")) > 0, made);
	return said(made, "hookID");
}

async function created(check, lib, params) {
	const made = await lib.create(params);
	check("create", good(made) && said(made, "meetingID") === params.meetingID, made);
	const again = await lib.create(params);
	check("create again", good(again) && said(again, "messageKey") === "duplicateWarning", again);
	return said(made, "internalMeetingID");
}

async function joined(check, lib, id, { sims }) {
	const running = () => lib.isMeetingRunning({ meetingID: id });
	const before = await running();
	check("nobody is in it", good(before) && said(before, "running") === "false", before);
	const person = { fullName: "Ana Ü & Co", meetingID: id, password: "mp" };
	if (lib.join) {
		const client = await enter(await lib.join(person));
		check("join", client.includes("sessionToken=") && sims.some((s) => client.startsWith(s)), client);
	} else {
		await lib.enters(person);
	}
	const after = await until(running, (v) => said(v, "running") === "true");
	check(lib.join ? "isMeetingRunning" : "join, isMeetingRunning", said(after, "running") === "true", after);
}

async function looked(check, lib, id, { standing }) {
	const info = await until(() => lib.getMeetingInfo({ meetingID: id }), (v) => said(v, "participantCount") === "1");
	const person = said(info, "fullName").replace("&amp;", "&").replaceAll(" ", ""); // parsers leave &amp; as it is, and lose blanks beside it
	check("getMeetingInfo", good(info) && said(info, "meetingName") === "Spring Assembly" && said(info, "participantCount") === "1" && person === "AnaÜ&Co", info);
	if (!lib.getMeetings) return;
	const list = JSON.stringify(await lib.getMeetings({}));
	check("getMeetings of both servers", list.includes(`"${id}"`) && list.includes(`"${standing}"`) && !list.includes("mc-"), list);
}

async function breakout(check, lib, id, internal) {
	const room = `${id}-room`;
	const made = await lib.create({ name: "Room 1", meetingID: room, attendeePW: "ap", moderatorPW: "mp", isBreakout: "true", parentMeetingID: id, sequence: "1", freeJoin: "false" });
	check("breakout: create", good(made) && said(made, "meetingID") === room && said(made, "parentMeetingID") === internal, made);
	const info = await lib.getMeetingInfo({ meetingID: room });
	check("breakout: getMeetingInfo", good(info) && said(info, "isBreakout") === "true" && said(info, "parentMeetingID") === internal && said(info, "sequence") === "1", info);
	const orphan = await lib.create({ name: "Room 2", meetingID: `${id}-orphan`, isBreakout: "true", parentMeetingID: "nothing", sequence: "2" });
	check("breakout: of nothing", said(orphan, "messageKey") === "parentMeetingDoesNotExist", orphan);
}

async function chat(check, lib, id, internal, { order }) {
	const sent = await lib.sendChatMessage({ meetingID: id, message: "Lunch & more ü", userName: "Desk" });
	const { messages } = await order("chat", { meeting: internal });
	check("sendChatMessage", good(sent) && messages?.length === 1 && messages[0].Text === "Lunch & more ü" && messages[0].From === "Desk", [sent, messages]);
}

/** What is posted without a type is refused, as by every server since 2.6. */
async function untyped(check, lib, id) {
	const refused = await lib.untyped("insertDocument", { meetingID: id }, { modules: { module: [{ name: "presentation", document: { url: "http://slides.test/a.pdf" } }] } });
	check("insertDocument, posted without a Content-Type: refused", said(refused, "messageKey") === "unsupportedContentType", refused);
}

async function document(check, lib, id, internal, { order }) {
	const url = await lib.sign("insertDocument", { meetingID: id });
	const answer = await (await fetch(url, { method: "POST", headers: { "Content-Type": "application/xml" }, body: slides })).text();
	const { documents } = await order("documents", { meeting: internal });
	check("insertDocument, signed", answer.includes("SUCCESS") && documents?.some((d) => d.URL === "http://slides.test/a.pdf" && d.InsertedAfterCreation), [answer, documents]);
}

async function ended(check, lib, id) {
	const end = await lib.end({ meetingID: id, password: "mp" });
	check("end", good(end) && said(end, "messageKey") === "sentEndMeetingRequest", end);
	for (const [what, meetingID] of [["gone", id], ["breakout: gone", `${id}-room`]]) {
		const gone = await until(() => lib.getMeetingInfo({ meetingID }), (v) => said(v, "messageKey") === "notFound");
		check(what, said(gone, "messageKey") === "notFound", gone);
	}
}

async function unhooked(check, lib, hookID, id, { hook, heard }) {
	const list = await lib["hooks/list"]({});
	check("hooks/list", good(list) && JSON.stringify(list).includes(hook), list);
	for (const event of ["meeting-created", "user-joined", "meeting-ended"]) {
		const came = await until(async () => heard(event, id), Boolean);
		check(`hooks: told of ${event}`, came, "not within 10 s");
	}
	const gone = await lib["hooks/destroy"]({ hookID });
	check("hooks/destroy", good(gone) && said(gone, "removed") === "true", gone);
}

async function recorded(check, lib, id, internal, { order }) {
	const list = (more) => lib.getRecordings({ meetingID: id, ...more });
	const none = await list();
	check("getRecordings: none yet", good(none) && said(none, "messageKey") === "noRecordings", none);

	const { recording: recordID } = await order("record", { meeting: internal });
	await order("publish", { recording: recordID, format: "presentation" });
	const one = await until(list, (v) => said(v, "recordID") !== "");
	check("getRecordings", good(one) && said(one, "recordID") === recordID && said(one, "meetingID") === id && said(one, "state") === "published" && !JSON.stringify(one).includes('"mc-'), one);

	const hidden = await lib.publishRecordings({ recordID, publish: "false" });
	const seen = await list({ state: "unpublished" });
	check("publishRecordings: hide", good(hidden) && said(hidden, "published") === "false" && said(seen, "recordID") === recordID && said(seen, "published") === "false", [hidden, seen]);
	const shown = await lib.publishRecordings({ recordID, publish: "true" });
	check("publishRecordings: show", good(shown) && said(await list({ state: "published" }), "recordID") === recordID, shown);

	if (lib.updateRecordings) {
		const updated = await lib.updateRecordings({ recordID, meta_chair: "Ana Ü" });
		const chaired = await list({ meta_chair: "Ana Ü" });
		check("updateRecordings", good(updated) && said(updated, "updated") === "true" && said(chaired, "chair") === "Ana Ü", [updated, chaired]);
	}
	if (lib.sign) await tracks(check, lib, recordID);

	const deleted = await lib.deleteRecordings({ recordID });
	const after = await list();
	check("deleteRecordings", good(deleted) && said(deleted, "deleted") === "true" && said(after, "messageKey") === "noRecordings", [deleted, after]);
}

async function tracks(check, lib, recordID) {
	const form = new FormData();
	form.append("file", new Blob([captions], { type: "application/x-subrip" }), "en.srt");
	const put = await (await fetch(await lib.sign("putRecordingTextTrack", { recordID, kind: "subtitles", lang: "en-GB", label: "English" }), { method: "POST", body: form })).json();
	check("putRecordingTextTrack, signed", put.response?.messageKey === "upload_text_track_success" && put.response.recordId === recordID, put);
	const got = await (await fetch(await lib.sign("getRecordingTextTracks", { recordID }))).json();
	const [track] = got.response?.tracks ?? [];
	check("getRecordingTextTracks, signed", good(got) && track?.lang === "en-GB" && track.kind === "subtitles" && track.label === "English", got);
}
