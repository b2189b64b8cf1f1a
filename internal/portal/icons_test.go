// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// iconUses are the ways in which sources name an icon.
var iconUses = []*regexp.Regexp{
	regexp.MustCompile(`\bicon "([a-z0-9-]+)"`),
	regexp.MustCompile(`\bIcon: +"([a-z0-9-]+)"`),
	regexp.MustCompile(`\bicon\("([a-z0-9-]+)"`),
}

// TestIconsAreInTheSprite finds the icon that would be an empty square.
func TestIconsAreInTheSprite(t *testing.T) {
	raw, err := os.ReadFile("../../assets/src/icons/icons.json")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	used := 0
	for _, dir := range []string{".", "../../assets/src"} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			for _, form := range iconUses {
				for _, m := range form.FindAllStringSubmatch(string(text), -1) {
					used++
					if !known[m[1]] {
						t.Errorf("%s: icon %q is not in assets/src/icons/icons.json", name, m[1])
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if used < 20 {
		t.Errorf("only %d uses of icons found: the patterns miss them", used)
	}
}
