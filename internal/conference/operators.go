// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/membership"
)

// joinParams are the parameters of join; all others are create's. logoutURL belongs to both.
var joinParams = []string{
	"fullName", "role", "userID", "guest", "auth", "avatarURL", "webcamBackgroundURL", "redirect", "excludeFromDashboard", "defaultLayout",
	"enforceLayout", "errorRedirectUrl", "bot", "firstName", "lastName", "sessionName", "logoutURL",
}

func concerns(call, name string) bool {
	ofJoin := slices.Contains(joinParams, name) || strings.HasPrefix(name, "userdata-")
	if name == "logoutURL" {
		return true
	}
	return ofJoin == (call == "join")
}

// Effective lets the rules of a place act on what a client sent: default, add, cap, force, in this order whatever order they are
// written in (gateway.md, section 11). Rules of several places are given most specific first: of defaults the first wins, of
// forced values the last, and all additions and caps apply.
func Effective(q bbb.Query, call string, rules ...[]membership.Param) bbb.Query {
	for _, operator := range []string{"default", "add", "cap", "force"} {
		for _, place := range rules {
			for _, p := range place {
				if p.Operator == operator && concerns(call, p.Name) {
					q = changed(q, p)
				}
			}
		}
	}
	return q
}

// changed returns q after one rule.
func changed(q bbb.Query, p membership.Param) bbb.Query {
	switch p.Operator {
	case "default":
		if !q.Has(p.Name) {
			return q.With(p.Name, p.Value)
		}
	case "add":
		values := splitList(q.Get(p.Name))
		excluded := splitList(q.Get(p.Name + "Exclude"))
		for _, v := range splitList(p.Value) {
			if !slices.Contains(values, v) {
				values = append(values, v)
			}
			excluded = slices.DeleteFunc(excluded, func(e string) bool { return e == v })
		}
		q = q.With(p.Name, strings.Join(values, ","))
		if q.Has(p.Name + "Exclude") {
			q = q.With(p.Name+"Exclude", strings.Join(excluded, ","))
		}
	case "cap":
		most, err := strconv.Atoi(p.Value)
		if n := asked(q.Get(p.Name)); err == nil && (n == 0 || n > most) {
			return q.With(p.Name, p.Value)
		}
	case "force":
		if p.Value == "" {
			return q.Without(p.Name)
		}
		return q.With(p.Name, p.Value)
	}
	return q
}

// asked reads a number for which 0, nothing, less than nothing and nonsense all mean no limit: 0 then.
func asked(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func splitList(text string) []string {
	var out []string
	for v := range strings.SplitSeq(text, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// asCreated is a create after the rules of its connection, with what its way of joining needs: a browser that is handed over comes to the
// server without the cookie that its own join would have set.
func asCreated(q bbb.Query, c membership.Connection) bbb.Query {
	q = Effective(q, "create", c.Params)
	if c.JoinMode == membership.JoinHandover {
		q = q.With("allowRequestsWithoutSession", "true")
	}
	return q
}
