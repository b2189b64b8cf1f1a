// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rooms owns the standing places of a member: their names, links, settings and people, which
// of them are awake, and the words that invite somebody into one.
//
// It does not own what runs inside a room (fleet holds the meeting, admission its seats, live its people,
// chat and lobby), nor who may use how much (tariff).
//
// Invariants:
//
//   - A slug is given once and never again, also after its room was archived.
//   - The open rooms of a member never pass the limit by a new or restored room, under any interleaving:
//     each of the two moves the row room_count of the member, on which writers collide.
//   - A level lowered below the rooms in use archives nothing: the rooms beyond the limit are dormant,
//     which is computed (asleep) and stored nowhere.
//   - Unknown, malformed and archived links answer alike, except that whoever may manage an archived room sees it.
package rooms
