// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sfu keeps the contract of package engine with LiveKit, in two
// configurations of the same code: embedded, where this program runs LiveKit
// v1.13.5 as a supervised child of its own binary, and external, where an operator
// names a LiveKit by address, key and secret.
//
// The parts:
//
//   - Engine: the contract, spoken to LiveKit's RoomService; events come in by
//     webhook and, from an external LiveKit, also by asking every second.
//   - the supervisor: starts the child, restarts it after a crash, ends it within 5 s.
//   - RunChild: what the child does (the hidden command "meetcoop engine"). With the
//     build tag noengine it says that it was not built.
//   - Proxy: the only way from the outside to the signalling of LiveKit.
//
// What must hold, and why (docs/adr/0005-embedded-livekit.md has the list of what the
// pinned version lacks):
//
//   - Strangers reach the proxied /rtc, /rtc/v1, their /validate, and the media
//     socket, never /twirp, /agent, WHIP or /.
//   - Every socket is authorised at the moment it is opened, because LiveKit hands its
//     clients fresh tokens of its own: a signature alone does not mean that somebody
//     is still admitted.
//   - Keys, secrets, tokens and CreateRoom's answer (it holds a TURN password) are
//     never logged; what the child writes passes a filter.
package sfu
