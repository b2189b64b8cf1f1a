// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bbbtest is a BigBlueButton server for tests: the HTTP API of one server with its state, and people who connect
// when the test says so. It invents its people and meetings and is never part of the released program; cmd/bbbsim runs it by itself.
//
// It follows what BigBlueButton's own sources do (bigbluebutton/bigbluebutton: ApiController, RecordingController, the validators
// of bbb-common-web, the freemarker templates of the replies; bigbluebutton/bbb-webhooks), not what our gateway expects: checks come
// in the same order, replies have the same elements in the same order, and oddities of the original are kept. It shares no code
// with the gateway, so that a mistake in reading the contract is not made twice. checklist_test.go maps the contract's checklist
// to tests. Config.Profile chooses the line of BigBlueButton whose habits it shows.
//
// # Use
//
//	s := bbbtest.Start(t, bbbtest.Config{})   // listens; s.API() and s.Secret() are what a client is configured with
//	sessions := s.Sessions("coop-42")         // whoever has joined
//	err := s.Connect(sessions[0])             // now they take part
//	s.Kill(); err = s.Revive(true)            // and Freeze, Thaw
//	err = s.AddFault(bbbtest.Fault{Kind: bbbtest.FaultLatency, Call: "create", Share: 0.3, Delay: time.Second})
//	err = s.Delivered(ctx)                    // no callback is under way any more
//
// A join alone is no participant, as on a real server: somebody counts once they are connected. In tests that takes a call of
// Connect, so that nothing happens by chance; with Config.AutoConnect people connect by themselves, which is how bbbsim runs
// unless told --manual.
//
// Time: with Config.Now a test has its own clock, and what time does happens when a call comes in, by Pass or by Jump. Without it
// the machine's clock counts and meetings end by themselves. Callbacks wait between their tries by Config.Sleep and go out by
// Config.Transport; both may be the test's.
//
// # Control calls
//
// What Go calls do can be asked for over HTTP as well: POST /sim/<verb> with a JSON object, answered with another, or with status
// 400 and an error. They carry no secret. Durations are written as "1m30s". The verbs are the map in control.go, among them
//
//	connect, disconnect, reload, leave, second, let-in, send-away   {"session": token}
//	invent, breakouts                                               {"meeting": id, "count": n}
//	waiting, sessions, end, start-recording, record                 {"meeting": id}
//	voice, listen-only                                              {"session": token, "on": true}
//	publish, tar                                                    {"recording": id, "format": "presentation"}
//	clock, clock-offset                                             {"by": "90s"}
//	fault                                                           {"kind": "drip", "call": "getMeetings", "share": 0.1, "delay": "1s"}
//	kill, freeze                                                    {"for": "5s", "meetings": true}
//	counters, meetings, no-faults, forget, reset                    {}
//	last                                                            {"call": "create"}
//
// A fault strikes after its call is done: the answer suffers, not the work, which is what makes a create ambiguous. With Before it
// strikes instead of the work.
//
// # Owned here
//
// The checksum over the raw query, parameters and their validators, meetings and their life, people registered by join and those
// really connected, hooks and all callbacks with their signatures, recordings and their files, and everything that can go wrong
// with an answer.
//
// # Left out
//
// The JSESSIONID cookie of session-token calls is set and not asked for; captions and slides are not converted; playback pages are
// links to nothing; hooks are never permanent.
package bbbtest
