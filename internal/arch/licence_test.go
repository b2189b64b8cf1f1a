// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"strings"
	"testing"
)

// Files that can hold a comment: sources, styles, statements, scripts, templates, settings of tools.
const commentable = `(\.(go|ts|js|mjs|css|sql|sh|yml|yaml|html)|(^|/)Makefile|^\.ci/[^/]+)$`

func TestEveryFileCarriesItsLicence(t *testing.T) {
	for _, name := range files(t, commentable) {
		if strings.Contains(name, "/testdata/") && strings.HasSuffix(name, ".html") { // what a page or letter came out as
			continue
		}
		head := strings.SplitN(read(t, name), "\n", 4)
		found := false
		for _, line := range head[:min(3, len(head))] {
			found = found || strings.Contains(line, "SPDX-License-Identifier: AGPL-3.0-or-later")
		}
		if !found {
			t.Errorf("%s: no SPDX line among its first three", name)
		}
	}
}

func TestTheLicenceIsWhole(t *testing.T) {
	text := read(t, "LICENSE")
	for _, part := range []string{"GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3, 19 November 2007", "13. Remote Network Interaction", "END OF TERMS AND CONDITIONS"} {
		if !strings.Contains(text, part) {
			t.Errorf("LICENSE does not contain %q", part)
		}
	}
}
