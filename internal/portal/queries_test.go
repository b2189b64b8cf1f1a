// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http/httptest"
	"testing"

	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// TestPagesKeepToTheirQueries counts the statements of each page for an owner with a running meeting. P22 wants 8; the
// numbers above are what pages take that read an entitlement (five) for rooms and again for seats. They only fall.
func TestPagesKeepToTheirQueries(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	w.start(h)
	for path, most := range map[string]int64{
		"/": 8, "/levels": 8, "/signin": 8, "/signup": 8, "/account": 8, "/rooms": 18, "/rooms/new": 8, "/rooms/archived": 8,
		h.path(""): 25, h.path("/join"): 12, h.path("/archive"): 10, "/m/" + h.member.Slug + "/usage": 15, "/m/" + h.member.Slug + "/usage?span=year": 13,
	} {
		h.owner.get(path) // the session is remembered from here on
		r := httptest.NewRequest("GET", path, nil)
		ctx, n := store.Counting(t.Context())
		h.owner.do(r.WithContext(ctx))
		if n.Load() > most {
			t.Errorf("%s: %d queries, at most %d are allowed", path, n.Load(), most)
		}
	}
}
