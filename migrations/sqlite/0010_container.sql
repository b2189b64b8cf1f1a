-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- A Greenlight that serves many members asks with this secret which endpoint belongs to a name.
CREATE TABLE container (
    id         TEXT NOT NULL PRIMARY KEY,
    member     TEXT NOT NULL REFERENCES member (id),
    name       TEXT NOT NULL,
    sealed     TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (length(created_at) = 27),
    revoked_at TEXT CHECK (length(revoked_at) = 27)
) STRICT;
CREATE UNIQUE INDEX container_name ON container (name);
CREATE INDEX container_member ON container (member);
