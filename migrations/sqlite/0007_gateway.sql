-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- What an API client's endpoint is called, and how it is served. The portal's own connections use none of it.
ALTER TABLE connection ADD COLUMN tenant_name TEXT;
ALTER TABLE connection ADD COLUMN level TEXT;
ALTER TABLE connection ADD COLUMN refusal TEXT NOT NULL DEFAULT 'create' CHECK (refusal IN ('create', 'join'));
ALTER TABLE connection ADD COLUMN join_mode TEXT NOT NULL DEFAULT 'redirect' CHECK (join_mode IN ('redirect', 'handover'));
ALTER TABLE connection ADD COLUMN params TEXT NOT NULL DEFAULT '[]';
CREATE UNIQUE INDEX connection_tenant ON connection (tenant_name) WHERE tenant_name IS NOT NULL;

-- A server that was removed stays for the meetings that ran on it; its address may be added again.
ALTER TABLE server ADD COLUMN removed_at TEXT CHECK (length(removed_at) = 27);

-- The names of endpoints, former ones too: a name is never given to another connection.
CREATE TABLE connection_name (
    name       TEXT NOT NULL PRIMARY KEY,
    connection TEXT NOT NULL REFERENCES connection (id)
) STRICT;
CREATE INDEX connection_name_connection ON connection_name (connection);

CREATE TABLE connection_secret (
    id         TEXT NOT NULL PRIMARY KEY,
    connection TEXT NOT NULL REFERENCES connection (id),
    sealed     TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    expires_at TEXT CHECK (length(expires_at) = 27),
    used_at    TEXT CHECK (length(used_at) = 27)
) STRICT;
CREATE INDEX connection_secret_connection ON connection_secret (connection);

-- What a meeting on a BigBlueButton server is beside meeting.
CREATE TABLE conference (
    meeting        TEXT NOT NULL PRIMARY KEY REFERENCES meeting (id),
    server_key     TEXT NOT NULL,
    internal_id    TEXT NOT NULL,
    create_time    INTEGER NOT NULL,
    create_times   TEXT NOT NULL,
    title          TEXT NOT NULL,
    attendee_pw    TEXT NOT NULL,
    moderator_pw   TEXT NOT NULL,
    guest_policy   TEXT NOT NULL,
    reply          TEXT NOT NULL,
    query          TEXT NOT NULL,
    end_urls       TEXT NOT NULL,
    node           TEXT NOT NULL,
    reserved_until TEXT CHECK (length(reserved_until) = 27),
    recordings     INTEGER NOT NULL CHECK (recordings IN (0, 1)),
    marks          INTEGER NOT NULL CHECK (marks IN (0, 1))
) STRICT;
CREATE INDEX conference_server_key ON conference (server_key);
CREATE INDEX conference_reserved ON conference (reserved_until) WHERE reserved_until IS NOT NULL;

-- The body of a create, for a successor elsewhere; base64. Kept while the meeting is open.
CREATE TABLE conference_body (
    meeting TEXT NOT NULL PRIMARY KEY REFERENCES meeting (id),
    media   TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;

-- Every internal id a server gave, for ever: recordings are found by it.
CREATE TABLE conference_internal (
    internal_id TEXT NOT NULL,
    server      TEXT NOT NULL REFERENCES server (id),
    meeting     TEXT NOT NULL REFERENCES meeting (id),
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27),
    PRIMARY KEY (internal_id, server)
) STRICT;
CREATE INDEX conference_internal_meeting ON conference_internal (meeting);

-- What a complete poll last said of a meeting; children of <meeting>, in the tenant's words.
CREATE TABLE conference_seen (
    meeting TEXT NOT NULL PRIMARY KEY REFERENCES meeting (id),
    seen_at TEXT NOT NULL CHECK (length(seen_at) = 27),
    running INTEGER NOT NULL CHECK (running IN (0, 1)),
    people  INTEGER NOT NULL CHECK (people >= 0),
    xml     TEXT NOT NULL
) STRICT;

-- A meeting that was refused, answered for in refusal mode join; it takes nothing.
CREATE TABLE conference_stub (
    connection  TEXT NOT NULL REFERENCES connection (id),
    external_id TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    code        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    expires_at  TEXT NOT NULL CHECK (length(expires_at) = 27),
    PRIMARY KEY (connection, external_id)
) STRICT;
CREATE INDEX conference_stub_expiry ON conference_stub (expires_at);
