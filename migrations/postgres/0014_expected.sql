-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- What placement weighs beside the counts of meetings and people: how many are thought to come to a meeting, and for each server what its
-- last list showed of voice, cameras, breakout rooms and meetings that are not ours, in load units.
ALTER TABLE meeting ADD COLUMN expected BIGINT NOT NULL DEFAULT 0 CHECK (expected >= 0);
ALTER TABLE server ADD COLUMN extra_units BIGINT NOT NULL DEFAULT 0 CHECK (extra_units >= 0);
CREATE INDEX meeting_external ON meeting (connection, external_id, started_at);
