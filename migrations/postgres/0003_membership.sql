-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- A slug is never given to another: rows are not deleted and slugs not changed.
CREATE TABLE member (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug        TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('operational', 'user')),
    individual  BOOLEAN NOT NULL,
    legal_form  TEXT COLLATE "C" NOT NULL,
    country     TEXT COLLATE "C" NOT NULL,
    zone        TEXT COLLATE "C" NOT NULL,
    locale      TEXT COLLATE "C" NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX member_slug ON member (slug);
CREATE INDEX member_name ON member (name_folded, id);
CREATE INDEX member_kind ON member (kind);

CREATE TABLE contact (
    member  TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    kind    TEXT COLLATE "C" NOT NULL CHECK (kind IN ('billing', 'technical', 'general')),
    address TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (member, kind, address)
);

CREATE TABLE affiliation (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member      TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    person      TEXT COLLATE "C" REFERENCES person (id),
    address     TEXT COLLATE "C",
    address_key TEXT COLLATE "C",
    name        TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('invited', 'active', 'ended')),
    source      TEXT COLLATE "C" NOT NULL CHECK (source IN ('self', 'invite', 'csv', 'link', 'idp', 'scim')),
    invited_by  TEXT COLLATE "C",
    created_at  TIMESTAMPTZ NOT NULL,
    accepted_at TIMESTAMPTZ,
    ended_at    TIMESTAMPTZ,
    end_reason  TEXT COLLATE "C" NOT NULL,
    CHECK (status <> 'active' OR person IS NOT NULL),
    CHECK (status <> 'invited' OR address_key IS NOT NULL),
    CHECK ((status = 'ended') = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX affiliation_person ON affiliation (member, person) WHERE status <> 'ended';
CREATE UNIQUE INDEX affiliation_address ON affiliation (member, address_key) WHERE status <> 'ended';
CREATE INDEX affiliation_of_person ON affiliation (person);
CREATE INDEX affiliation_of_address ON affiliation (address_key);

CREATE TABLE affiliation_role (
    affiliation TEXT COLLATE "C" NOT NULL REFERENCES affiliation (id),
    role        TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'manager', 'billing', 'host', 'member')),
    source      TEXT COLLATE "C" NOT NULL CHECK (source IN ('self', 'invite', 'csv', 'link', 'idp', 'scim')),
    PRIMARY KEY (affiliation, role, source)
);

-- The row on which writers collide: owners and hosts are decided here, never by counting.
CREATE TABLE member_count (
    member TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member (id),
    owners BIGINT NOT NULL CHECK (owners >= 0),
    hosts  BIGINT NOT NULL CHECK (hosts >= 0)
);

CREATE TABLE stewardship (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    steward  TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    member   TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    from_at  TIMESTAMPTZ NOT NULL,
    until_at TIMESTAMPTZ,
    reason   TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX stewardship_open ON stewardship (member) WHERE until_at IS NULL;
CREATE INDEX stewardship_steward ON stewardship (steward);

CREATE TABLE connection (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member     TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('portal', 'api')),
    name       TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX connection_portal ON connection (member) WHERE kind = 'portal';
CREATE INDEX connection_member ON connection (member);

CREATE TABLE standing_fact (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member        TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    source        TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('chosen', 'covered', 'uncovered', 'cancelled', 'granted', 'suspended', 'lifted', 'closed')),
    level         TEXT COLLATE "C",
    from_on       DATE NOT NULL,
    until_on      DATE,
    trusted_until DATE,
    undoes        TEXT COLLATE "C",
    reason        TEXT COLLATE "C" NOT NULL,
    happened_at   TIMESTAMPTZ NOT NULL,
    recorded_at   TIMESTAMPTZ NOT NULL,
    CHECK ((level IS NOT NULL) = (kind IN ('chosen', 'covered', 'granted'))),
    CHECK ((undoes IS NOT NULL) = (kind = 'uncovered')),
    CHECK (kind <> 'covered' OR until_on IS NOT NULL),
    CHECK (until_on IS NULL OR (kind IN ('covered', 'granted') AND until_on > from_on)),
    CHECK (trusted_until IS NULL OR kind = 'covered')
);
CREATE UNIQUE INDEX standing_fact_source ON standing_fact (source);
CREATE INDEX standing_fact_member ON standing_fact (member);

