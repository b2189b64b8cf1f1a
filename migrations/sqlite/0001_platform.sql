-- +goose Up
CREATE TABLE instance (
    name       TEXT NOT NULL PRIMARY KEY,
    value      TEXT NOT NULL,
    changed_at TEXT NOT NULL CHECK (length(changed_at) = 27)
) STRICT;

CREATE TABLE change (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    topic       TEXT NOT NULL,
    changed_key TEXT NOT NULL,
    at          TEXT NOT NULL CHECK (length(at) = 27)
) STRICT;
CREATE INDEX change_at ON change (at);

CREATE TABLE node (
    id         TEXT NOT NULL PRIMARY KEY,
    version    TEXT NOT NULL,
    started_at TEXT NOT NULL CHECK (length(started_at) = 27),
    seen_at    TEXT NOT NULL CHECK (length(seen_at) = 27)
) STRICT;

CREATE TABLE duty (
    name       TEXT NOT NULL PRIMARY KEY,
    holder     TEXT NOT NULL,
    until      TEXT NOT NULL CHECK (length(until) = 27)
) STRICT;

CREATE TABLE job (
    id          TEXT NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL,
    job_key     TEXT,
    queue       TEXT NOT NULL,
    args        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('ready', 'running', 'done', 'parked')),
    run_at      TEXT NOT NULL CHECK (length(run_at) = 27),
    tries       INTEGER NOT NULL,
    leased_by   TEXT,
    lease_until TEXT CHECK (length(lease_until) = 27),
    last_error  TEXT,
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27),
    finished_at TEXT CHECK (length(finished_at) = 27)
) STRICT;
CREATE INDEX job_due ON job (queue, state, run_at);
CREATE UNIQUE INDEX job_once ON job (kind, job_key) WHERE state IN ('ready', 'running');

CREATE TABLE mail (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    locale     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    body_text  TEXT NOT NULL,
    body_html  TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    sent_at    TEXT CHECK (length(sent_at) = 27)
) STRICT;
CREATE INDEX mail_created ON mail (created_at);
