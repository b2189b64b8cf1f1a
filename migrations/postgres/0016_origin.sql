-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- Which tenant of another load balancer a connection was taken over from, and whether that one's running meetings are taken over too.
ALTER TABLE connection ADD COLUMN origin TEXT COLLATE "C";
ALTER TABLE connection ADD COLUMN adopts BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX connection_origin ON connection (origin);

-- The meeting was begun by another load balancer: its server_key is that one's, and may be given again by it.
ALTER TABLE conference ADD COLUMN adopted BOOLEAN NOT NULL DEFAULT FALSE;
