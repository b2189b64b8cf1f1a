-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- When what still runs on a server that is emptied is ended; none is when it ends by itself.
ALTER TABLE server ADD COLUMN drain_until TEXT CHECK (length(drain_until) = 27);

-- Tags that every server of a connection's meetings must carry, and what the events that it is sent are signed with.
ALTER TABLE connection ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE connection ADD COLUMN hook_algorithm TEXT NOT NULL DEFAULT 'sha1' CHECK (hook_algorithm IN ('sha1', 'sha256', 'sha384', 'sha512'));
