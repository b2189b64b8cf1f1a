-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Written at the rate of joins, so it grows at its end only; what charts read has an index of its own.
-- The gate has locked the member's row by then, which carries the foreign key.
CREATE TABLE usage_fact (
    member     TEXT COLLATE "C" NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    connection TEXT COLLATE "C",
    meeting    TEXT COLLATE "C",
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('started', 'joined', 'left', 'refused', 'ended', 'peak', 'seated')),
    person_key TEXT COLLATE "C" CHECK (length(person_key) = 32),
    n          BIGINT NOT NULL CHECK (n >= 0),
    code       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (at, id)
);
CREATE INDEX usage_fact_rare ON usage_fact (member, kind, at) WHERE kind NOT IN ('joined', 'left');
CREATE INDEX usage_fact_refused ON usage_fact (person_key, at) WHERE kind = 'refused';

-- The secret with which the person keys of one day's facts were made; destroyed soon after that day.
CREATE TABLE usage_key (
    day    DATE NOT NULL PRIMARY KEY,
    secret TEXT COLLATE "C" NOT NULL
);

CREATE TABLE server (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('sfu', 'bbb')),
    stable_key TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    url        TEXT COLLATE "C" NOT NULL,
    node       TEXT COLLATE "C",
    observed   TEXT COLLATE "C" NOT NULL CHECK (observed IN ('unknown', 'up', 'suspect', 'down')),
    admin      TEXT COLLATE "C" NOT NULL CHECK (admin IN ('enabled', 'cordoned', 'draining', 'disabled')),
    load_units BIGINT NOT NULL CHECK (load_units > 0),
    max_people BIGINT NOT NULL CHECK (max_people >= 0),
    api_key    TEXT COLLATE "C" NOT NULL,
    api_secret TEXT COLLATE "C" NOT NULL,
    tags       TEXT COLLATE "C" NOT NULL,
    seen_at    TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX server_stable_key ON server (stable_key);

