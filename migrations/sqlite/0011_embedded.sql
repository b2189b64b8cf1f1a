-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Meetings of API clients on an embedded engine: their connection, and what a room would have said. Their place at the door goes by
-- the id of the meeting, so room of live_waiting is no longer always a room.
ALTER TABLE live_meeting ADD COLUMN connection TEXT NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN asked TEXT NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN leave_url TEXT NOT NULL DEFAULT '';
ALTER TABLE live_participant ADD COLUMN sent_as TEXT NOT NULL DEFAULT '';

CREATE TABLE live_waiting_new (
    id         TEXT NOT NULL PRIMARY KEY,
    room       TEXT NOT NULL,
    person_key TEXT NOT NULL CHECK (length(person_key) = 32),
    person     TEXT,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    owner      INTEGER NOT NULL CHECK (owner IN (0, 1)),
    kind       TEXT NOT NULL CHECK (kind IN ('entry', 'start', 'door', 'seat', 'refused', 'denied')),
    code_given INTEGER NOT NULL CHECK (code_given IN (0, 1)),
    told       TEXT NOT NULL,
    since      TEXT NOT NULL CHECK (length(since) = 27),
    seen_at    TEXT NOT NULL CHECK (length(seen_at) = 27),
    sent_as    TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO live_waiting_new SELECT id, room, person_key, person, name, role, owner, kind, code_given, told, since, seen_at, '' FROM live_waiting;
DROP TABLE live_waiting;
ALTER TABLE live_waiting_new RENAME TO live_waiting;
CREATE UNIQUE INDEX live_waiting_key ON live_waiting (room, person_key);
CREATE INDEX live_waiting_seen ON live_waiting (seen_at);
