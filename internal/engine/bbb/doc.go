// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bbb is our side of one BigBlueButton server: it signs calls, sends them, and reads the answers of a server that may be slow,
// broken or hostile.
//
// What it owns: the checksum of our calls, queries that keep every byte nobody changed, the connection and its limits, the breaker,
// strict reading of XML, the words in which a server tells of its meetings, and the faults bbb.*.
//
// What it does not own: which server is called and what becomes of a meeting when that server fails (fleet), what a member
// may do (admission), the API towards members and the ids in it (gateway). Queries come from above and are sent as they are.
//
// What holds:
//
//   - An error says whether the server may have acted. bbb.unreachable, bbb.breaker_open and bbb.busy mean that nothing was sent;
//     everything else counts as sent, whatever is unknown too (Sent).
//   - An answer is believed when it came with HTTP status 200, complete, as well-formed XML with one <response> and a return code. There are
//     no half answers: a list of meetings that was cut off is no list.
//   - One person cannot hide a server: what the names of their custom data break is left out, and nothing else is forgiven.
//   - FAILED is an answer. It is no error of Do and no failure for the breaker.
//   - Only what no caller can provoke counts against a server: no connection, silence, a cut-off answer, 502 to 504; for our own
//     probes everything. A caller who goes away, or whose upload is slow, counts nothing.
//   - No secret, no query and nothing that a server sent is in the text of an error.
//   - All that is read from a server is bounded: time, bytes, depth, elements. Numbers beyond belief are 0.
package bbb
