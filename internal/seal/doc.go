// SPDX-License-Identifier: AGPL-3.0-or-later

// Package seal keeps secrets that the database stores unreadable without the master key, a file beside the database
// (--master-key-file), and derives from it the keys of everything that must be the same on every node and unguessable
// outside.
//
// Owned here: the key file and the form of a sealed text. Not owned: what is sealed, and where it is stored.
//
// Invariants, each with a test:
//   - What was sealed for one purpose cannot be opened for another: the purpose is authenticated.
//   - A changed or cut text is refused, never opened to something else.
package seal
