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
    lease_until TIMESTAMPTZ,
    last_error  TEXT COLLATE "C",
    created_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE INDEX job_due ON job (queue, state, run_at);
CREATE UNIQUE INDEX job_once ON job (kind, job_key) WHERE state IN ('ready', 'running');

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
