-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
CREATE TABLE room (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member        TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    owner         TEXT COLLATE "C" NOT NULL REFERENCES person (id),
    slug          TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    access_code   TEXT COLLATE "C" NOT NULL,
    waiting_room  BOOLEAN NOT NULL,
    may_start     TEXT COLLATE "C" NOT NULL CHECK (may_start IN ('hosts', 'signed_in', 'anyone')),
    may_enter     TEXT COLLATE "C" NOT NULL CHECK (may_enter IN ('anyone', 'people', 'invited')),
    mute_on_entry BOOLEAN NOT NULL,
    pinned        BOOLEAN NOT NULL,
    version       BIGINT NOT NULL CHECK (version > 0),
    created_at    TIMESTAMPTZ NOT NULL,
    archived_at   TIMESTAMPTZ,
    last_used_at  TIMESTAMPTZ
);
CREATE UNIQUE INDEX room_slug ON room (slug);
CREATE INDEX room_member ON room (member, id) WHERE archived_at IS NULL;
CREATE INDEX room_owner ON room (owner, id);

CREATE TABLE room_person (
    room     TEXT COLLATE "C" NOT NULL REFERENCES room (id),
    subject  TEXT COLLATE "C" NOT NULL,
    role     TEXT COLLATE "C" NOT NULL CHECK (role IN ('moderator', 'viewer')),
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (room, subject)
);
CREATE INDEX room_person_subject ON room_person (subject, room);

CREATE TABLE room_count (
    member TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member (id),
    open   BIGINT NOT NULL CHECK (open >= 0)
);
