// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

const tokensFile = "../../assets/src/css/tokens.css"

var pairForm = regexp.MustCompile(`--([a-z0-9-]+): light-dark\(#([0-9A-Fa-f]{6}), #([0-9A-Fa-f]{6})\);`)

// tokens reads the colours of both themes out of the style sheet.
func tokens(t *testing.T) map[string][2]string {
	t.Helper()
	css, err := os.ReadFile(tokensFile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	for _, m := range pairForm.FindAllStringSubmatch(string(css), -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	return out
}

// contrast is the ratio of WCAG 2.2, definitions of contrast ratio and relative luminance.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	if la < lb {
		la, lb = lb, la
	}
	return (la + 0.05) / (lb + 0.05)
}

func luminance(hex string) float64 {
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		panic(err) // the pattern above lets only hexadecimal digits through
	}
	linear := func(shift uint) float64 {
		c := float64(v>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func TestContrastFormula(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"000000", "FFFFFF", 21}, {"FFFFFF", "FFFFFF", 1}, {"777777", "FFFFFF", 4.48}, {"767676", "FFFFFF", 4.54}} {
		if got := contrast(c.a, c.b); math.Abs(got-c.want) > 0.005 {
			t.Errorf("contrast of %s on %s is %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// TestContrast holds the table of the visual system: what stands on what, and the least ratio.
func TestContrast(t *testing.T) {
	grounds := []string{"canvas", "surface", "sunken"}
	softs := []string{"soft", "ok-soft", "warn-soft", "bad-soft"}
	all := append(append([]string{}, grounds...), softs...)
	rules := []struct {
		fore  string
		backs []string
		least float64
	}{
		{"ink", grounds, 12}, {"ink", softs, 4.5},
		{"ink-2", grounds, 7.4}, {"ink-2", softs, 4.5},
		{"ink-3", grounds, 5.1}, {"ink-3", softs, 4.5},
		{"edge", grounds, 3.6}, {"edge", softs, 3},
		{"accent", all, 4.5}, {"accent-on", []string{"accent"}, 4.5},
		{"ok", []string{"canvas", "surface", "sunken", "ok-soft"}, 4.5},
		{"warn", []string{"canvas", "surface", "sunken", "warn-soft"}, 4.5},
		{"bad", []string{"canvas", "surface", "sunken", "bad-soft"}, 4.5}, {"bad-on", []string{"bad"}, 4.5},
		{"series-1", []string{"surface"}, 4.1}, {"series-2", []string{"surface"}, 4.1}, {"series-3", []string{"surface"}, 4.1},
		{"series-4", []string{"surface"}, 4.1}, {"series-5", []string{"surface"}, 4.1},
	}
	colours := tokens(t)
	for theme, name := range []string{"light", "dark"} {
		for _, rule := range rules {
			for _, back := range rule.backs {
				t.Run(fmt.Sprintf("%s/%s on %s", name, rule.fore, back), func(t *testing.T) {
					fore, ok := colours[rule.fore]
					ground, found := colours[back]
					if !ok || !found {
						t.Fatalf("%s or %s is not in %s", rule.fore, back, tokensFile)
					}
					if got := contrast(fore[theme], ground[theme]); got < rule.least {
						t.Errorf("#%s on #%s is %.2f:1, want %.1f:1", fore[theme], ground[theme], got, rule.least)
					}
				})
			}
		}
	}
}
