-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- A slug is never given to another: rows are not deleted and slugs not changed.
CREATE TABLE member (
    id          TEXT NOT NULL PRIMARY KEY,
    slug        TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('operational', 'user')),
    individual  INTEGER NOT NULL CHECK (individual IN (0, 1)),
    legal_form  TEXT NOT NULL,
    country     TEXT NOT NULL,
    zone        TEXT NOT NULL,
    locale      TEXT NOT NULL,
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27)
) STRICT;
CREATE UNIQUE INDEX member_slug ON member (slug);
CREATE INDEX member_name ON member (name_folded, id);
CREATE INDEX member_kind ON member (kind);

CREATE TABLE contact (
    member  TEXT NOT NULL REFERENCES member (id),
    kind    TEXT NOT NULL CHECK (kind IN ('billing', 'technical', 'general')),
    address TEXT NOT NULL,
    PRIMARY KEY (member, kind, address)
) STRICT;

CREATE TABLE affiliation (
    id          TEXT NOT NULL PRIMARY KEY,
    member      TEXT NOT NULL REFERENCES member (id),
    person      TEXT REFERENCES person (id),
    address     TEXT,
    address_key TEXT,
    name        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('invited', 'active', 'ended')),
    source      TEXT NOT NULL CHECK (source IN ('self', 'invite', 'csv', 'link', 'idp', 'scim')),
    invited_by  TEXT,
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27),
    accepted_at TEXT CHECK (length(accepted_at) = 27),
    ended_at    TEXT CHECK (length(ended_at) = 27),
    end_reason  TEXT NOT NULL,
    CHECK (status <> 'active' OR person IS NOT NULL),
    CHECK (status <> 'invited' OR address_key IS NOT NULL),
    CHECK ((status = 'ended') = (ended_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX affiliation_person ON affiliation (member, person) WHERE status <> 'ended';
CREATE UNIQUE INDEX affiliation_address ON affiliation (member, address_key) WHERE status <> 'ended';
CREATE INDEX affiliation_of_person ON affiliation (person);
CREATE INDEX affiliation_of_address ON affiliation (address_key);

CREATE TABLE affiliation_role (
    affiliation TEXT NOT NULL REFERENCES affiliation (id),
    role        TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'billing', 'host', 'member')),
    source      TEXT NOT NULL CHECK (source IN ('self', 'invite', 'csv', 'link', 'idp', 'scim')),
    PRIMARY KEY (affiliation, role, source)
) STRICT;

-- The row on which writers collide: owners and hosts are decided here, never by counting.
CREATE TABLE member_count (
    member TEXT NOT NULL PRIMARY KEY REFERENCES member (id),
    owners INTEGER NOT NULL CHECK (owners >= 0),
    hosts  INTEGER NOT NULL CHECK (hosts >= 0)
) STRICT;

CREATE TABLE stewardship (
    id       TEXT NOT NULL PRIMARY KEY,
    steward  TEXT NOT NULL REFERENCES member (id),
    member   TEXT NOT NULL REFERENCES member (id),
    from_at  TEXT NOT NULL CHECK (length(from_at) = 27),
    until_at TEXT CHECK (length(until_at) = 27),
    reason   TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX stewardship_open ON stewardship (member) WHERE until_at IS NULL;
CREATE INDEX stewardship_steward ON stewardship (steward);

CREATE TABLE connection (
    id         TEXT NOT NULL PRIMARY KEY,
    member     TEXT NOT NULL REFERENCES member (id),
    kind       TEXT NOT NULL CHECK (kind IN ('portal', 'api')),
    name       TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    revoked_at TEXT CHECK (length(revoked_at) = 27)
) STRICT;
CREATE UNIQUE INDEX connection_portal ON connection (member) WHERE kind = 'portal';
CREATE INDEX connection_member ON connection (member);

CREATE TABLE standing_fact (
    id            TEXT NOT NULL PRIMARY KEY,
    member        TEXT NOT NULL REFERENCES member (id),
    source        TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('chosen', 'covered', 'uncovered', 'cancelled', 'granted', 'suspended', 'lifted', 'closed')),
    level         TEXT,
    from_on       TEXT NOT NULL CHECK (length(from_on) = 10),
    until_on      TEXT CHECK (length(until_on) = 10),
    trusted_until TEXT CHECK (length(trusted_until) = 10),
    undoes        TEXT,
    reason        TEXT NOT NULL,
    happened_at   TEXT NOT NULL CHECK (length(happened_at) = 27),
    recorded_at   TEXT NOT NULL CHECK (length(recorded_at) = 27),
    CHECK ((level IS NOT NULL) = (kind IN ('chosen', 'covered', 'granted'))),
    CHECK ((undoes IS NOT NULL) = (kind = 'uncovered')),
    CHECK (kind <> 'covered' OR until_on IS NOT NULL),
    CHECK (until_on IS NULL OR (kind IN ('covered', 'granted') AND until_on > from_on)),
    CHECK (trusted_until IS NULL OR kind = 'covered')
) STRICT;
CREATE UNIQUE INDEX standing_fact_source ON standing_fact (source);
CREATE INDEX standing_fact_member ON standing_fact (member);

