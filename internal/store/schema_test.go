// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

var background = context.Background()

// schema is what both engines must agree on, one sorted line per fact.
type schema []string

func query(t *testing.T, db *store.DB, text string, columns int, args ...any) [][]string {
	t.Helper()
	rows, err := db.Raw().QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // Err below tells
	var out [][]string
	for rows.Next() {
		row, dest := make([]string, columns), make([]any, columns)
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func tables(t *testing.T, db *store.DB) []string {
	t.Helper()
	text := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	if db.Engine() == store.Postgres {
		text = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name COLLATE "C"`
	}
	var out []string
	for _, row := range query(t, db, text, 1) {
		if row[0] != "schema_version" { // goose's own
			out = append(out, row[0])
		}
	}
	return out
}

// class names the meaning of a column's type as house style, section 3, has it. On SQLite instants,
// dates, booleans and enumerations show in the CHECK of the column.
func classSQLite(kind, table, column, create string) string {
	definition := columnDefinition(create, column)
	switch {
	case kind == "TEXT" && strings.Contains(definition, "length("+column+") = 27"):
		return "instant"
	case kind == "TEXT" && strings.Contains(definition, "length("+column+") = 10"):
		return "date"
	case kind == "INTEGER" && regexp.MustCompile(`\b`+column+` IN \(0, ?1\)`).MatchString(definition):
		return "bool"
	case kind == "INTEGER":
		return "int"
	case kind == "TEXT":
		return "text"
	case kind == "BLOB":
		return "bytes"
	}
	return kind + " of " + table
}

var classPostgres = map[string]string{"timestamp with time zone": "instant", "date": "date", "boolean": "bool", "bigint": "int", "text": "text", "bytea": "bytes"}

// columnDefinition cuts a column out of the CREATE TABLE that SQLite keeps; columns added later stand behind the last line.
func columnDefinition(create, column string) string {
	at := regexp.MustCompile(`(^|[\n,(])\s*` + column + `\s`).FindStringIndex(create)
	if at == nil {
		return ""
	}
	rest, depth := create[at[1]:], 0
	for i, r := range rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 || depth == 0 && r == ',' {
			return rest[:i]
		}
	}
	return rest
}

// condition writes a condition the same way whatever engine has printed it: PostgreSQL adds casts and
// parentheses, and writes IN and BETWEEN in other words.
func condition(s string) string {
	for _, c := range []struct{ from, to string }{
		{`::[a-z]+(\[\])?`, ``},
		{`(?i) COLLATE "C"`, ``},
		{`= ANY \(+ARRAY\[([^]]*)\]\)+`, `IN ($1)`},
		{`<> ALL \(+ARRAY\[([^]]*)\]\)+`, `NOT IN ($1)`},
		{`(?i)\b(\w+) BETWEEN (\S+) AND (\S+)`, `$1 >= $2 AND $1 <= $3`},
		{`[()\s]+`, ` `},
		{`\s*,\s*`, `, `},
		{`!=`, `<>`},
	} {
		s = regexp.MustCompile(c.from).ReplaceAllString(s, c.to)
	}
	s = strings.ToLower(strings.TrimSpace(s))
	// The same column compared with one word after the other is a list.
	return regexp.MustCompile(`\w+ = ('[^']*'|\d+)( or \w+ = ('[^']*'|\d+))+`).ReplaceAllStringFunc(s, func(chain string) string {
		var words []string
		var column string
		for _, one := range strings.Split(chain, " or ") {
			name, word, _ := strings.Cut(one, " = ")
			if column != "" && name != column {
				return chain
			}
			column, words = name, append(words, word)
		}
		return column + " in " + strings.Join(words, ", ")
	})
}

func (s *schema) add(format string, args ...any) { *s = append(*s, fmt.Sprintf(format, args...)) }

func sqliteSchema(t *testing.T, db *store.DB) schema {
	t.Helper()
	var s schema
	for _, table := range tables(t, db) {
		create := query(t, db, `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?`, 1, table)[0][0]
		if _, options, _ := strings.Cut(create[strings.LastIndex(create, ")"):], ")"); !strings.Contains(options, "STRICT") {
			t.Errorf("table %s is not STRICT", table)
		}
		var key []string
		for _, c := range query(t, db, `SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY pk`, 4, table) {
			required := c[2] == "1" || c[3] != "0" // INTEGER PRIMARY KEY is never null
			s.add("%s.%s %s required=%v", table, c[0], classSQLite(c[1], table, c[0], create), required)
			if c[3] != "0" {
				key = append(key, c[0])
			}
		}
		s.add("%s key (%s)", table, strings.Join(key, ", "))
		for _, f := range query(t, db, `SELECT id, group_concat("from", ', '), MIN("table"), group_concat(COALESCE("to", ''), ', '), MIN(on_delete)
			FROM (SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq) GROUP BY id`, 5, table) {
			s.add("%s (%s) references %s (%s) on delete %s", table, f[1], f[2], f[3], f[4])
		}
		for _, i := range query(t, db, `SELECT l.name, l."unique", l.origin, COALESCE(m.sql, '') FROM pragma_index_list(?) AS l LEFT JOIN sqlite_master AS m ON m.name = l.name`, 4, table) {
			var columns []string
			for _, c := range query(t, db, `SELECT COALESCE(name, ''), "desc" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno`, 2, i[0]) {
				columns = append(columns, strings.TrimSuffix(c[0]+" desc", map[string]string{"0": " desc", "1": ""}[c[1]]))
			}
			list := strings.Join(columns, ", ")
			switch i[2] {
			case "u":
				s.add("%s unique (%s)", table, list)
			case "c":
				_, where, _ := strings.Cut(i[3], " WHERE ")
				s.add("%s index %s unique=%v (%s) where %s", table, i[0], i[1] == "1", list, condition(where))
			}
		}
		for _, c := range checks(create) {
			s.add("%s check %s", table, c)
		}
	}
	sort.Strings(s)
	return s
}

// checks are the CHECK conditions that both engines state; those by which SQLite imitates a type do not count.
func checks(create string) []string {
	var out []string
	for rest := create; ; {
		i := strings.Index(rest, "CHECK (")
		if i < 0 {
			return out
		}
		rest = rest[i+len("CHECK "):]
		depth, end := 0, 0
		for end = range rest {
			if rest[end] == '(' {
				depth++
			}
			if rest[end] == ')' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		c := condition(rest[:end+1])
		if !regexp.MustCompile(`^length \w+ = (27|10)$|^\w+ in 0, 1$`).MatchString(c) {
			out = append(out, c)
		}
	}
}

func postgresSchema(t *testing.T, db *store.DB) schema {
	t.Helper()
	var s schema
	for _, table := range tables(t, db) {
		for _, c := range query(t, db, `SELECT column_name, data_type, is_nullable, COALESCE(collation_name, '') FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = $1`, 4, table) {
			class, ok := classPostgres[c[1]]
			if !ok {
				class = c[1] + " of " + table
			}
			if class == "text" && c[3] != "C" {
				t.Errorf("%s.%s is text without COLLATE \"C\"", table, c[0])
			}
			s.add("%s.%s %s required=%v", table, c[0], class, c[2] == "NO")
		}
		for _, c := range query(t, db, `SELECT contype, (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(conkey) WITH ORDINALITY AS k (num, n) JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = k.num),
			COALESCE((SELECT relname FROM pg_class WHERE oid = confrelid), ''),
			COALESCE((SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(confkey) WITH ORDINALITY AS k (num, n) JOIN pg_attribute AS a ON a.attrelid = confrelid AND a.attnum = k.num), ''),
			confdeltype, CASE contype WHEN 'c' THEN pg_get_expr(conbin, conrelid) ELSE '' END
			FROM pg_constraint WHERE conrelid = CAST($1 AS regclass)`, 6, table) {
			switch c[0] {
			case "p":
				s.add("%s key (%s)", table, c[1])
			case "u":
				s.add("%s unique (%s)", table, c[1])
			case "f":
				s.add("%s (%s) references %s (%s) on delete %s", table, c[1], c[2], c[3],
					map[string]string{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}[c[4]])
			case "c":
				s.add("%s check %s", table, condition(c[5]))
			}
		}
		for _, i := range query(t, db, `SELECT c.relname, i.indisunique, COALESCE(pg_get_expr(i.indpred, i.indrelid), ''),
			(SELECT string_agg(pg_get_indexdef(i.indexrelid, n, FALSE) || CASE WHEN i.indoption[n - 1] & 1 = 1 THEN ' desc' ELSE '' END, ', ' ORDER BY n) FROM generate_series(1, i.indnkeyatts) AS n)
			FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
			WHERE i.indrelid = CAST($1 AS regclass) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u'))`, 4, table) {
			s.add("%s index %s unique=%v (%s) where %s", table, i[0], i[1] == "true", i[3], condition(i[2]))
		}
	}
	sort.Strings(s)
	return s
}

