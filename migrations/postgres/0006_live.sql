-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- The row every change of a running meeting locks first.
CREATE TABLE live_meeting (
    meeting       TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES meeting (id),
    room          TEXT COLLATE "C" NOT NULL,
    member        TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    server        TEXT COLLATE "C" NOT NULL,
    engine        TEXT COLLATE "C" NOT NULL CHECK (engine IN ('cold', 'ready', 'down')),
    events        BIGINT NOT NULL CHECK (events >= 0),
    hands         BIGINT NOT NULL CHECK (hands >= 0),
    lock_chat     BOOLEAN NOT NULL,
    lock_mic      BOOLEAN NOT NULL,
    lock_camera   BOOLEAN NOT NULL,
    lock_screen   BOOLEAN NOT NULL,
    lock_names    BOOLEAN NOT NULL,
    door_closed   BOOLEAN NOT NULL,
    mute_on_entry BOOLEAN NOT NULL,
    started_at    TIMESTAMPTZ NOT NULL,
    deadline_at   TIMESTAMPTZ,
    visited       BOOLEAN NOT NULL,
    empty_since   TIMESTAMPTZ,
    warned        BIGINT NOT NULL CHECK (warned IN (0, 2, 10)),
    seats_told    TEXT COLLATE "C" NOT NULL,
    due_at        TIMESTAMPTZ,
    ended_at      TIMESTAMPTZ,
    end_reason    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX live_meeting_due ON live_meeting (due_at) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_room ON live_meeting (room) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_member ON live_meeting (member) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_server ON live_meeting (server) WHERE ended_at IS NULL;
CREATE INDEX live_meeting_ended ON live_meeting (ended_at);

CREATE TABLE live_participant (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    meeting    TEXT COLLATE "C" NOT NULL REFERENCES live_meeting (meeting),
    person_key TEXT COLLATE "C" NOT NULL CHECK (length(person_key) = 32),
    person     TEXT COLLATE "C",
    name       TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL CHECK (role IN ('moderator', 'viewer')),
    owner      BOOLEAN NOT NULL,
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('connecting', 'inside', 'away', 'left', 'removed')),
    session    TEXT COLLATE "C" NOT NULL,
    hand       BIGINT NOT NULL CHECK (hand >= 0),
    may_chat   TEXT COLLATE "C" NOT NULL CHECK (may_chat IN ('', 'yes', 'no')),
    may_mic    TEXT COLLATE "C" NOT NULL CHECK (may_mic IN ('', 'yes', 'no')),
    may_camera TEXT COLLATE "C" NOT NULL CHECK (may_camera IN ('', 'yes', 'no')),
    may_screen TEXT COLLATE "C" NOT NULL CHECK (may_screen IN ('', 'yes', 'no')),
    stream     BIGINT NOT NULL CHECK (stream >= 0),
    chat_at    TIMESTAMPTZ,
    react_at   TIMESTAMPTZ,
    joined_at  TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ
);
CREATE UNIQUE INDEX live_participant_key ON live_participant (meeting, person_key);

CREATE TABLE live_waiting (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    room       TEXT COLLATE "C" NOT NULL REFERENCES room (id),
    person_key TEXT COLLATE "C" NOT NULL CHECK (length(person_key) = 32),
    person     TEXT COLLATE "C",
    name       TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL CHECK (role IN ('moderator', 'viewer')),
    owner      BOOLEAN NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('entry', 'start', 'door', 'seat', 'refused', 'denied')),
    code_given BOOLEAN NOT NULL,
    told       TEXT COLLATE "C" NOT NULL,
    since      TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX live_waiting_key ON live_waiting (room, person_key);
CREATE INDEX live_waiting_seen ON live_waiting (seen_at);

CREATE TABLE live_event (
    meeting  TEXT COLLATE "C" NOT NULL REFERENCES live_meeting (meeting),
    n        BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    audience TEXT COLLATE "C" NOT NULL,
    also     TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL,
    at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (meeting, n)
);
CREATE INDEX live_event_at ON live_event (at);

CREATE TABLE live_chat (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    meeting   TEXT COLLATE "C" NOT NULL REFERENCES live_meeting (meeting),
    n         BIGINT NOT NULL,
    sender    TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    to_name   TEXT COLLATE "C" NOT NULL,
    body      TEXT COLLATE "C" NOT NULL,
    at        TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX live_chat_n ON live_chat (meeting, n);

CREATE TABLE live_code_try (
    room     TEXT COLLATE "C" NOT NULL REFERENCES room (id),
    who      TEXT COLLATE "C" NOT NULL,
    tries    BIGINT NOT NULL CHECK (tries > 0),
    since    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (room, who)
);
CREATE INDEX live_code_try_since ON live_code_try (since);
