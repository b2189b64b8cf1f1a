-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Grows with every change of what servers are or are wanted to be, so that whoever remembers them reads one row instead of all.
CREATE TABLE fleet_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO fleet_version (one, version) VALUES (1, 1);
