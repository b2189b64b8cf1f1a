// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// homePage says what this is, and whether one may join.
type homePage struct {
	Page
	SignUp  Button
	SignIn  Button
	Seats   SeatRow
	Points  []homePoint
	Levels  []levelCard
	All     Link
	Members []string // operational members: who runs it
	Figures []homeFigure
}

type homePoint struct{ Icon, Title, Text string }

type homeFigure struct{ Value, Text string }

func (h *Handler) homeShow(w http.ResponseWriter, r *Request) error {
	var levels []tariff.Level
	var coops []membership.Member
	var counts membership.Census
	err := h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		if levels, err = tariff.Levels(r.Context(), tx, r.Now); err != nil {
			return err
		}
		if coops, err = membership.List(r.Context(), tx, membership.ListInput{Kind: membership.KindOperational}); err != nil {
			return err
		}
		counts, err = membership.Count(r.Context(), tx)
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "home_show", h.homeOf(r, levels, coops, counts))
}

func (h *Handler) homeOf(r *Request, levels []tariff.Level, coops []membership.Member, counts membership.Census) homePage {
	page := homePage{
		Page:   h.page(r, "home", r.P.T("home.title")),
		SignUp: Button{Kind: ButtonPrimary, Label: r.P.T("home.signup"), Href: "/signup"},
		SignIn: Button{Kind: ButtonPlain, Label: r.P.T("home.signin"), Href: "/signin"},
		Seats:  newSeatRow(SeatsInput{Used: 12, Held: 2, Limit: 20, Sentence: r.P.T("home.seats")}),
		All:    Link{Label: r.P.T("home.all_levels"), Href: "/levels"},
		Levels: levelCards(r, levels),
	}
	page.Lead, page.NoHeading = r.P.T("home.lead"), true
	if r.Visitor.SignedIn() {
		page.SignUp = Button{Kind: ButtonPrimary, Label: r.P.T("home.rooms"), Href: "/rooms"}
		page.SignIn = Button{}
	}
	for _, name := range []struct{ key, icon string }{{"limits", "armchair"}, {"simple", "mail"}, {"refusal", "hourglass"}, {"owned", "users"}} {
		page.Points = append(page.Points, homePoint{Icon: name.icon, Title: r.P.T("home." + name.key + "_title"), Text: r.P.T("home." + name.key + "_text")})
	}
	for _, c := range coops {
		if c.Slug != membership.HouseSlug {
			page.Members = append(page.Members, c.Name)
		}
	}
	page.Figures = []homeFigure{
		{r.P.Number(int64(counts.Organisations)), r.P.N("home.figure_organisations", counts.Organisations)},
		{r.P.Number(int64(counts.Individuals)), r.P.N("home.figure_individuals", counts.Individuals)},
		{r.P.Number(int64(len(page.Members))), r.P.N("home.figure_coops", len(page.Members))},
	}
	return page
}
