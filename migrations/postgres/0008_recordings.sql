-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- One row for each recording there is, found by the internal id of its meeting. Without connection it is in quarantine: nobody knows
-- whose it is, and only operators see it. Rows of deleted recordings stay, emptied, so that a server does not bring them back.
CREATE TABLE recording (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    connection   TEXT COLLATE "C" REFERENCES connection (id),
    member       TEXT COLLATE "C" REFERENCES member (id),
    server       TEXT COLLATE "C" REFERENCES server (id),
    meeting      TEXT COLLATE "C" REFERENCES meeting (id),
    external_id  TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    mode         TEXT COLLATE "C" NOT NULL CHECK (mode IN ('stored', 'remote')),
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('processing', 'processed', 'published', 'unpublished', 'deleted')),
    access       TEXT COLLATE "C" NOT NULL CHECK (access IN ('link', 'protected', 'members')),
    metadata     TEXT COLLATE "C" NOT NULL,
    breakout     TEXT COLLATE "C" NOT NULL,
    xml          TEXT COLLATE "C" NOT NULL,
    started_ms   BIGINT NOT NULL CHECK (started_ms >= 0),
    ended_ms     BIGINT NOT NULL CHECK (ended_ms >= 0),
    participants BIGINT NOT NULL CHECK (participants >= 0),
    raw_bytes    BIGINT NOT NULL CHECK (raw_bytes >= 0),
    indexed_at   TIMESTAMPTZ NOT NULL,
    changed_at   TIMESTAMPTZ NOT NULL,
    deleted_at   TIMESTAMPTZ,
    purged_at    TIMESTAMPTZ,
    keep_until   TIMESTAMPTZ,
    notice       BIGINT NOT NULL CHECK (notice >= 0)
);
CREATE INDEX recording_connection ON recording (connection, started_ms, id);
CREATE INDEX recording_external ON recording (connection, external_id);
CREATE INDEX recording_member ON recording (member, id);
CREATE INDEX recording_server ON recording (server, id);
CREATE INDEX recording_trash ON recording (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

-- One playback of a recording. dir is where its files lie below <data>/recordings; that of a remote one is empty, and url is its
-- server's. bytes are what it takes on our disk, or what its server says.
CREATE TABLE recording_format (
    recording     TEXT COLLATE "C" NOT NULL REFERENCES recording (id),
    format        TEXT COLLATE "C" NOT NULL,
    dir           TEXT COLLATE "C" NOT NULL,
    url           TEXT COLLATE "C" NOT NULL,
    digest        TEXT COLLATE "C" NOT NULL,
    upload        TEXT COLLATE "C" NOT NULL,
    bytes         BIGINT NOT NULL CHECK (bytes >= 0),
    minutes       BIGINT NOT NULL CHECK (minutes >= 0),
    processing_ms BIGINT NOT NULL CHECK (processing_ms >= 0),
    images        TEXT COLLATE "C" NOT NULL,
    told          BOOLEAN NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (recording, format)
);

-- Subtitles and captions of a stored recording, as WebVTT.
CREATE TABLE recording_track (
    recording  TEXT COLLATE "C" NOT NULL REFERENCES recording (id),
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('subtitles', 'captions')),
    lang       TEXT COLLATE "C" NOT NULL,
    label      TEXT COLLATE "C" NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    vtt        TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (recording, kind, lang, label)
);
