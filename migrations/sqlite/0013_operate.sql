-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- When what still runs on a server that is emptied is ended; none is when it ends by itself.
ALTER TABLE server ADD COLUMN drain_until TEXT CHECK (length(drain_until) = 27);

-- Tags that every server of a connection's meetings must carry, and what the events that it is sent are signed with.
ALTER TABLE connection ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE connection ADD COLUMN hook_algorithm TEXT NOT NULL DEFAULT 'sha1' CHECK (hook_algorithm IN ('sha1', 'sha256', 'sha384', 'sha512'));

-- A seat that takes no place: of a recorder or another helper of the operator's.
ALTER TABLE seat ADD COLUMN service INTEGER NOT NULL DEFAULT 0 CHECK (service IN (0, 1));

-- Who such helpers are: their user ids, * for any letters. Of one connection, or of all ('').
CREATE TABLE service_user (
    connection TEXT NOT NULL,
    pattern    TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    PRIMARY KEY (connection, pattern)
) STRICT;

-- What a client's webhook is still to be told, in this order; node has it in hand, '' nobody.
CREATE TABLE hook_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hook       INTEGER NOT NULL,
    connection TEXT NOT NULL REFERENCES connection (id),
    meeting    TEXT NOT NULL,
    body       TEXT NOT NULL,
    node       TEXT NOT NULL,
    tries      INTEGER NOT NULL CHECK (tries >= 0),
    queued_at  TEXT NOT NULL CHECK (length(queued_at) = 27)
) STRICT;
CREATE INDEX hook_event_hook ON hook_event (connection, hook);
CREATE INDEX hook_event_node ON hook_event (node);
