-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
CREATE TABLE instance (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value      TEXT COLLATE "C" NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE change (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       TEXT COLLATE "C" NOT NULL,
    changed_key TEXT COLLATE "C" NOT NULL,
    at          TIMESTAMPTZ NOT NULL
);
CREATE INDEX change_at ON change (at);

CREATE TABLE node (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version    TEXT COLLATE "C" NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL
);

CREATE TABLE duty (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL,
    until      TIMESTAMPTZ NOT NULL
);

-- run_at is when to look at the job again: the next try while it is ready, the end of the lease
-- while it runs. finished_at is set when it is done or parked.
CREATE TABLE job (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind        TEXT COLLATE "C" NOT NULL,
    job_key     TEXT COLLATE "C",
    queue       TEXT COLLATE "C" NOT NULL,
    args        TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('ready', 'running', 'done', 'parked')),
    run_at      TIMESTAMPTZ NOT NULL,
    tries       BIGINT NOT NULL,
    leased_by   TEXT COLLATE "C",
    last_error  TEXT COLLATE "C",
    created_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE INDEX job_due ON job (run_at) WHERE state IN ('ready', 'running');
CREATE UNIQUE INDEX job_once ON job (kind, job_key) WHERE state = 'ready';
CREATE INDEX job_alone ON job (kind, job_key) WHERE state = 'running';
CREATE INDEX job_finished ON job (state, finished_at);

CREATE TABLE mail (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL,
    recipient  TEXT COLLATE "C" NOT NULL,
    locale     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    body_text  TEXT COLLATE "C" NOT NULL,
    body_html  TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    created_at TIMESTAMPTZ NOT NULL,
    sent_at    TIMESTAMPTZ
);
CREATE INDEX mail_created ON mail (created_at);
