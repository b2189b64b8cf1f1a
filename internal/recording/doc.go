// SPDX-License-Identifier: AGPL-3.0-or-later

// Package recording keeps what meetings of API clients left behind: an index of all recordings, and the files of those that were
// brought here.
//
// It owns the tables recording, recording_format, recording_track and quarantine_refusal, and the directory <data>/recordings. A recording is named by the
// internal id of its meeting, as on BigBlueButton. It is remote while its files are on the server that made them: then this
// package knows what the server says, and asks it to change anything. It is stored once one of its formats was uploaded or
// imported: then its state, its files and its access are ours alone, and what the server still says no longer counts.
//
// Whose a recording is, is known from the meeting that had its id on its server, else from our token in its metadata, else nobody
// knows: it is in quarantine, seen by operators only, until it is found out.
//
// Invariants, each with a test:
//   - No answer holds another connection's recording; a list of ids touches those of one's own.
//   - A server speaks only of what it made: it changes neither another server's recordings nor stored ones.
//   - No file is written outside of a temporary directory before all of it was looked at, and none is served that is not a plain file of
//     a published recording.
//   - Nothing is deleted for lack of space, and nothing by age without notice 14 and 3 days before. People are told once, whatever stops.
//   - A server has no more in quarantine than it may.
//   - Who looks after a member's recordings is said by roles in that member, never by stewardship or a platform role.
package recording
