// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"cmp"
	"slices"

	"meetcoop/internal/membership"
)

// mostBanners keeps the page readable for somebody with many hats.
const mostBanners = 2

// standingOf is how one member stands, for the banners of a page that concerns it.
type standingOf struct {
	Member   membership.Member
	Standing membership.Standing
}

// gravity orders standings that people must hear of, the worst first; the others have no banner.
var gravity = []membership.State{membership.StandingSuspended, membership.StandingClosed, membership.StandingArrears, membership.StandingGrace}

// bannersOf says what holds members back.
func bannersOf(r *Request, all ...standingOf) []Notice {
	all = slices.DeleteFunc(slices.Clone(all), func(s standingOf) bool { return !slices.Contains(gravity, s.Standing.State) })
	slices.SortStableFunc(all, func(a, b standingOf) int {
		return cmp.Compare(slices.Index(gravity, a.Standing.State), slices.Index(gravity, b.Standing.State))
	})
	var out []Notice
	for _, s := range all[:min(len(all), mostBanners)] {
		key := "portal.banner." + string(s.Standing.State)
		n := Notice{
			Kind: NoticeBad, Title: r.P.T(key, map[string]any{"Member": s.Member.Name}),
			Text: r.P.T(key+"_text", map[string]any{"Date": r.P.Date(s.Standing.Boundary.In(s.Member.Location()))}),
		}
		if s.Standing.State == membership.StandingGrace {
			n.Kind = NoticeWarn
		}
		if reason := reasonOf(s.Standing); reason != "" {
			n.Text += " " + r.P.T("portal.banner.reason", map[string]any{"Reason": reason})
		}
		out = append(out, n)
	}
	return out
}

// reasonOf is what was written when the member was suspended.
func reasonOf(s membership.Standing) string {
	if s.State != membership.StandingSuspended || len(s.Facts) == 0 {
		return ""
	}
	return s.Facts[len(s.Facts)-1].Reason
}
