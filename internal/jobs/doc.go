// SPDX-License-Identifier: AGPL-3.0-or-later

// Package jobs does work that must not be forgotten, outside the transaction that asked for it: a
// row enqueued with the fact that needs it, run by a node, retried, and parked for the operator
// when nothing helps. It also runs the duties of which the whole installation needs one at a time.
//
// It owns: the tables job, duty and node, the leases, the workers, the metrics of all three.
// It does not own: what a job does. A handler runs at least once, perhaps twice, and must bear it.
//
// Invariants: a job enqueued in a transaction that commits runs until it succeeds or is parked; of
// two with the same kind and key at most one waits and at most one runs (while leases hold); a duty
// has one leader, replaced within six seconds.
package jobs