// The two sets of migrations must make the same database: what one engine forbids, the other must
// forbid too, and no query may be fast on one only.
func TestBothEnginesHaveTheSameSchema(t *testing.T) {
	lite := sqliteSchema(t, storetest.New(t, store.SQLite))
	pg := postgresSchema(t, storetest.New(t, store.Postgres))
	if len(lite) < 40 || !slices.ContainsFunc(lite, func(l string) bool { return strings.Contains(l, "index job_once unique=true") }) {
		t.Fatalf("the test does not see the schema: %d facts", len(lite))
	}
	if diff := cmp.Diff(lite, pg); diff != "" {
		t.Errorf("SQLite and PostgreSQL differ (-sqlite +postgres)\n%s", diff)
	}
}

// SQLite makes a table for a list of more than two, whenever a statement checks the condition (migration 0018).
func TestConditionsHaveNoLongListsOnSQLite(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	for _, row := range query(t, db, `SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL`, 2) {
		if long := regexp.MustCompile(`\w+ (NOT )?IN \([^,()]+,[^,()]+,[^()]+\)`).FindString(row[1]); long != "" {
			t.Errorf("%s: %s", row[0], long)
		}
	}
}

func TestConditionsAreComparedByMeaning(t *testing.T) {
	for lite, pg := range map[string]string{
		"state IN ('ready', 'running')": "(state = ANY (ARRAY['ready'::text, 'running'::text]))",
		"state = 'ready'":               "(state = 'ready'::text)",
		"kind NOT IN ('a', 'b')":        "(kind <> ALL (ARRAY['a'::text, 'b'::text]))",
		"n BETWEEN 0 AND most":          "((n >= 0) AND (n <= most))",
		"ended_at IS NULL":              "(ended_at IS NULL)",
		"a = 'x' OR a = 'y' OR a = 'z'": "(a = ANY (ARRAY['x'::text, 'y'::text, 'z'::text]))",
		"a > 0 AND b <> ''":             "((a > 0) AND (b <> ''::text))",
	} {
		if condition(lite) != condition(pg) {
			t.Errorf("%q and %q: %q, %q", lite, pg, condition(lite), condition(pg))
		}
	}
	if condition("state = 'ready'") == condition("state = 'running'") || condition("a = 'x' OR b = 'y'") == condition("a IN ('x', 'y')") {
		t.Error("different conditions are taken for the same")
	}
}
