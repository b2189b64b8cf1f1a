// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

var statement = regexp.MustCompile(`(?s)^\s*(SELECT\s.*\S|INSERT\s+INTO\s|UPDATE\s+[a-z_]+\s+SET\s|DELETE\s+FROM\s|WITH\s+[a-z_]+(\s*\([^)]*\))?\s+AS\s|CREATE\s+(TABLE|INDEX|UNIQUE)\s|ALTER\s+TABLE\s|DROP\s+TABLE\s|PRAGMA\s|LOCK\s+TABLE\s)`)

// fragment finds pieces out of which a statement is put together.
var fragment = regexp.MustCompile(`\b(WHERE|ORDER BY|GROUP BY|LEFT JOIN|ON CONFLICT|RETURNING|VALUES \()`)

// TestSQLStaysInItsFiles finds statements outside sql.go and sql_<noun>.go. The store is exempt: it is the
// database handle, and opens, locks and migrates.
func TestSQLStaysInItsFiles(t *testing.T) {
	for _, s := range sources(t) {
		base := path.Base(s.name)
		if strings.HasPrefix(s.name, "internal/store/") || base == "sql.go" || strings.HasPrefix(base, "sql_") {
			continue
		}
		s.literals(func(lit *ast.BasicLit, value string) {
			if statement.MatchString(value) || fragment.MatchString(value) {
				t.Errorf("%s: SQL outside sql.go: %.60q", s.at(lit), value)
			}
		})
	}
}

// sharedTextTaboo is what one of the two databases does not know, or means differently.
var sharedTextTaboo = regexp.MustCompile(`(?i)\b(ILIKE|now\(\)|datetime\(|strftime\(|SELECT \*|CURRENT_TIMESTAMP|jsonb?_|ARRAY\[|::[a-z]+)`)

func TestSharedSQLIsCommonGround(t *testing.T) {
	for _, s := range sources(t) {
		base := path.Base(s.name)
		if base != "sql.go" && !strings.HasPrefix(base, "sql_") {
			continue
		}
		s.literals(func(lit *ast.BasicLit, value string) {
			if found := sharedTextTaboo.FindString(value); found != "" {
				t.Errorf("%s: %q is not common to SQLite and PostgreSQL", s.at(lit), found)
			}
		})
	}
}

func TestStatementsAreRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT id FROM room WHERE id = $1":              true,
		"\n\t\tINSERT INTO room (id) VALUES ($1)":        true,
		"UPDATE room SET name = $1":                      true,
		"DELETE FROM room":                               true,
		"WITH used AS (SELECT 1)":                        true,
		" WHERE archived_at IS NULL ORDER BY name":       true,
		"Select all 212":                                 false,
		"Update the room":                                false,
		"with a room":                                    false,
		"insert":                                         false,
		"the meeting was deleted from the list of rooms": false,
	} {
		if got := statement.MatchString(text) || fragment.MatchString(text); got != want {
			t.Errorf("%q recognised as SQL: %v", text, got)
		}
	}
}