CREATE TABLE override (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member      TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    level       TEXT COLLATE "C" NOT NULL,
    from_on     DATE NOT NULL,
    until_on    DATE NOT NULL,
    reason_kind TEXT COLLATE "C" NOT NULL CHECK (reason_kind IN ('trial', 'solidarity', 'paid_elsewhere', 'work', 'correction')),
    reason      TEXT COLLATE "C" NOT NULL,
    lent_by     TEXT COLLATE "C",
    for_coop    TEXT COLLATE "C" REFERENCES member (id),
    created_at  TIMESTAMPTZ NOT NULL,
    revoked_at  TIMESTAMPTZ,
    CHECK (until_on > from_on)
);
CREATE INDEX override_member ON override (member);

CREATE TABLE decision (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    decision_key TEXT COLLATE "C" NOT NULL,
    title        TEXT COLLATE "C" NOT NULL,
    link         TEXT COLLATE "C" NOT NULL,
    decided_on   DATE NOT NULL,
    founding     BOOLEAN NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX decision_by_key ON decision (decision_key);
CREATE INDEX decision_decided ON decision (decided_on, id);

CREATE TABLE level (
    id                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    level_key             TEXT COLLATE "C" NOT NULL,
    version               BIGINT NOT NULL CHECK (version >= 1),
    position              BIGINT NOT NULL,
    decision_key          TEXT COLLATE "C" NOT NULL REFERENCES decision (decision_key),
    valid_from            DATE NOT NULL,
    currency              TEXT COLLATE "C" NOT NULL,
    contribution          BIGINT NOT NULL CHECK (contribution >= 0),
    set_up                BIGINT NOT NULL CHECK (set_up >= 0),
    by_quotation          BOOLEAN NOT NULL,
    minimum_months        BIGINT NOT NULL CHECK (minimum_months >= 0),
    seats                 BIGINT CHECK (seats >= 0),
    participants          BIGINT CHECK (participants >= 0),
    rooms                 BIGINT CHECK (rooms >= 0),
    running_rooms         BIGINT CHECK (running_rooms >= 0),
    hosts                 BIGINT CHECK (hosts >= 0),
    connections           BIGINT CHECK (connections >= 0),
    duration_seconds      BIGINT CHECK (duration_seconds > 0),
    recording             BOOLEAN NOT NULL,
    branding              BOOLEAN NOT NULL,
    retention_days        BIGINT CHECK (retention_days >= 0),
    storage_bytes         BIGINT CHECK (storage_bytes >= 0),
    enforcement           TEXT COLLATE "C" NOT NULL CHECK (enforcement IN ('hard', 'create', 'grace')),
    grace_percent         BIGINT NOT NULL CHECK (grace_percent >= 0),
    duration_scope        TEXT COLLATE "C" NOT NULL CHECK (duration_scope IN ('meeting', 'room', 'member')),
    duration_pause_seconds BIGINT NOT NULL CHECK (duration_pause_seconds > 0),
    duration_per_day_seconds BIGINT CHECK (duration_per_day_seconds > 0),
    moderators_reserve    BIGINT NOT NULL CHECK (moderators_reserve >= 0),
    tags                  TEXT COLLATE "C" NOT NULL,
    defined_at            TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX level_version ON level (level_key, version);
CREATE UNIQUE INDEX level_valid ON level (level_key, valid_from);
CREATE INDEX level_decision ON level (decision_key);

CREATE TABLE limit_override (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member             TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    seats              BIGINT CHECK (seats > 0),
    participants       BIGINT CHECK (participants > 0),
    rooms              BIGINT CHECK (rooms > 0),
    running_rooms      BIGINT CHECK (running_rooms > 0),
    hosts              BIGINT CHECK (hosts > 0),
    connections        BIGINT CHECK (connections > 0),
    duration_seconds   BIGINT CHECK (duration_seconds > 0),
    recording          BOOLEAN,
    branding           BOOLEAN,
    retention_days     BIGINT CHECK (retention_days > 0),
    storage_bytes      BIGINT CHECK (storage_bytes > 0),
    moderators_reserve BIGINT CHECK (moderators_reserve >= 0),
    reason             TEXT COLLATE "C" NOT NULL,
    from_at            TIMESTAMPTZ NOT NULL,
    until_at           TIMESTAMPTZ,
    created_at         TIMESTAMPTZ NOT NULL,
    revoked_at         TIMESTAMPTZ,
    CHECK (until_at > from_at)
);
CREATE INDEX limit_override_member ON limit_override (member);
