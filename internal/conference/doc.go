// SPDX-License-Identifier: AGPL-3.0-or-later

// Package conference holds the meetings of API clients on BigBlueButton servers: it makes them there, leads people to them,
// watches them, and moves them when their server dies.
//
// It owns the tables conference, conference_body, conference_internal, conference_seen and conference_stub, the ids under which
// servers know meetings, the rules about parameters, and the polling of servers. Whether a meeting may start and who may enter is
// admission's; this package asks the gate first and the server after, never the other way, and never inside a transaction. It
// speaks no HTTP to clients: package gateway does, and gives queries taken apart and errors a BigBlueButton key.
//
// How a meeting lives. Create reserves it at the gate (state reserved, on a server chosen there), calls the server, and confirms
// (live) or voids it. Polls compare what runs with what should: they find people without a seat, seats without people, and
// meetings that ended. When a server is declared dead its meetings are detached; the next create or join for one of them reserves
// it on another server and makes it there again from what is stored, under the same row: its people keep their seats and its
// clock runs on. A copy left behind on a server is ended by a job as soon as that server answers, unless the row names that
// server by then.
//
// Invariants, each with a test:
//   - One server at most carries the live meeting of an id; no call of ours makes a second one on purpose.
//   - No answer holds another connection's data; ids of servers never reach a client, nor those of clients a server.
//   - A poll that did not succeed to its end says nothing about any meeting.
//   - Nothing is answered to a client as done before it is committed.
package conference
