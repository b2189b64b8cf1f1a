// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/money"
	"meetcoop/locales"
)

func load(t *testing.T, files map[string]string) *locale.Catalog {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := locale.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var rooms = map[string]string{
	"rooms.en.json": `{
		"rooms.title": "Rooms",
		"rooms.left": {"one": "{{.Count}} room left in {{.Name}}", "other": "{{.Count}} rooms left in {{.Name}}"},
		"rooms.since": "{{.Name}} since {{.Since}}: {{.Paid}}, {{.Long}}, {{.Who}}, {{.Day}}",
		"fault.rooms.limit": {"one": "You have {{.Limit}} room.", "other": "You have {{.Limit}} rooms."},
		"fault.internal": "Something went wrong."
	}`,
	"rooms.fr.json": `{
		"rooms.title": "Salles",
		"rooms.left": {"one": "{{.Count}} salle libre chez {{.Name}}", "many": "{{.Count}} de salles libres chez {{.Name}}", "other": "{{.Count}} salles libres chez {{.Name}}"}
	}`,
	"words.ca.json": `{"rooms.title": "Sales"}`,
}

func TestTextsOfTheRealFilesLoad(t *testing.T) {
	c, err := locale.Load(locales.FS)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Strict().Printer(locale.Swedish, nil).T("language.ca"); got != "Català" {
		t.Errorf("language.ca in Swedish = %q", got)
	}
}

func TestPluralFormsFollowTheLanguage(t *testing.T) {
	c := load(t, rooms).Strict()
	for _, tc := range []struct {
		tag  locale.Tag
		n    int
		want string
	}{
		{locale.English, 0, "0 rooms left in Ca la Dona"},
		{locale.English, 1, "1 room left in Ca la Dona"},
		{locale.English, 1234, "1,234 rooms left in Ca la Dona"},
		{locale.French, 0, "0 salle libre chez Ca la Dona"}, // one covers zero in French
		{locale.French, 2, "2 salles libres chez Ca la Dona"},
		{locale.French, 1_000_000, "1\u202f000\u202f000 de salles libres chez Ca la Dona"},
	} {
		got := c.Printer(tc.tag, nil).N("rooms.left", tc.n, map[string]any{"Name": "Ca la Dona"})
		if got != tc.want {
			t.Errorf("%s %d: %q, want %q", tc.tag, tc.n, got, tc.want)
		}
	}
}

func TestParametersAreWrittenInTheLanguageAndZone(t *testing.T) {
	p := load(t, rooms).Strict().Printer(locale.English, zone(t, "Europe/Madrid"))
	got := p.T("rooms.since", map[string]any{
		"Name":  "<b>",
		"Since": instant.Of(time.Date(2027, 1, 12, 23, 30, 0, 0, time.UTC)),
		"Paid":  money.Amount{Minor: 123450, Currency: money.EUR},
		"Long":  90 * time.Minute,
		"Who":   []string{"Ada", "Bo", "Cleo"},
		"Day":   instant.NewDate(2027, 2, 28),
	})
	want := "<b> since 13 January 2027 at 00:30: €1,234.50, 1 hour, 30 minutes, Ada, Bo and Cleo, 28 February 2027"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFaultsAreToldWithoutTheirCause(t *testing.T) {
	p := load(t, rooms).Strict().Printer(locale.English, nil)
	limit := fault.Wrap(errors.New("secret"), fault.LimitReached, "rooms.limit", fault.Params{"Limit": 1})
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{limit, "You have 1 room."},
		{errors.New("secret"), "Something went wrong."},
	} {
		if got := p.Fault(tc.err); got != tc.want {
			t.Errorf("Fault(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
	if got := p.Field(fault.Field{Name: "name", Code: "rooms.limit", Params: fault.Params{"Limit": 2}}); got != "You have 2 rooms." {
		t.Errorf("Field = %q", got)
	}
}

func TestAMissingKeyPanicsInTestsAndFallsBackForPeople(t *testing.T) {
	c := load(t, rooms)
	p := c.Printer(locale.Catalan, nil)
	if got := p.N("rooms.left", 2, map[string]any{"Name": "X"}); got != "2 rooms left in X" {
		t.Errorf("key of English only = %q", got)
	}
	if got := p.T("rooms.nowhere"); got != "rooms.nowhere" {
		t.Errorf("key of no language = %q", got)
	}
	if got := c.Printer(locale.English, nil).N("rooms.left", 2); got != "2 rooms left in …" {
		t.Errorf("missing parameter = %q", got)
	}
	strict := c.Strict()
	for name, speak := range map[string]func(){
		"a missing key":            func() { strict.Printer(locale.English, nil).T("rooms.nowhere") },
		"a key missing in Catalan": func() { strict.Printer(locale.Catalan, nil).T("rooms.left") },
		"a missing parameter":      func() { strict.Printer(locale.English, nil).N("rooms.left", 2) },
		"a missing count":          func() { strict.Printer(locale.English, nil).T("rooms.left", map[string]any{"Name": "X"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			speak()
		})
	}
}

func TestUnreadableFilesAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ file, text, want string }{
		"no language":        {"rooms.json", `{}`, "name is not"},
		"unknown language":   {"rooms.it.json", `{}`, "name is not"},
		"not an object":      {"rooms.en.json", `[]`, "not a JSON object"},
		"cut off":            {"rooms.en.json", `{"a": "b"`, "rooms.en.json"},
		"something behind":   {"rooms.en.json", `{"a": "b"} {}`, "something follows"},
		"twice":              {"rooms.en.json", `{"a": "b", "a": "c"}`, `key "a" twice`},
		"in two files":       {"rooms.fr.json", `{"common.yes": "Oui"}`, "in another file too"},
		"a number":           {"rooms.en.json", `{"a": 1}`, "neither a text"},
		"empty":              {"rooms.en.json", `{"a": ""}`, "no text"},
		"no other":           {"rooms.en.json", `{"a": {"one": "x"}}`, "no text"},
		"unknown form":       {"rooms.en.json", `{"a": {"few": "x", "other": "y"}}`, "unknown plural form"},
		"logic in a text":    {"rooms.en.json", `{"a": "{{if .X}}b{{end}}"}`, "braces"},
		"half a placeholder": {"rooms.en.json", `{"a": "{{.X}"}`, "braces"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := locale.Load(fstest.MapFS{
				"base.fr.json": {Data: []byte(`{"common.yes": "Oui"}`)},
				tc.file:        {Data: []byte(tc.text)},
			})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.file) {
				t.Errorf("error %v, want %q and the file's name", err, tc.want)
			}
		})
	}
}

func TestTheFirstLanguageWeKnowWins(t *testing.T) {
	for name, tc := range map[string]struct {
		account, cookie, query, header, member string
		want                                   locale.Tag
	}{
		"nothing known is English":             {"", "", "", "", "", locale.English},
		"the account is first":                 {"sv", "ca", "de", "fr", "nl", locale.Swedish},
		"then the cookie":                      {"", "ca", "de", "fr", "nl", locale.Catalan},
		"then the query":                       {"", "", "de", "fr", "nl", locale.German},
		"then the browser":                     {"", "", "", "fr", "nl", locale.French},
		"then the member":                      {"", "", "", "", "nl", locale.Dutch},
		"an unknown cookie counts for nothing": {"", "tlh", "", "fr", "", locale.French},
		"regions belong to their language":     {"", "", "", "ca-ES-valencia, es;q=0.5", "", locale.Catalan},
		"the browser's qualities count":        {"", "", "", "es;q=0.3, it, nl-BE;q=0.8", "", locale.Dutch},
		"a language we lack is passed over":    {"", "", "", "it-IT, pt;q=0.9", "de", locale.German},
		"nonsense is passed over":              {"../../etc", "", "ca\x00", ";;;q=", "xx", locale.English},
		"an endless header is passed over":     {"", "", "", "fr," + strings.Repeat("a,", 600), "de", locale.German},
		"underscores are read":                 {"de_AT", "", "", "", "", locale.German},
		"the pseudo language is no choice":     {"en-XA", "", "", "", "", locale.English},
	} {
		t.Run(name, func(t *testing.T) {
			if got := locale.Match(tc.account, tc.cookie, tc.query, tc.header, tc.member); got != tc.want {
				t.Errorf("Match = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestThePseudoLanguageGrowsAndKeepsPlaceholders(t *testing.T) {
	p := load(t, rooms).Strict().Printer(locale.Pseudo, nil)
	got := p.N("rooms.left", 2, map[string]any{"Name": "Ca la Dona"})
	if !strings.HasPrefix(got, "[2 rööm") || !strings.HasSuffix(got, "]") || !strings.Contains(got, "Ca la Dona") {
		t.Errorf("pseudo = %q", got)
	}
	if english := "2 rooms left in Ca la Dona"; len([]rune(got)) < len(english)*14/10 {
		t.Errorf("pseudo %q is not 40 %% longer than %q", got, english)
	}
}

func TestASectionIsWhatThePageNeeds(t *testing.T) {
	c := load(t, rooms)
	got := c.Section(locale.French, "rooms.")
	if len(got) != 2 || got["rooms.title"]["other"] != "Salles" || got["rooms.left"]["many"] == "" {
		t.Errorf("section = %v", got)
	}
	got["rooms.title"]["other"] = "changed"
	if c.Printer(locale.French, nil).T("rooms.title") != "Salles" {
		t.Error("a section shares memory with its catalog")
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func BenchmarkText(b *testing.B) {
	c, err := locale.Load(locales.FS)
	if err != nil {
		b.Fatal(err)
	}
	p := c.Printer(locale.Catalan, nil)
	for b.Loop() {
		_ = p.T("fault.store.schema_newer", map[string]any{"Have": 3, "Want": 2})
	}
}

func TestSizesAreWrittenInThousands(t *testing.T) {
	c := load(t, rooms)
	for n, want := range map[int64]string{
		0: "0\u00a0kB", 1: "0.1\u00a0kB", 940: "0.9\u00a0kB", 1000: "1\u00a0kB", 1234: "1.2\u00a0kB", 9940: "9.9\u00a0kB", 9960: "10\u00a0kB", 999_400: "999\u00a0kB", 999_600: "1\u00a0MB", 20_000_000_000: "20\u00a0GB", 1_250_000_000_000: "1.3\u00a0TB", -5: "0\u00a0kB",
		1 << 62: "4,612\u00a0PB",
	} {
		if got := c.Printer(locale.English, nil).Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for tag, want := range map[locale.Tag]string{locale.French: "1,2\u00a0Go", locale.German: "1,2\u00a0GB", locale.Swedish: "1,2\u00a0GB"} {
		if got := c.Printer(tag, nil).Bytes(1_234_567_890); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}
