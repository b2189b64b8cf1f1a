// SPDX-License-Identifier: AGPL-3.0-or-later

// Package fleet is where meetings run: the servers (embedded engines and BigBlueButton machines) and
// the meetings on them.
//
// It owns the tables server and meeting, the choice of a server for a new meeting (Place, a pure
// function) and what is known about a server's health. It does not know levels: limits, tags and caps
// are handed in. It does not decide who may enter or whether a meeting may start: admission writes
// meetings through the functions here, in its own transactions.
//
// Invariants, each with a test:
//   - At most one open meeting carries an external id of a connection.
//   - A server that is silent, or that an operator has cordoned, is given no new meeting.
//   - What is observed and what an operator wants are two columns; neither overwrites the other.
package fleet
