// SPDX-License-Identifier: AGPL-3.0-or-later

// Package decision is the register of what the cooperative has decided: title, date, link to the
// minutes. Price lists and policies name a decision of it by key before they come into force.
//
// It owns the table decision. It does not own what a decision is about, nor (yet) proposals and
// voices: what is recorded here was decided elsewhere, and the operator says so.
//
// Invariants, each with a test: a key is given once; a recorded decision never changes; the key
// Founding stands for the will of those who set the instance up, and is valid only while the register
// has no operational member besides the house.
package decision
