// SPDX-License-Identifier: AGPL-3.0-or-later

// Package admission is the one door of all meetings: who may enter, and whether a meeting may start.
//
// It owns the tables member_usage, seat, waiter, clock and entitlement_change, and the Gate, through
// which every change of them goes, and of fleet's meetings too. It does not know rooms, names, access
// codes or lobbies: whoever calls Join has passed those. It does not speak to engines: what must happen
// there is told through Observer, inside the transaction.
//
// How it works. Requests of one member always reach the same lane of this node. A lane takes what waits,
// up to 257 requests, locks the members' rows in sorted order, brings its memory of their seats up to date
// where another node has written meanwhile, lets the pure function decide answer in order of arrival, and
// commits everything together. An answer is given after the commit, never before.
//
// Invariants, each with a property test, and checked by CheckInvariants:
//   - I1 member_usage counts exactly the rows of seat and the open meetings.
//   - I2 no committed admission leaves seats, people of a meeting or running rooms above the limit in
//     force when it was decided. Who was found inside without a seat (late) is counted, and closes the
//     door until the number is below the limit again.
//   - The same person in the same meeting holds one seat, in any order or number of joins.
//   - A server that does not answer frees no seat by itself: only leaving, ending, or a hold running out.
//   - After a decision, no fresh waiter who would fit is left waiting.
//
// Times. A seat that was promised but not taken is free again after Deps.Lease; that of somebody cut off
// after Deps.Away. Both are compared with the clock of the node that decides, so nodes' clocks must
// agree within a second.
package admission
