-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
CREATE TABLE person (
    id             TEXT NOT NULL PRIMARY KEY,
    subject        TEXT NOT NULL,
    name           TEXT NOT NULL,
    locale         TEXT NOT NULL,
    zone           TEXT NOT NULL,
    theme          TEXT NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    status         TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'erased')),
    created_at     TEXT NOT NULL CHECK (length(created_at) = 27),
    last_active_on TEXT CHECK (length(last_active_on) = 10)
) STRICT;
CREATE UNIQUE INDEX person_subject ON person (subject);

CREATE TABLE person_email (
    id          TEXT NOT NULL PRIMARY KEY,
    person      TEXT NOT NULL REFERENCES person (id),
    address     TEXT NOT NULL,
    address_key TEXT NOT NULL,
    verified_at TEXT NOT NULL CHECK (length(verified_at) = 27),
    is_primary  INTEGER NOT NULL CHECK (is_primary IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX person_email_key ON person_email (address_key);
CREATE UNIQUE INDEX person_email_primary ON person_email (person) WHERE is_primary;
CREATE INDEX person_email_person ON person_email (person);

CREATE TABLE challenge (
    id           TEXT NOT NULL PRIMARY KEY,
    purpose      TEXT NOT NULL CHECK (purpose IN ('signup', 'signin', 'add_address', 'invite', 'step_up', 'recover', 'erase')),
    address      TEXT NOT NULL,
    address_key  TEXT NOT NULL,
    token_hash   TEXT,
    code_mac     TEXT,
    browser_hash TEXT,
    tries        INTEGER NOT NULL CHECK (tries BETWEEN 0 AND 5),
    locale       TEXT NOT NULL,
    next         TEXT NOT NULL,
    data         TEXT NOT NULL,
    created_at   TEXT NOT NULL CHECK (length(created_at) = 27),
    mailed_at    TEXT CHECK (length(mailed_at) = 27),
    expires_at   TEXT NOT NULL CHECK (length(expires_at) = 27),
    consumed_at  TEXT CHECK (length(consumed_at) = 27)
) STRICT;
CREATE UNIQUE INDEX challenge_token ON challenge (token_hash);
CREATE INDEX challenge_expires ON challenge (expires_at);

CREATE TABLE session (
    id           TEXT NOT NULL PRIMARY KEY,
    token_hash   TEXT NOT NULL,
    person       TEXT NOT NULL REFERENCES person (id),
    method       TEXT NOT NULL CHECK (method IN ('link', 'code', 'operator', 'invite', 'passkey', 'password', 'idp')),
    browser_hash TEXT,
    device       TEXT NOT NULL,
    started_at   TEXT NOT NULL CHECK (length(started_at) = 27),
    seen_at      TEXT NOT NULL CHECK (length(seen_at) = 27),
    idle_until   TEXT NOT NULL CHECK (length(idle_until) = 27),
    ends_at      TEXT NOT NULL CHECK (length(ends_at) = 27),
    revoked_at   TEXT CHECK (length(revoked_at) = 27),
    why          TEXT
) STRICT;
CREATE UNIQUE INDEX session_token ON session (token_hash);
CREATE INDEX session_person ON session (person, started_at);
CREATE INDEX session_idle ON session (idle_until);

CREATE TABLE rate_bucket (
    bucket_key TEXT NOT NULL,
    slot       TEXT NOT NULL CHECK (length(slot) = 27),
    hits       INTEGER NOT NULL CHECK (hits > 0),
    dies_at    TEXT NOT NULL CHECK (length(dies_at) = 27),
    PRIMARY KEY (bucket_key, slot)
) STRICT;
CREATE INDEX rate_bucket_dies ON rate_bucket (dies_at);

CREATE TABLE platform_role (
    person     TEXT NOT NULL REFERENCES person (id),
    role       TEXT NOT NULL CHECK (role IN ('admin', 'auditor')),
    from_at    TEXT NOT NULL CHECK (length(from_at) = 27),
    until_at   TEXT CHECK (length(until_at) = 27),
    granted_by TEXT NOT NULL,
    PRIMARY KEY (person, role, from_at)
) STRICT;

CREATE TABLE audit_event (
    id         TEXT NOT NULL PRIMARY KEY,
    at         TEXT NOT NULL CHECK (length(at) = 27),
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('anonymous', 'person', 'operator', 'system')),
    actor      TEXT,
    session    TEXT,
    door       TEXT NOT NULL CHECK (door IN ('portal', 'api', 'cli', 'scim', 'job', 'oidc', 'gateway')),
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    member     TEXT,
    reason     TEXT NOT NULL,
    detail     TEXT NOT NULL
) STRICT;
CREATE INDEX audit_event_member ON audit_event (member, id);
CREATE INDEX audit_event_actor ON audit_event (actor, id);
CREATE INDEX audit_event_object ON audit_event (object, id);