CREATE TABLE override (
    id          TEXT NOT NULL PRIMARY KEY,
    member      TEXT NOT NULL REFERENCES member (id),
    level       TEXT NOT NULL,
    from_on     TEXT NOT NULL CHECK (length(from_on) = 10),
    until_on    TEXT NOT NULL CHECK (length(until_on) = 10),
    reason_kind TEXT NOT NULL CHECK (reason_kind IN ('trial', 'solidarity', 'paid_elsewhere', 'work', 'correction')),
    reason      TEXT NOT NULL,
    lent_by     TEXT,
    for_coop    TEXT REFERENCES member (id),
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27),
    revoked_at  TEXT CHECK (length(revoked_at) = 27),
    CHECK (until_on > from_on)
) STRICT;
CREATE INDEX override_member ON override (member);

CREATE TABLE decision (
    id           TEXT NOT NULL PRIMARY KEY,
    decision_key TEXT NOT NULL,
    title        TEXT NOT NULL,
    link         TEXT NOT NULL,
    decided_on   TEXT NOT NULL CHECK (length(decided_on) = 10),
    founding     INTEGER NOT NULL CHECK (founding IN (0, 1)),
    recorded_at  TEXT NOT NULL CHECK (length(recorded_at) = 27)
) STRICT;
CREATE UNIQUE INDEX decision_by_key ON decision (decision_key);
CREATE INDEX decision_decided ON decision (decided_on, id);

CREATE TABLE level (
    id                    TEXT NOT NULL PRIMARY KEY,
    level_key             TEXT NOT NULL,
    version               INTEGER NOT NULL CHECK (version >= 1),
    position              INTEGER NOT NULL,
    decision_key          TEXT NOT NULL REFERENCES decision (decision_key),
    valid_from            TEXT NOT NULL CHECK (length(valid_from) = 10),
    currency              TEXT NOT NULL,
    contribution          INTEGER NOT NULL CHECK (contribution >= 0),
    set_up                INTEGER NOT NULL CHECK (set_up >= 0),
    by_quotation          INTEGER NOT NULL CHECK (by_quotation IN (0, 1)),
    minimum_months        INTEGER NOT NULL CHECK (minimum_months >= 0),
    seats                 INTEGER CHECK (seats >= 0),
    participants          INTEGER CHECK (participants >= 0),
    rooms                 INTEGER CHECK (rooms >= 0),
    running_rooms         INTEGER CHECK (running_rooms >= 0),
    hosts                 INTEGER CHECK (hosts >= 0),
    connections           INTEGER CHECK (connections >= 0),
    duration_seconds      INTEGER CHECK (duration_seconds > 0),
    recording             INTEGER NOT NULL CHECK (recording IN (0, 1)),
    branding              INTEGER NOT NULL CHECK (branding IN (0, 1)),
    retention_days        INTEGER CHECK (retention_days >= 0),
    storage_bytes         INTEGER CHECK (storage_bytes >= 0),
    enforcement           TEXT NOT NULL CHECK (enforcement IN ('hard', 'create', 'grace')),
    grace_percent         INTEGER NOT NULL CHECK (grace_percent >= 0),
    duration_scope        TEXT NOT NULL CHECK (duration_scope IN ('meeting', 'room', 'member')),
    duration_pause_seconds INTEGER NOT NULL CHECK (duration_pause_seconds > 0),
    duration_per_day_seconds INTEGER CHECK (duration_per_day_seconds > 0),
    moderators_reserve    INTEGER NOT NULL CHECK (moderators_reserve >= 0),
    tags                  TEXT NOT NULL,
    defined_at            TEXT NOT NULL CHECK (length(defined_at) = 27)
) STRICT;
CREATE UNIQUE INDEX level_version ON level (level_key, version);
CREATE UNIQUE INDEX level_valid ON level (level_key, valid_from);
CREATE INDEX level_decision ON level (decision_key);

CREATE TABLE limit_override (
    id                 TEXT NOT NULL PRIMARY KEY,
    member             TEXT NOT NULL REFERENCES member (id),
    seats              INTEGER CHECK (seats > 0),
    participants       INTEGER CHECK (participants > 0),
    rooms              INTEGER CHECK (rooms > 0),
    running_rooms      INTEGER CHECK (running_rooms > 0),
    hosts              INTEGER CHECK (hosts > 0),
    connections        INTEGER CHECK (connections > 0),
    duration_seconds   INTEGER CHECK (duration_seconds > 0),
    recording          INTEGER CHECK (recording IN (0, 1)),
    branding           INTEGER CHECK (branding IN (0, 1)),
    retention_days     INTEGER CHECK (retention_days > 0),
    storage_bytes      INTEGER CHECK (storage_bytes > 0),
    moderators_reserve INTEGER CHECK (moderators_reserve >= 0),
    reason             TEXT NOT NULL,
    from_at            TEXT NOT NULL CHECK (length(from_at) = 27),
    until_at           TEXT CHECK (length(until_at) = 27),
    created_at         TEXT NOT NULL CHECK (length(created_at) = 27),
    revoked_at         TEXT CHECK (length(revoked_at) = 27),
    CHECK (until_at > from_at)
) STRICT;
CREATE INDEX limit_override_member ON limit_override (member);
