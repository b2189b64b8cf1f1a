-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Written at the rate of joins, so it grows at its end only; what charts read has an index of its own.
-- The gate has locked the member's row by then, which carries the foreign key.
CREATE TABLE usage_fact (
    member     TEXT NOT NULL,
    at         TEXT NOT NULL CHECK (length(at) = 27),
    id         TEXT NOT NULL,
    connection TEXT,
    meeting    TEXT,
    kind       TEXT NOT NULL CHECK (kind IN ('started', 'joined', 'left', 'refused', 'ended', 'peak', 'seated')),
    person_key TEXT CHECK (length(person_key) = 32),
    n          INTEGER NOT NULL CHECK (n >= 0),
    code       TEXT NOT NULL,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_fact_rare ON usage_fact (member, kind, at) WHERE kind NOT IN ('joined', 'left');
CREATE INDEX usage_fact_refused ON usage_fact (person_key, at) WHERE kind = 'refused';

-- The secret with which the person keys of one day's facts were made; destroyed soon after that day.
CREATE TABLE usage_key (
    day    TEXT NOT NULL PRIMARY KEY CHECK (length(day) = 10),
    secret TEXT NOT NULL
) STRICT;

CREATE TABLE server (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('sfu', 'bbb')),
    stable_key TEXT NOT NULL,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    node       TEXT,
    observed   TEXT NOT NULL CHECK (observed IN ('unknown', 'up', 'suspect', 'down')),
    admin      TEXT NOT NULL CHECK (admin IN ('enabled', 'cordoned', 'draining', 'disabled')),
    load_units INTEGER NOT NULL CHECK (load_units > 0),
    max_people INTEGER NOT NULL CHECK (max_people >= 0),
    api_key    TEXT NOT NULL,
    api_secret TEXT NOT NULL,
    tags       TEXT NOT NULL,
    seen_at    TEXT CHECK (length(seen_at) = 27),
    created_at TEXT NOT NULL CHECK (length(created_at) = 27)
) STRICT;
CREATE UNIQUE INDEX server_stable_key ON server (stable_key);

