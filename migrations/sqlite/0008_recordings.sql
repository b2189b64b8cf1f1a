-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- One row for each recording there is, found by the internal id of its meeting. Without connection it is in quarantine: nobody knows
-- whose it is, and only operators see it. Rows of deleted recordings stay, emptied, so that a server does not bring them back.
CREATE TABLE recording (
    id           TEXT NOT NULL PRIMARY KEY,
    connection   TEXT REFERENCES connection (id),
    member       TEXT REFERENCES member (id),
    server       TEXT REFERENCES server (id),
    meeting      TEXT REFERENCES meeting (id),
    external_id  TEXT NOT NULL,
    name         TEXT NOT NULL,
    mode         TEXT NOT NULL CHECK (mode IN ('stored', 'remote')),
    state        TEXT NOT NULL CHECK (state IN ('processing', 'processed', 'published', 'unpublished', 'deleted')),
    access       TEXT NOT NULL CHECK (access IN ('link', 'protected', 'members')),
    metadata     TEXT NOT NULL,
    breakout     TEXT NOT NULL,
    xml          TEXT NOT NULL,
    started_ms   INTEGER NOT NULL CHECK (started_ms >= 0),
    ended_ms     INTEGER NOT NULL CHECK (ended_ms >= 0),
    participants INTEGER NOT NULL CHECK (participants >= 0),
    raw_bytes    INTEGER NOT NULL CHECK (raw_bytes >= 0),
    indexed_at   TEXT NOT NULL CHECK (length(indexed_at) = 27),
    changed_at   TEXT NOT NULL CHECK (length(changed_at) = 27),
    deleted_at   TEXT CHECK (length(deleted_at) = 27),
    purged_at    TEXT CHECK (length(purged_at) = 27),
    keep_until   TEXT CHECK (length(keep_until) = 27),
    notice       INTEGER NOT NULL CHECK (notice >= 0)
) STRICT;
CREATE INDEX recording_connection ON recording (connection, started_ms, id);
CREATE INDEX recording_external ON recording (connection, external_id);
CREATE INDEX recording_member ON recording (member, id);
CREATE INDEX recording_server ON recording (server, id);
CREATE INDEX recording_trash ON recording (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

-- One playback of a recording. dir is where its files lie below <data>/recordings; that of a remote one is empty, and url is its
-- server's. bytes are what it takes on our disk, or what its server says.
CREATE TABLE recording_format (
    recording     TEXT NOT NULL REFERENCES recording (id),
    format        TEXT NOT NULL,
    dir           TEXT NOT NULL,
    url           TEXT NOT NULL,
    digest        TEXT NOT NULL,
    upload        TEXT NOT NULL,
    bytes         INTEGER NOT NULL CHECK (bytes >= 0),
    minutes       INTEGER NOT NULL CHECK (minutes >= 0),
    processing_ms INTEGER NOT NULL CHECK (processing_ms >= 0),
    images        TEXT NOT NULL,
    told          INTEGER NOT NULL CHECK (told IN (0, 1)),
    created_at    TEXT NOT NULL CHECK (length(created_at) = 27),
    PRIMARY KEY (recording, format)
) STRICT;

-- Subtitles and captions of a stored recording, as WebVTT.
CREATE TABLE recording_track (
    recording  TEXT NOT NULL REFERENCES recording (id),
    kind       TEXT NOT NULL CHECK (kind IN ('subtitles', 'captions')),
    lang       TEXT NOT NULL,
    label      TEXT NOT NULL,
    source     TEXT NOT NULL,
    vtt        TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    PRIMARY KEY (recording, kind, lang, label)
) STRICT;
