-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- SQLite alone words its conditions anew.
SELECT 1;
