-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- The row every change of a running meeting locks first.
CREATE TABLE live_meeting (
    meeting       TEXT NOT NULL PRIMARY KEY REFERENCES meeting (id),
    room          TEXT NOT NULL,
    member        TEXT NOT NULL REFERENCES member (id),
    server        TEXT NOT NULL,
    engine        TEXT NOT NULL CHECK (engine IN ('cold', 'ready', 'down')),
    events        INTEGER NOT NULL CHECK (events >= 0),
    hands         INTEGER NOT NULL CHECK (hands >= 0),
    lock_chat     INTEGER NOT NULL CHECK (lock_chat IN (0, 1)),
    lock_mic      INTEGER NOT NULL CHECK (lock_mic IN (0, 1)),
    lock_camera   INTEGER NOT NULL CHECK (lock_camera IN (0, 1)),
    lock_screen   INTEGER NOT NULL CHECK (lock_screen IN (0, 1)),
    lock_names    INTEGER NOT NULL CHECK (lock_names IN (0, 1)),
    door_closed   INTEGER NOT NULL CHECK (door_closed IN (0, 1)),
    mute_on_entry INTEGER NOT NULL CHECK (mute_on_entry IN (0, 1)),
    started_at    TEXT NOT NULL CHECK (length(started_at) = 27),
    deadline_at   TEXT CHECK (length(deadline_at) = 27),
    visited       INTEGER NOT NULL CHECK (visited IN (0, 1)),
    empty_since   TEXT CHECK (length(empty_since) = 27),
    warned        INTEGER NOT NULL CHECK (warned IN (0, 2, 10)),
    seats_told    TEXT NOT NULL,
    due_at        TEXT CHECK (length(due_at) = 27),
    ended_at      TEXT CHECK (length(ended_at) = 27),
    end_reason    TEXT NOT NULL
) STRICT;
CREATE INDEX live_meeting_due ON live_meeting (due_at) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_room ON live_meeting (room) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_member ON live_meeting (member) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_server ON live_meeting (server) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_ended ON live_meeting (ended_at);

CREATE TABLE live_participant (
    id         TEXT NOT NULL PRIMARY KEY,
    meeting    TEXT NOT NULL REFERENCES live_meeting (meeting),
    person_key TEXT NOT NULL CHECK (length(person_key) = 32),
    person     TEXT,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    owner      INTEGER NOT NULL CHECK (owner IN (0, 1)),
    state      TEXT NOT NULL CHECK (state IN ('connecting', 'inside', 'away', 'left', 'removed')),
    session    TEXT NOT NULL,
    hand       INTEGER NOT NULL CHECK (hand >= 0),
    may_chat   TEXT NOT NULL CHECK (may_chat IN ('', 'yes', 'no')),
    may_mic    TEXT NOT NULL CHECK (may_mic IN ('', 'yes', 'no')),
    may_camera TEXT NOT NULL CHECK (may_camera IN ('', 'yes', 'no')),
    may_screen TEXT NOT NULL CHECK (may_screen IN ('', 'yes', 'no')),
    stream     INTEGER NOT NULL CHECK (stream >= 0),
    chat_at    TEXT CHECK (length(chat_at) = 27),
    react_at   TEXT CHECK (length(react_at) = 27),
    joined_at  TEXT NOT NULL CHECK (length(joined_at) = 27),
    seen_at    TEXT CHECK (length(seen_at) = 27)
) STRICT;
CREATE UNIQUE INDEX live_participant_key ON live_participant (meeting, person_key);

CREATE TABLE live_waiting (
    id         TEXT NOT NULL PRIMARY KEY,
    room       TEXT NOT NULL REFERENCES room (id),
    person_key TEXT NOT NULL CHECK (length(person_key) = 32),
    person     TEXT,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    owner      INTEGER NOT NULL CHECK (owner IN (0, 1)),
    kind       TEXT NOT NULL CHECK (kind IN ('entry', 'start', 'door', 'seat', 'refused', 'denied')),
    code_given INTEGER NOT NULL CHECK (code_given IN (0, 1)),
    told       TEXT NOT NULL,
    since      TEXT NOT NULL CHECK (length(since) = 27),
    seen_at    TEXT NOT NULL CHECK (length(seen_at) = 27)
) STRICT;
CREATE UNIQUE INDEX live_waiting_key ON live_waiting (room, person_key);
CREATE INDEX live_waiting_seen ON live_waiting (seen_at);

CREATE TABLE live_event (
    meeting  TEXT NOT NULL REFERENCES live_meeting (meeting),
    n        INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    audience TEXT NOT NULL,
    also     TEXT NOT NULL,
    data     TEXT NOT NULL,
    at       TEXT NOT NULL CHECK (length(at) = 27),
    PRIMARY KEY (meeting, n)
) STRICT;
CREATE INDEX live_event_at ON live_event (at);

CREATE TABLE live_chat (
    id        TEXT NOT NULL PRIMARY KEY,
    meeting   TEXT NOT NULL REFERENCES live_meeting (meeting),
    n         INTEGER NOT NULL,
    sender    TEXT NOT NULL,
    name      TEXT NOT NULL,
    recipient TEXT NOT NULL,
    to_name   TEXT NOT NULL,
    body      TEXT NOT NULL,
    at        TEXT NOT NULL CHECK (length(at) = 27)
) STRICT;
CREATE UNIQUE INDEX live_chat_n ON live_chat (meeting, n);

CREATE TABLE live_code_try (
    room     TEXT NOT NULL REFERENCES room (id),
    who      TEXT NOT NULL,
    tries    INTEGER NOT NULL CHECK (tries > 0),
    since    TEXT NOT NULL CHECK (length(since) = 27),
    PRIMARY KEY (room, who)
) STRICT;
CREATE INDEX live_code_try_since ON live_code_try (since);