CREATE TABLE meeting (
    id          TEXT NOT NULL PRIMARY KEY,
    member      TEXT NOT NULL REFERENCES member (id),
    connection  TEXT NOT NULL REFERENCES connection (id),
    external_id TEXT NOT NULL,
    room        TEXT,
    server      TEXT REFERENCES server (id),
    state       TEXT NOT NULL CHECK (state IN ('stub', 'reserved', 'live', 'detached', 'superseded', 'ended', 'void')),
    started_at  TEXT NOT NULL CHECK (length(started_at) = 27),
    deadline_at TEXT CHECK (length(deadline_at) = 27),
    asked_us    INTEGER NOT NULL CHECK (asked_us >= 0),
    cap         INTEGER CHECK (cap > 0),
    reserve     INTEGER NOT NULL CHECK (reserve >= 0),
    kept        INTEGER NOT NULL CHECK (kept >= 0),
    started_by  TEXT NOT NULL,
    ended_at    TEXT CHECK (length(ended_at) = 27),
    end_reason  TEXT NOT NULL CHECK (end_reason IN ('', 'host', 'duration', 'empty', 'platform')),
    CHECK ((state IN ('ended', 'void')) = (ended_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX meeting_open ON meeting (connection, external_id) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_open_member ON meeting (member) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_open_server ON meeting (server) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_member ON meeting (member, started_at);
CREATE INDEX meeting_room ON meeting (room, started_at);

-- Beside meeting, because it changes with every person and must stay small.
CREATE TABLE meeting_count (
    meeting    TEXT NOT NULL PRIMARY KEY REFERENCES meeting (id),
    people     INTEGER NOT NULL CHECK (people >= 0),
    moderators INTEGER NOT NULL CHECK (moderators BETWEEN 0 AND people),
    peak       INTEGER NOT NULL CHECK (peak >= people),
    seconds    INTEGER NOT NULL CHECK (seconds >= 0)
) STRICT, WITHOUT ROWID;

-- The row on which all decisions for a member collide.
CREATE TABLE member_usage (
    member         TEXT NOT NULL PRIMARY KEY REFERENCES member (id),
    seats          INTEGER NOT NULL CHECK (seats >= 0),
    moderators     INTEGER NOT NULL CHECK (moderators BETWEEN 0 AND seats),
    running_rooms  INTEGER NOT NULL CHECK (running_rooms >= 0),
    waiting        INTEGER NOT NULL CHECK (waiting >= 0),
    places         INTEGER NOT NULL CHECK (places >= 0),
    peak           INTEGER NOT NULL CHECK (peak >= 0),
    peak_hour      TEXT CHECK (length(peak_hour) = 27),
    limits         TEXT NOT NULL,
    limits_version INTEGER NOT NULL,
    limits_until   TEXT CHECK (length(limits_until) = 27),
    next_expiry    TEXT CHECK (length(next_expiry) = 27),
    version        INTEGER NOT NULL CHECK (version >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_usage_next_expiry ON member_usage (next_expiry) WHERE next_expiry IS NOT NULL;

-- Raised by whatever changes an entitlement, in its transaction. Not a column of member_usage: the
-- changer is serializable and would starve on a row that the gate writes hundreds of times a second.
CREATE TABLE entitlement_change (
    member     TEXT NOT NULL PRIMARY KEY REFERENCES member (id),
    version    INTEGER NOT NULL CHECK (version > 0),
    changed_at TEXT NOT NULL CHECK (length(changed_at) = 27)
) STRICT;

-- Clustered by arrival, not by its key: that is a hash, and each new row would dirty a page of its own.
CREATE TABLE seat (
    member      TEXT NOT NULL,
    meeting     TEXT NOT NULL REFERENCES meeting (id),
    person_key  TEXT NOT NULL CHECK (length(person_key) = 32),
    participant TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    present     INTEGER NOT NULL CHECK (present IN (0, 1)),
    late        INTEGER NOT NULL CHECK (late IN (0, 1)),
    taken_at    TEXT NOT NULL CHECK (length(taken_at) = 27),
    seen_at     TEXT CHECK (length(seen_at) = 27),
    expires_at  TEXT CHECK (length(expires_at) = 27),
    PRIMARY KEY (meeting, person_key),
    CHECK (present = (expires_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX seat_participant ON seat (participant);
CREATE INDEX seat_expiry ON seat (expires_at, member) WHERE expires_at IS NOT NULL;

CREATE TABLE waiter (
    participant  TEXT NOT NULL PRIMARY KEY,
    member       TEXT NOT NULL REFERENCES member_usage (member),
    connection   TEXT NOT NULL REFERENCES connection (id),
    external_id  TEXT NOT NULL,
    room         TEXT,
    person_key   TEXT NOT NULL CHECK (length(person_key) = 32),
    role         TEXT NOT NULL CHECK (role IN ('moderator', 'viewer')),
    may_start    INTEGER NOT NULL CHECK (may_start IN (0, 1)),
    meeting      TEXT,
    cap          INTEGER CHECK (cap > 0),
    reserve      INTEGER NOT NULL CHECK (reserve >= 0),
    kept         INTEGER NOT NULL CHECK (kept >= 0),
    asked_us     INTEGER NOT NULL CHECK (asked_us >= 0),
    place        INTEGER NOT NULL CHECK (place > 0),
    queued_at    TEXT NOT NULL CHECK (length(queued_at) = 27),
    refreshed_at TEXT NOT NULL CHECK (length(refreshed_at) = 27),
    CHECK (NOT may_start OR meeting IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX waiter_person ON waiter (connection, external_id, person_key);
CREATE UNIQUE INDEX waiter_place ON waiter (member, place);

-- Time used in the present sitting of a room or of all rooms of a member (scope_key is '' then).
CREATE TABLE clock (
    member        TEXT NOT NULL REFERENCES member_usage (member),
    scope         TEXT NOT NULL CHECK (scope IN ('room', 'member')),
    scope_key     TEXT NOT NULL,
    used_us       INTEGER NOT NULL CHECK (used_us >= 0),
    running_since TEXT CHECK (length(running_since) = 27),
    last_end_at   TEXT CHECK (length(last_end_at) = 27),
    day           TEXT CHECK (length(day) = 10),
    day_used_us   INTEGER NOT NULL CHECK (day_used_us >= 0),
    PRIMARY KEY (member, scope, scope_key)
) STRICT;
