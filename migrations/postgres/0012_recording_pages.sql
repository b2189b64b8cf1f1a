-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Whether the level knew no age limit when a recording was last looked at: a limit that comes later gives 30 days' notice.
ALTER TABLE recording ADD COLUMN kept_forever BOOLEAN NOT NULL DEFAULT FALSE;
-- What people are still to be told of it by letter: that it will be removed, or that it will be sooner than it was said.
ALTER TABLE recording ADD COLUMN announce TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (announce IN ('', 'expires', 'shortened'));
CREATE INDEX recording_announce ON recording (member) WHERE announce <> '';

-- What servers were not let into quarantine, for operators: one row for each server, until there is room again.
CREATE TABLE quarantine_refusal (
    server    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES server (id),
    recording TEXT COLLATE "C" NOT NULL,
    bound     TEXT COLLATE "C" NOT NULL CHECK (bound IN ('recordings', 'bytes')),
    times     BIGINT NOT NULL CHECK (times > 0),
    first_at  TIMESTAMPTZ NOT NULL,
    last_at   TIMESTAMPTZ NOT NULL
);
