-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- The limits in force are long and rarely change; the counters beside them change with every person. Apart, a batch of joins of
-- many members writes less.
CREATE TABLE member_limits (
    member TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member_usage (member),
    limits TEXT COLLATE "C" NOT NULL
);
INSERT INTO member_limits SELECT member, limits FROM member_usage WHERE limits <> '';
ALTER TABLE member_usage DROP COLUMN limits;
