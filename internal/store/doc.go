// SPDX-License-Identifier: AGPL-3.0-or-later

// Package store is the handle on the database: SQLite in one file, or PostgreSQL. Every
// capability writes its SQL once, in the common dialect, with $1 placeholders.
//
// It owns: connections, the three transaction verbs (Write, Gate, Read), retries, the
// translation of driver errors into faults, migrations, and the change feed that tells
// caches and other nodes what has moved.
//
// It does not own any table of a capability, nor any SQL of theirs.
//
// Invariants: Write is serializable on both engines; a function handed to Write or Gate has no
// effect but through its Tx, as it may run more than once; a committed Changed is heard by every
// watcher at least once.
package store
