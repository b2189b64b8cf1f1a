-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- A Greenlight that serves many members asks with this secret which endpoint belongs to a name.
CREATE TABLE container (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member     TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    name       TEXT COLLATE "C" NOT NULL,
    sealed     TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX container_name ON container (name);
CREATE INDEX container_member ON container (member);
