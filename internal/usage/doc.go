// SPDX-License-Identifier: AGPL-3.0-or-later

// Package usage is the memory of what was used: append-only facts about meetings, people entering
// and leaving, refusals and peaks, read by the usage page and later by revenue and capacity.
//
// It owns the tables usage_fact and usage_key, the readers over them and their retention. It decides
// nothing: who may enter is admission's, which hands its facts over in the transaction that causes them.
//
// Invariants, each with a test:
//   - A fact is committed with the change it tells, or not at all.
//   - A person's key in a fact is re-keyed with a secret of the day, which is destroyed afterwards:
//     facts of two days cannot be joined to follow a person, not even by who holds the database.
//   - A refusal that is repeated within a minute is one fact, whose N counts the attempts.
package usage
