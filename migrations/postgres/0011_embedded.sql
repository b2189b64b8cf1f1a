-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Meetings of API clients on an embedded engine: their connection, and what a room would have said. Their place at the door goes by
-- the id of the meeting, so room of live_waiting is no longer always a room.
ALTER TABLE live_meeting ADD COLUMN connection TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN external_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN asked TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN title TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_meeting ADD COLUMN leave_url TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_participant ADD COLUMN sent_as TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE live_waiting DROP CONSTRAINT live_waiting_room_fkey;
ALTER TABLE live_waiting ADD COLUMN sent_as TEXT COLLATE "C" NOT NULL DEFAULT '';
