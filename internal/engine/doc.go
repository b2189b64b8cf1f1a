// SPDX-License-Identifier: AGPL-3.0-or-later

// Package engine is the contract between this program and whatever moves the sound
// and pictures of a meeting. engine/sfu keeps it with LiveKit, embedded or external;
// engine/enginetest holds the one suite that every implementation passes, and the
// fake with which other packages test.
//
// What it owns: the words for a meeting as an engine sees it (Ref, Grants, Running,
// Event), what an engine can do (Capabilities) and the faults engine.*.
//
// What it does not own: any limit and any right. admission and rooms decide before an
// engine hears of a person; an engine moves media and obeys.
//
// What holds for every implementation:
//
//   - E1: errors are faults; every call ends within its deadline (2 s, Create 10 s) and
//     may be repeated. Events arrive at least once, in any order, each with a key.
//     List repairs what an event told wrongly or not at all.
//   - E2: what Capabilities does not name is refused with engine.unsupported.
//   - E3: after End no Join for that meeting succeeds; after Remove no entry given out
//     before works, until the person is admitted again, which a new Join expresses.
//   - E4: a meeting's name in the engine is our id.Meeting and a person's is
//     id.Participant: never a title, an address or an identifier from outside.
package engine
