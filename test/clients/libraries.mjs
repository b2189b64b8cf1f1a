// SPDX-License-Identifier: AGPL-3.0-or-later

// How each library says the calls of the API. Nothing of the libraries is changed; what one does not offer is missing here.
//
// Each entry: calls by their name in the API; join returns an address, or with `enters` goes there by itself. `sign` returns the signed
// address of any call, where a library offers that: it is fetched, or posted to, by the walk. No library of npm posts a body that a
// server since 2.6 takes: bigbluebutton 0.5.2 sends one without a Content-Type, the others send none.

import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";

const require = createRequire(import.meta.url);

/** What a library that pastes texts into an address must be given. */
const encoded = (params) => Object.fromEntries(Object.entries(params).map(([k, v]) => [k, encodeURIComponent(v)]));

function bigbluebuttonJS(host, secret) {
	const bbb = require("bigbluebutton-js");
	const { administration, monitoring, recording, hooks } = bbb.api(host, secret);
	const sign = (call, params) => bbb.util.constructUrl(host, secret, call, { ...params });
	return {
		sign,
		create: ({ name, meetingID, ...more }) => bbb.http(administration.create(name, meetingID, more)),
		join: async ({ fullName, meetingID, password, ...more }) => administration.join(fullName, meetingID, password, more),
		isMeetingRunning: ({ meetingID }) => bbb.http(monitoring.isMeetingRunning(meetingID)),
		getMeetingInfo: ({ meetingID }) => bbb.http(monitoring.getMeetingInfo(meetingID)),
		getMeetings: () => bbb.http(monitoring.getMeetings()),
		end: ({ meetingID, password }) => bbb.http(administration.end(meetingID, password)),
		sendChatMessage: (params) => bbb.http(sign("sendChatMessage", params)),
		"hooks/create": ({ callbackURL, ...more }) => bbb.http(hooks.create(callbackURL, more)),
		"hooks/list": (params) => bbb.http(hooks.list(params)),
		"hooks/destroy": ({ hookID }) => bbb.http(hooks.destroy(hookID, {})),
		getRecordings: (params) => bbb.http(recording.getRecordings(params)),
		publishRecordings: ({ recordID, publish }) => bbb.http(recording.publishRecordings(recordID, publish)),
		updateRecordings: ({ recordID, ...more }) => bbb.http(recording.updateRecordings(recordID, more)),
		deleteRecordings: ({ recordID }) => bbb.http(recording.deleteRecordings(recordID)),
	};
}

// Text tracks are answered in JSON, and it reads XML only: none of them.
function bbbPromise(host, secret) {
	const { administration, monitoring, recording } = require("bbb-promise").server(host, secret);
	const custom = (call) => (params) => administration.customCall(call, params);
	return {
		create: ({ name, meetingID, ...more }) => administration.create(name, meetingID, more),
		join: async ({ fullName, meetingID, password, ...more }) => administration.join(fullName, meetingID, password, more),
		isMeetingRunning: ({ meetingID }) => monitoring.isMeetingRunning(meetingID),
		getMeetingInfo: ({ meetingID }) => monitoring.getMeetingInfo(meetingID),
		getMeetings: () => monitoring.getMeetings(),
		end: ({ meetingID, password }) => administration.end(meetingID, password),
		sendChatMessage: custom("sendChatMessage"),
		"hooks/create": custom("hooks/create"),
		"hooks/list": custom("hooks/list"),
		"hooks/destroy": custom("hooks/destroy"),
		getRecordings: (params) => recording.getRecordings(params),
		publishRecordings: ({ recordID, publish }) => recording.publishRecordings(recordID, publish),
		updateRecordings: ({ recordID, ...more }) => recording.updateRecordings(recordID, more),
		deleteRecordings: ({ recordID }) => recording.deleteRecordings(recordID),
	};
}

// It knows ten calls, and answers any other by itself: no chat, hooks, slides or text tracks. The tenth, updateRecordings, it sends to
// .../api/undefined. Its join reads the page it ends at, which is no XML.
function bbbAPI(host, secret) {
	const { bbb } = require("bbb-api");
	const credentials = { url: host.replace(/\/bigbluebutton$/, ""), salt: secret };
	const call = (name) => async (params) => bbb(credentials, name, encoded(params));
	const names = ["create", "isMeetingRunning", "getMeetingInfo", "getMeetings", "end", "getRecordings", "publishRecordings", "deleteRecordings"];
	return {
		...Object.fromEntries(names.map((name) => [name, call(name)])),
		enters: (params) => call("join")(params).catch(() => {}),
	};
}

// It takes any call, and reads XML only. It connects to port 80 and no other: the agent that it takes by default leads there to the
// gateway, as a proxy would.
function bigbluebutton(host, secret) {
	const bbb = require("bigbluebutton");
	const there = new URL(host);
	const server = { ...bbb, url: host.replace(there.host, "gateway.test"), salt: secret };
	http.globalAgent.createConnection = (options, connected) => net.createConnection(options.host === "gateway.test" ? { ...options, host: there.hostname, port: there.port } : options, connected);
	const said = (method, data) => new Promise((resolve, reject) => server[method](data, (err, out) => (err ? reject(err) : resolve(out))));
	const call = (action) => async (params) => JSON.parse(await said("request", { action, params: encoded(params) }));
	const sign = (action, params) => said("link", { action, params: encoded(params) });
	const names = ["create", "isMeetingRunning", "getMeetingInfo", "getMeetings", "end", "sendChatMessage", "hooks/create", "hooks/list", "hooks/destroy",
		"getRecordings", "publishRecordings", "updateRecordings", "deleteRecordings"];
	return {
		...Object.fromEntries(names.map((name) => [name, call(name)])),
		join: (params) => sign("join", params),
		sign: async (action, params) => (await sign(action, params)).replace("gateway.test", there.host),
		untyped: async (action, params, body) => JSON.parse(await said("request", { action, params: encoded(params), body })),
	};
}

// It has no getMeetings, and its join goes there by itself before it returns the address, which it prints too.
function nodejsBigbluebutton(host, secret) {
	const server = { ...require("nodejs-bigbluebutton"), url: `${host}/`, salt: secret };
	const call = (method) => (params) => new Promise((resolve, reject) => {
		server[method](encoded(params), ({ data, msg }) => {
			if (typeof data === "string") resolve(JSON.parse(data));
			else if (data?.response) resolve(data);
			else reject(msg);
		});
	});
	const enters = (params) => new Promise((resolve) => {
		const { log } = console;
		console.log = () => {};
		server.join(encoded(params), resolve);
		console.log = log;
	});
	const calls = ["create", "getMeetingInfo", "end", "getRecordings", "publishRecordings", "updateRecordings", "deleteRecordings"];
	return { ...Object.fromEntries(calls.map((name) => [name, call(name)])), isMeetingRunning: call("running"), enters };
}

/** Every library of npm that there is, with its version, and how to make one that talks to a server. */
export const libraries = {
	"bigbluebutton-js 0.2.0": bigbluebuttonJS,
	"bbb-promise 1.2.0": bbbPromise,
	"bbb-api 1.1.5": bbbAPI,
	"bigbluebutton 0.5.2": bigbluebutton,
	"nodejs-bigbluebutton 0.0.2": nodejsBigbluebutton,
};
