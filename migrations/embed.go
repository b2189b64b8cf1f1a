// SPDX-License-Identifier: AGPL-3.0-or-later

// Package migrations holds the schema as forward-only SQL, the same numbers and names for both
// engines. A merged file is never edited.
package migrations

import "embed"

// Files holds sqlite/NNNN_name.sql and postgres/NNNN_name.sql.
//
//go:embed sqlite/*.sql postgres/*.sql
var Files embed.FS
