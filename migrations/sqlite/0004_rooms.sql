-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
CREATE TABLE room (
    id            TEXT NOT NULL PRIMARY KEY,
    member        TEXT NOT NULL REFERENCES member (id),
    owner         TEXT NOT NULL REFERENCES person (id),
    slug          TEXT NOT NULL,
    name          TEXT NOT NULL,
    access_code   TEXT NOT NULL,
    waiting_room  INTEGER NOT NULL CHECK (waiting_room IN (0, 1)),
    may_start     TEXT NOT NULL CHECK (may_start IN ('hosts', 'signed_in', 'anyone')),
    may_enter     TEXT NOT NULL CHECK (may_enter IN ('anyone', 'people', 'invited')),
    mute_on_entry INTEGER NOT NULL CHECK (mute_on_entry IN (0, 1)),
    pinned        INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    version       INTEGER NOT NULL CHECK (version > 0),
    created_at    TEXT NOT NULL CHECK (length(created_at) = 27),
    archived_at   TEXT CHECK (length(archived_at) = 27),
    last_used_at  TEXT CHECK (length(last_used_at) = 27)
) STRICT;
CREATE UNIQUE INDEX room_slug ON room (slug);
CREATE INDEX room_member ON room (member, id) WHERE archived_at IS NULL;
CREATE INDEX room_owner ON room (owner, id);

CREATE TABLE room_person (
    room     TEXT NOT NULL REFERENCES room (id),
    subject  TEXT NOT NULL,
    role     TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    added_at TEXT NOT NULL CHECK (length(added_at) = 27),
    PRIMARY KEY (room, subject)
) STRICT;
CREATE INDEX room_person_subject ON room_person (subject, room);

CREATE TABLE room_count (
    member TEXT NOT NULL PRIMARY KEY REFERENCES member (id),
    open   INTEGER NOT NULL CHECK (open >= 0)
) STRICT;
