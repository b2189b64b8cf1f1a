// SPDX-License-Identifier: AGPL-3.0-or-later

// Package live is the one owner of a running meeting: its people, lobby, chat, hands, reactions, roles, locks, timers
// and event stream (docs/adr/0006). Whoever wants to know or change what happens inside a meeting asks here.
//
// It does not own the meeting's row and server (fleet), its seats and whether it may start (admission), the room and
// its settings (rooms), nor media (engine). It writes what admission decides through Observer, in admission's own
// transaction, so a seat and its holder are never apart.
//
// How it hangs together:
//
//   - Service.Knock asks at the door; the order of its checks is doorway.verdict. Whoever may not enter yet stands in the
//     table live_waiting and holds nothing: no name of others, no token, no seat.
//   - Every change of a running meeting runs in a scene: one transaction that locks the row live_meeting first, writes the
//     numbered events that tell of it, and notes what the engine must do.
//   - Service.Open gives a page its events: each node has one hub per meeting, woken by the store's change feed, and each
//     stream filters what its reader may see.
//   - What the engine must do (create, remove, mute, allow, end) is done at once on the node that owns the engine, and
//     enqueued as a durable job for that node otherwise; every command reads the state anew, so repeating it is harmless.
//   - Service.Start runs the timers, and for each engine of this node the fold of its events and the reconciliation
//     with what it lists.
//
// Invariants, each with a test:
//
//   - Events of a meeting are numbered 1, 2, 3, ... in the order of their commits, without gaps, on all nodes together.
//   - A directed event reaches its receiver (and its sender) and nobody else. Who waits at the door receives nothing.
//   - A person is in a meeting once, whatever tabs and reloads; a seat without a participant, or a participant in state
//     connecting, inside or away without a seat, does not outlive the transaction that caused it.
//   - Whoever was removed stays out of that meeting, by any earlier token too, until lifted.
//   - After the end nobody enters, and every page has been told why.
package live
