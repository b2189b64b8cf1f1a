-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- An address that an API client wants told of events. Numbers are of one sequence over the instance and never given again.
CREATE TABLE hook (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    connection    TEXT NOT NULL REFERENCES connection (id),
    url           TEXT NOT NULL,
    external_id   TEXT,
    events        TEXT NOT NULL,
    created_at    TEXT NOT NULL CHECK (length(created_at) = 27),
    failing_since TEXT CHECK (length(failing_since) = 27)
) STRICT;
CREATE UNIQUE INDEX hook_url ON hook (connection, url);
