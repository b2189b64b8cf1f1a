-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- When what still runs on a server that is emptied is ended; none is when it ends by itself.
ALTER TABLE server ADD COLUMN drain_until TEXT CHECK (length(drain_until) = 27);
