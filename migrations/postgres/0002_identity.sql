-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
CREATE TABLE person (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    subject        TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    locale         TEXT COLLATE "C" NOT NULL,
    zone           TEXT COLLATE "C" NOT NULL,
    theme          TEXT COLLATE "C" NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    status         TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'erased')),
    created_at     TIMESTAMPTZ NOT NULL,
    last_active_on DATE
);
CREATE UNIQUE INDEX person_subject ON person (subject);

CREATE TABLE person_email (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    person      TEXT COLLATE "C" NOT NULL REFERENCES person (id),
    address     TEXT COLLATE "C" NOT NULL,
    address_key TEXT COLLATE "C" NOT NULL,
    verified_at TIMESTAMPTZ NOT NULL,
    is_primary  BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX person_email_key ON person_email (address_key);
CREATE UNIQUE INDEX person_email_primary ON person_email (person) WHERE is_primary;
CREATE INDEX person_email_person ON person_email (person);

CREATE TABLE challenge (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    purpose      TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('signup', 'signin', 'add_address', 'invite', 'step_up', 'recover', 'erase')),
    address      TEXT COLLATE "C" NOT NULL,
    address_key  TEXT COLLATE "C" NOT NULL,
    token_hash   TEXT COLLATE "C",
    code_mac     TEXT COLLATE "C",
    browser_hash TEXT COLLATE "C",
    tries        BIGINT NOT NULL CHECK (tries BETWEEN 0 AND 5),
    locale       TEXT COLLATE "C" NOT NULL,
    next         TEXT COLLATE "C" NOT NULL,
    data         TEXT COLLATE "C" NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    mailed_at    TIMESTAMPTZ,
    expires_at   TIMESTAMPTZ NOT NULL,
    consumed_at  TIMESTAMPTZ
);
CREATE UNIQUE INDEX challenge_token ON challenge (token_hash);
CREATE INDEX challenge_expires ON challenge (expires_at);

CREATE TABLE session (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash   TEXT COLLATE "C" NOT NULL,
    person       TEXT COLLATE "C" NOT NULL REFERENCES person (id),
    method       TEXT COLLATE "C" NOT NULL CHECK (method IN ('link', 'code', 'operator', 'invite', 'passkey', 'password', 'idp')),
    browser_hash TEXT COLLATE "C",
    device       TEXT COLLATE "C" NOT NULL,
    started_at   TIMESTAMPTZ NOT NULL,
    seen_at      TIMESTAMPTZ NOT NULL,
    idle_until   TIMESTAMPTZ NOT NULL,
    ends_at      TIMESTAMPTZ NOT NULL,
    revoked_at   TIMESTAMPTZ,
    why          TEXT COLLATE "C"
);
CREATE UNIQUE INDEX session_token ON session (token_hash);
CREATE INDEX session_person ON session (person, started_at);
CREATE INDEX session_idle ON session (idle_until);

CREATE TABLE rate_bucket (
    bucket_key TEXT COLLATE "C" NOT NULL,
    slot       TIMESTAMPTZ NOT NULL,
    hits       BIGINT NOT NULL CHECK (hits > 0),
    dies_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket_key, slot)
);
CREATE INDEX rate_bucket_dies ON rate_bucket (dies_at);

CREATE TABLE platform_role (
    person     TEXT COLLATE "C" NOT NULL REFERENCES person (id),
    role       TEXT COLLATE "C" NOT NULL CHECK (role IN ('admin', 'auditor')),
    from_at    TIMESTAMPTZ NOT NULL,
    until_at   TIMESTAMPTZ,
    granted_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (person, role, from_at)
);

CREATE TABLE audit_event (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at         TIMESTAMPTZ NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL CHECK (actor_kind IN ('anonymous', 'person', 'operator', 'system')),
    actor      TEXT COLLATE "C",
    session    TEXT COLLATE "C",
    door       TEXT COLLATE "C" NOT NULL CHECK (door IN ('portal', 'api', 'cli', 'scim', 'job', 'oidc', 'gateway')),
    action     TEXT COLLATE "C" NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,
    member     TEXT COLLATE "C",
    reason     TEXT COLLATE "C" NOT NULL,
    detail     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_event_member ON audit_event (member, id);
CREATE INDEX audit_event_actor ON audit_event (actor, id);
CREATE INDEX audit_event_object ON audit_event (object, id);
