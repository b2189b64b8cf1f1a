-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- When what still runs on a server that is emptied is ended; none is when it ends by itself.
ALTER TABLE server ADD COLUMN drain_until TIMESTAMPTZ;

-- Tags that every server of a connection's meetings must carry, and what the events that it is sent are signed with.
ALTER TABLE connection ADD COLUMN tags TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE connection ADD COLUMN hook_algorithm TEXT COLLATE "C" NOT NULL DEFAULT 'sha1' CHECK (hook_algorithm IN ('sha1', 'sha256', 'sha384', 'sha512'));

-- A seat that takes no place: of a recorder or another helper of the operator's.
ALTER TABLE seat ADD COLUMN service BOOLEAN NOT NULL DEFAULT FALSE;

-- Who such helpers are: their user ids, * for any letters. Of one connection, or of all ('').
CREATE TABLE service_user (
    connection TEXT COLLATE "C" NOT NULL,
    pattern    TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, pattern)
);

-- What a client's webhook is still to be told, in this order; node has it in hand, '' nobody.
CREATE TABLE hook_event (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hook       BIGINT NOT NULL,
    connection TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    meeting    TEXT COLLATE "C" NOT NULL,
    body       TEXT COLLATE "C" NOT NULL,
    node       TEXT COLLATE "C" NOT NULL,
    tries      BIGINT NOT NULL CHECK (tries >= 0),
    queued_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX hook_event_hook ON hook_event (connection, hook);
CREATE INDEX hook_event_node ON hook_event (node);
