-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- An address that an API client wants told of events. Numbers are of one sequence over the instance and never given again.
CREATE TABLE hook (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection    TEXT COLLATE "C" NOT NULL REFERENCES connection (id),
    url           TEXT COLLATE "C" NOT NULL,
    external_id   TEXT COLLATE "C",
    events        TEXT COLLATE "C" NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    failing_since TIMESTAMPTZ
);
CREATE UNIQUE INDEX hook_url ON hook (connection, url);
