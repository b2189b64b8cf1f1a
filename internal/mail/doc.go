// SPDX-License-Identifier: AGPL-3.0-or-later

// Package mail writes letters and sends them, by SMTP or into the outbox that the demo shows.
//
// It owns: the table mail, the one frame of all letters (HTML and plain text from the same parts),
// the transports and the job that sends.
// It does not own: what a letter says, nor to whom; the capabilities do.
//
// Invariants: a letter is a row and a job in the transaction of the fact it tells of, so it is sent
// if and only if that commits; a header holds nothing but what was meant for it; a letter loads
// nothing from afar and is at most 30 kB.
package mail