CREATE TABLE meeting (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member      TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    connection  TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    external_id TEXT COLLATE "C" NOT NULL,
    room        TEXT COLLATE "C",
    server      TEXT COLLATE "C" REFERENCES server (id),
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('stub', 'reserved', 'live', 'detached', 'superseded', 'ended', 'void')),
    started_at  TIMESTAMPTZ NOT NULL,
    deadline_at TIMESTAMPTZ,
    asked_us    BIGINT NOT NULL CHECK (asked_us >= 0),
    cap         BIGINT CHECK (cap > 0),
    reserve     BIGINT NOT NULL CHECK (reserve >= 0),
    kept        BIGINT NOT NULL CHECK (kept >= 0),
    started_by  TEXT COLLATE "C" NOT NULL,
    ended_at    TIMESTAMPTZ,
    end_reason  TEXT COLLATE "C" NOT NULL CHECK (end_reason IN ('', 'host', 'duration', 'empty', 'platform')),
    CHECK ((state IN ('ended', 'void')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX meeting_open ON meeting (connection, external_id) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_open_member ON meeting (member) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_open_server ON meeting (server) WHERE state IN ('stub', 'reserved', 'live', 'detached');
CREATE INDEX meeting_member ON meeting (member, started_at);
CREATE INDEX meeting_room ON meeting (room, started_at);

-- Beside meeting, because it changes with every person and must stay small.
CREATE TABLE meeting_count (
    meeting    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES meeting (id),
    people     BIGINT NOT NULL CHECK (people >= 0),
    moderators BIGINT NOT NULL CHECK (moderators BETWEEN 0 AND people),
    peak       BIGINT NOT NULL CHECK (peak >= people),
    seconds    BIGINT NOT NULL CHECK (seconds >= 0)
);

-- The row on which all decisions for a member collide.
CREATE TABLE member_usage (
    member         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member (id),
    seats          BIGINT NOT NULL CHECK (seats >= 0),
    moderators     BIGINT NOT NULL CHECK (moderators BETWEEN 0 AND seats),
    running_rooms  BIGINT NOT NULL CHECK (running_rooms >= 0),
    waiting        BIGINT NOT NULL CHECK (waiting >= 0),
    places         BIGINT NOT NULL CHECK (places >= 0),
    peak           BIGINT NOT NULL CHECK (peak >= 0),
    peak_hour      TIMESTAMPTZ,
    limits         TEXT COLLATE "C" NOT NULL,
    limits_version BIGINT NOT NULL,
    limits_until   TIMESTAMPTZ,
    next_expiry    TIMESTAMPTZ,
    version        BIGINT NOT NULL CHECK (version >= 0)
);
CREATE INDEX member_usage_next_expiry ON member_usage (next_expiry) WHERE next_expiry IS NOT NULL;

-- Raised by whatever changes an entitlement, in its transaction. Not a column of member_usage: the
-- changer is serializable and would starve on a row that the gate writes hundreds of times a second.
CREATE TABLE entitlement_change (
    member     TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member (id),
    version    BIGINT NOT NULL CHECK (version > 0),
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE seat (
    member      TEXT COLLATE "C" NOT NULL,
    meeting     TEXT COLLATE "C" NOT NULL REFERENCES meeting (id),
    person_key  TEXT COLLATE "C" NOT NULL CHECK (length(person_key) = 32),
    participant TEXT COLLATE "C" NOT NULL,
    role        TEXT COLLATE "C" NOT NULL CHECK (role IN ('moderator', 'viewer')),
    present     BOOLEAN NOT NULL,
    late        BOOLEAN NOT NULL,
    taken_at    TIMESTAMPTZ NOT NULL,
    seen_at     TIMESTAMPTZ,
    expires_at  TIMESTAMPTZ,
    PRIMARY KEY (meeting, person_key),
    CHECK (present = (expires_at IS NULL))
);
CREATE UNIQUE INDEX seat_participant ON seat (participant);
CREATE INDEX seat_expiry ON seat (expires_at, member) WHERE expires_at IS NOT NULL;

CREATE TABLE waiter (
    participant  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member       TEXT COLLATE "C" NOT NULL REFERENCES member_usage (member),
    connection   TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    external_id  TEXT COLLATE "C" NOT NULL,
    room         TEXT COLLATE "C",
    person_key   TEXT COLLATE "C" NOT NULL CHECK (length(person_key) = 32),
    role         TEXT COLLATE "C" NOT NULL CHECK (role IN ('moderator', 'viewer')),
    may_start    BOOLEAN NOT NULL,
    meeting      TEXT COLLATE "C",
    cap          BIGINT CHECK (cap > 0),
    reserve      BIGINT NOT NULL CHECK (reserve >= 0),
    kept         BIGINT NOT NULL CHECK (kept >= 0),
    asked_us     BIGINT NOT NULL CHECK (asked_us >= 0),
    place        BIGINT NOT NULL CHECK (place > 0),
    queued_at    TIMESTAMPTZ NOT NULL,
    refreshed_at TIMESTAMPTZ NOT NULL,
    CHECK (NOT may_start OR meeting IS NOT NULL)
);
CREATE UNIQUE INDEX waiter_person ON waiter (connection, external_id, person_key);
CREATE UNIQUE INDEX waiter_place ON waiter (member, place);

-- Time used in the present sitting of a room or of all rooms of a member (scope_key is '' then).
CREATE TABLE clock (
    member        TEXT COLLATE "C" NOT NULL REFERENCES member_usage (member),
    scope         TEXT COLLATE "C" NOT NULL CHECK (scope IN ('room', 'member')),
    scope_key     TEXT COLLATE "C" NOT NULL,
    used_us       BIGINT NOT NULL CHECK (used_us >= 0),
    running_since TIMESTAMPTZ,
    last_end_at   TIMESTAMPTZ,
    day           DATE,
    day_used_us   BIGINT NOT NULL CHECK (day_used_us >= 0),
    PRIMARY KEY (member, scope, scope_key)
);
