// SPDX-License-Identifier: AGPL-3.0-or-later

// Package membership is the register: which members there are, who belongs to them with which
// role, which operational member looks after them, and how they stand.
//
// It owns members, contacts, affiliations and their roles, stewardship, connections, the facts a
// standing is folded from, levels lent until a date (overrides), and the one table of rights.
//
// It does not own persons or sessions (identity), nor what a level allows (tariff), nor money. What
// it must know of levels it asks through the interface Levels; whom it must tell that a member may
// use more or less it tells through the interface Changed. The program connects both.
//
// Invariants, each with a test:
//   - A member that ever had an owner has one. Owners and hosts are counted in member_count, the row
//     on which writers collide; a host place too many is refused under any interleaving.
//   - Every member has exactly one open stewardship and exactly one built-in connection.
//   - A slug is given once, for ever, and is never the first segment of one of our own paths.
//   - Standing is a pure function of facts, overrides, zone, policy and instant: duplicated,
//     reordered or late facts give the same standing (see Fold). No job takes part.
//   - Each change of rights or standing writes one audit event in its own transaction, and each
//     change of standing calls Changed in it.
package membership
