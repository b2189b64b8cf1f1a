// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"meetcoop/internal/locale"
	"meetcoop/locales"
)

var loaded = sync.OnceValues(func() (*locale.Catalog, error) { return locale.Load(locales.FS) })

func catalog(t *testing.T) *locale.Catalog {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// neededForms are the plural forms of each language (CLDR 48, cardinal rules).
var neededForms = map[locale.Tag][]string{
	locale.English: {"one", "other"}, locale.German: {"one", "other"}, locale.Dutch: {"one", "other"}, locale.Swedish: {"one", "other"},
	locale.Catalan: {"many", "one", "other"}, locale.Spanish: {"many", "one", "other"}, locale.French: {"many", "one", "other"},
}

var hole = regexp.MustCompile(`\{\{\.[A-Za-z0-9]+\}\}`)

// holes returns the placeholders of all forms together, sorted.
func holes(forms map[string]string) []string {
	set := map[string]bool{}
	for _, text := range forms {
		for _, h := range hole.FindAllString(text, -1) {
			set[h] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func TestEveryLanguageSaysTheSame(t *testing.T) {
	c := catalog(t)
	english := c.Section(locale.English, "")
	for _, tag := range locale.Supported {
		t.Run(string(tag), func(t *testing.T) {
			own := c.Section(tag, "")
			for key := range own {
				if english[key] == nil {
					t.Errorf("%s exists here and not in English", key)
				}
			}
			for key, forms := range english {
				said := own[key]
				switch {
				case said == nil:
					t.Errorf("%s is missing", key)
					continue
				case len(forms) == 1 && len(said) > 1:
					t.Errorf("%s has plural forms here and not in English", key)
				case len(forms) > 1 && !slices.Equal(slices.Sorted(maps.Keys(said)), neededForms[tag]):
					t.Errorf("%s has the plural forms %v, wants %v", key, slices.Sorted(maps.Keys(said)), neededForms[tag])
				}
				if got, want := holes(said), holes(forms); !slices.Equal(got, want) {
					t.Errorf("%s has the placeholders %v, English has %v", key, got, want)
				}
				if got, want := holes(map[string]string{"": said["other"]}), holes(forms); !slices.Equal(got, want) {
					t.Errorf("%s: the form other has the placeholders %v, wants %v", key, got, want)
				}
			}
		})
	}
}

func TestTextsAreTyped(t *testing.T) {
	c := catalog(t)
	for _, tag := range locale.Supported {
		for key, forms := range c.Section(tag, "") {
			for form, text := range forms {
				for fault, re := range map[string]*regexp.Regexp{
					"three dots instead of …":            regexp.MustCompile(`\.\.\.`),
					"a straight apostrophe instead of ’": regexp.MustCompile(`\pL'\pL`),
					"space at an end, or two spaces":     regexp.MustCompile(`^\s|\s$|  `),
					"markup":                             regexp.MustCompile(`<[a-z/]`),
				} {
					if re.MatchString(text) {
						t.Errorf("%s %s (%s): %s: %q", tag, key, form, fault, text)
					}
				}
			}
		}
	}
}

// sameAsEnglish are texts that another language writes like English, and rightly so: file testdata/same_as_english.txt, lines
// "key language...", or "prefix* " for all languages.
func sameAsEnglish(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range strings.Lines(read(t, "internal/arch/testdata/same_as_english.txt")) {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 0 {
			out[words[0]] = append(out[words[0]], words[1:]...)
		}
	}
	return out
}

func TestNothingIsLeftInEnglish(t *testing.T) {
	c := catalog(t)
	allowed := sameAsEnglish(t)
	used := map[string]bool{}
	letters := regexp.MustCompile(`\pL{2}`)
	english := c.Section(locale.English, "")
	for _, tag := range locale.Supported[1:] {
		for key, forms := range c.Section(tag, "") {
			text := forms["other"]
			if text != english[key]["other"] || !letters.MatchString(hole.ReplaceAllString(text, "")) {
				continue
			}
			entry := ""
			for name, tags := range allowed {
				prefix, all := strings.CutSuffix(name, "*")
				if all && strings.HasPrefix(key, prefix) || name == key && slices.Contains(tags, string(tag)) {
					entry = name
				}
			}
			if entry == "" {
				t.Errorf("%s %s is the English text: %q", tag, key, text)
				continue
			}
			used[entry] = true
			used[entry+" "+string(tag)] = true
		}
	}
	for name, tags := range allowed {
		if !used[name] {
			t.Errorf("testdata/same_as_english.txt: %s is not needed", name)
		}
		for _, tag := range tags {
			if !used[name+" "+tag] {
				t.Errorf("testdata/same_as_english.txt: %s %s is not needed", name, tag)
			}
		}
	}
}

// words are the pieces of text in which the sources name keys.
type words struct {
	exact    map[string]string // a literal, and where
	prefixes map[string]string // "rooms.state." of "rooms.state." + state
	suffixes map[string]string // "_any" of key + "_any"
	spoken   map[string]string // the argument of a call that speaks: it must be a key
}

var (
	prefixForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*\.([a-z0-9_]+\.)*$`)
	suffixForm  = regexp.MustCompile(`^[_.][a-z0-9_.]+$`)
	inTemplate  = regexp.MustCompile("[\"`]([a-z][a-z0-9_]*(?:\\.[a-z0-9_-]+)*\\.?)[\"`]")
	templateSay = regexp.MustCompile("(?:\\.T|\\.N|\\bt|\\bn)\\s+[\"`]([^\"`]+)[\"`]")
	inScript    = regexp.MustCompile("[\"'`]([a-z][a-z0-9_]*(?:\\.[a-z0-9_-]+)*\\.?)(?:[\"'`]|\\$\\{)")
	scriptSay   = regexp.MustCompile("\\bt\\(\\s*[\"']([^\"']+)[\"']")
)

func namedKeys(t *testing.T) words {
	t.Helper()
	w := words{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}}
	note := func(value, at string) {
		if prefixForm.MatchString(value) {
			w.prefixes[value] = at
		} else if suffixForm.MatchString(value) {
			w.suffixes[value] = at
		} else if codeForm.MatchString(value) {
			w.exact[value] = at
		}
	}
	for _, s := range sources(t) {
		s.literals(func(lit *ast.BasicLit, value string) { note(value, s.at(lit)) })
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && (sel.Sel.Name == "T" || sel.Sel.Name == "N") {
				if v, ok := text(call.Args[0]); ok {
					w.spoken[v] = s.at(call)
				}
			}
			return true
		})
	}
	for pattern, res := range map[string][2]*regexp.Regexp{
		`^internal/.*\.(html|txt|tmpl)$`: {inTemplate, templateSay},
		`^assets/src/.*\.ts$`:            {inScript, scriptSay},
	} {
		for _, name := range files(t, pattern) {
			if strings.Contains(name, "/testdata/") {
				continue
			}
			for i, line := range strings.Split(read(t, name), "\n") {
				at := fmt.Sprintf("%s:%d", name, i+1)
				for _, m := range res[0].FindAllStringSubmatch(line, -1) {
					note(m[1], at)
				}
				for _, m := range res[1].FindAllStringSubmatch(line, -1) {
					w.spoken[m[1]] = at
				}
			}
		}
	}
	delete(w.prefixes, "fault.") // every fault has its code somewhere; see below
	return w
}

func TestEveryTextIsUsed(t *testing.T) {
	w := namedKeys(t)
	codes := faultCodes(t)
	for _, key := range catalog(t).Keys(locale.English) {
		if _, ok := w.exact[key]; ok {
			continue
		}
		if code, ok := strings.CutPrefix(key, "fault."); ok {
			if _, ok := codes[code]; ok {
				continue
			}
			if _, ok := w.exact[code]; ok {
				continue
			}
		}
		begun := slices.ContainsFunc(slices.Collect(maps.Keys(w.prefixes)), func(p string) bool { return strings.HasPrefix(key, p) })
		ended := slices.ContainsFunc(slices.Collect(maps.Keys(w.suffixes)), func(end string) bool {
			stem, ok := strings.CutSuffix(key, end)
			return ok && w.exact[stem] != ""
		})
		if !begun && !ended {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

func TestEverySpokenTextExists(t *testing.T) {
	c := catalog(t)
	for key, at := range namedKeys(t).spoken {
		if codeForm.MatchString(key) && !c.Has(locale.English, key) {
			t.Errorf("%s: %s is no key", at, key)
		}
	}
}
