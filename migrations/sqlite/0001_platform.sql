-- SPDX-License-Identifier: AGPL-3.0-or-later
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

-- run_at is when to look at the job again: the next try while it is ready, the end of the lease
-- while it runs. finished_at is set when it is done or parked.
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
    last_error  TEXT,
    created_at  TEXT NOT NULL CHECK (length(created_at) = 27),
    finished_at TEXT CHECK (length(finished_at) = 27)
) STRICT;
CREATE INDEX job_due ON job (run_at) WHERE state IN ('ready', 'running');
CREATE UNIQUE INDEX job_once ON job (kind, job_key) WHERE state = 'ready';
CREATE INDEX job_alone ON job (kind, job_key) WHERE state = 'running';
CREATE INDEX job_finished ON job (state, finished_at);

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
