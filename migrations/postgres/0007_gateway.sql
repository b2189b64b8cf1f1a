-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- What an API client's endpoint is called, and how it is served. The portal's own connections use none of it.
ALTER TABLE connection ADD COLUMN tenant_name TEXT COLLATE "C";
ALTER TABLE connection ADD COLUMN level TEXT COLLATE "C";
ALTER TABLE connection ADD COLUMN refusal TEXT COLLATE "C" NOT NULL DEFAULT 'create' CHECK (refusal IN ('create', 'join'));
ALTER TABLE connection ADD COLUMN join_mode TEXT COLLATE "C" NOT NULL DEFAULT 'redirect' CHECK (join_mode IN ('redirect', 'handover'));
ALTER TABLE connection ADD COLUMN params TEXT COLLATE "C" NOT NULL DEFAULT '[]';
CREATE UNIQUE INDEX connection_tenant ON connection (tenant_name) WHERE tenant_name IS NOT NULL;

-- A server that was removed stays for the meetings that ran on it; its address may be added again.
ALTER TABLE server ADD COLUMN removed_at TIMESTAMPTZ;

-- The names of endpoints, former ones too: a name is never given to another connection.
CREATE TABLE connection_name (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection TEXT COLLATE "C" NOT NULL REFERENCES connection (id)
);
CREATE INDEX connection_name_connection ON connection_name (connection);

CREATE TABLE connection_secret (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    sealed     TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    used_at    TIMESTAMPTZ
);
CREATE INDEX connection_secret_connection ON connection_secret (connection);

-- What a meeting on a BigBlueButton server is beside meeting.
CREATE TABLE conference (
    meeting        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES meeting (id),
    server_key     TEXT COLLATE "C" NOT NULL,
    internal_id    TEXT COLLATE "C" NOT NULL,
    create_time    BIGINT NOT NULL,
    create_times   TEXT COLLATE "C" NOT NULL,
    title          TEXT COLLATE "C" NOT NULL,
    attendee_pw    TEXT COLLATE "C" NOT NULL,
    moderator_pw   TEXT COLLATE "C" NOT NULL,
    guest_policy   TEXT COLLATE "C" NOT NULL,
    reply          TEXT COLLATE "C" NOT NULL,
    query          TEXT COLLATE "C" NOT NULL,
    end_urls       TEXT COLLATE "C" NOT NULL,
    node           TEXT COLLATE "C" NOT NULL,
    reserved_until TIMESTAMPTZ,
    recordings     BOOLEAN NOT NULL,
    marks          BOOLEAN NOT NULL
);
CREATE INDEX conference_server_key ON conference (server_key);
CREATE INDEX conference_reserved ON conference (reserved_until) WHERE reserved_until IS NOT NULL;

-- The body of a create, for a successor elsewhere; base64. Kept while the meeting is open.
CREATE TABLE conference_body (
    meeting TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES meeting (id),
    media   TEXT COLLATE "C" NOT NULL,
    body    TEXT COLLATE "C" NOT NULL
);

-- Every internal id a server gave, for ever: recordings are found by it.
CREATE TABLE conference_internal (
    internal_id TEXT COLLATE "C" NOT NULL,
    server      TEXT COLLATE "C" NOT NULL REFERENCES server (id),
    meeting     TEXT COLLATE "C" NOT NULL REFERENCES meeting (id),
    created_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (internal_id, server)
);
CREATE INDEX conference_internal_meeting ON conference_internal (meeting);

-- What a complete poll last said of a meeting; children of <meeting>, in the tenant's words.
CREATE TABLE conference_seen (
    meeting TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES meeting (id),
    seen_at TIMESTAMPTZ NOT NULL,
    running BOOLEAN NOT NULL,
    people  BIGINT NOT NULL CHECK (people >= 0),
    xml     TEXT COLLATE "C" NOT NULL
);

-- A meeting that was refused, answered for in refusal mode join; it takes nothing.
CREATE TABLE conference_stub (
    connection  TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    external_id TEXT COLLATE "C" NOT NULL,
    create_time BIGINT NOT NULL,
    code        TEXT COLLATE "C" NOT NULL,
    detail      TEXT COLLATE "C" NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id)
);
CREATE INDEX conference_stub_expiry ON conference_stub (expires_at);
