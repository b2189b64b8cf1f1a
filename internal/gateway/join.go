// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
)

// anonymousCookie keeps who somebody without a userID is, so that a reload is no second person.
const anonymousCookie = "meetcoop_guest"

// join leads somebody who was admitted to the server.
func (h *Handler) join(w http.ResponseWriter, r *request) error {
	w.Header().Set("Cache-Control", "no-store")
	if err := r.check(meetingID(false), fullName, integer("createTime"), boolean("guest"), boolean("auth"), password("password")); err != nil {
		return err
	}
	in := conference.JoinInput{Connection: r.connection, Query: r.q}
	if c, err := r.http.Cookie(waitCookie); err == nil && c.Value == r.pageName() {
		in.Wait = true
	}
	if c, err := r.http.Cookie(anonymousCookie); err == nil && len(c.Value) == anonymousLength && isToken(c.Value) {
		in.Anonymous = "anon-" + c.Value
	}
	out, err := h.deps.Conferences.Join(r.http.Context(), in)
	if err != nil {
		return err
	}
	if out.Answer != nil {
		var b []byte
		for _, kid := range out.Answer.Root.Kids {
			if kid.Name != "returncode" {
				b = kid.Append(b)
			}
		}
		success(w, string(b))
		return nil
	}
	if fresh, ok := strings.CutPrefix(out.Anonymous, "anon-"); ok && in.Anonymous == "" {
		http.SetCookie(w, &http.Cookie{
			Name: anonymousCookie, Value: fresh, Path: strings.TrimSuffix(r.http.URL.Path, "/join"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure: strings.HasPrefix(out.URL, "https:"),
		})
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", out.URL)
	w.WriteHeader(http.StatusFound)
	return nil
}

const anonymousLength = 16

// waitCookie names the join whose refusal this browser shows. The page repeats the signed join every five seconds; that it carries
// the cookie says that it was shown: its first repetition draws a ticket in the line, each later one keeps it (gateway.md R5).
const (
	waitCookie = "meetcoop_wait"
	waitFor    = 20 * time.Second
)

// pageName tells joins apart, as far as one browser needs.
func (r *request) pageName() string {
	sum := sha256.Sum256([]byte(r.http.URL.RawQuery))
	return hex.EncodeToString(sum[:8])
}

func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// refuseJoin tells somebody why they are not let in, where they can read it (gateway.md R2): as XML to scripts, at the address the
// client named, on our page to browsers.
func (h *Handler) refuseJoin(w http.ResponseWriter, r *request, err error, key, message string) {
	w.Header().Set("Cache-Control", "no-store")
	asked := func(name string) string {
		if v := r.q.Get(name); isWeb(v) {
			return v
		}
		return ""
	}
	ours := fault.As(err) != nil // a limit, a standing or a server
	switch {
	case strings.EqualFold(r.q.Get("redirect"), "false") || key == "Params required":
		failure(w, key, message)
	case asked("errorRedirectUrl") != "":
		toError(w, asked("errorRedirectUrl"), key, message)
	case ours && strings.Contains(r.http.Header.Get("Accept"), "text/html"):
		full := key == "maxParticipantsReached"
		if full {
			http.SetCookie(w, &http.Cookie{
				Name: waitCookie, Value: r.pageName(), Path: strings.TrimSuffix(r.http.URL.Path, "/join"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
				MaxAge: int(waitFor / time.Second), Secure: strings.HasPrefix(h.deps.PublicURL, "https:"),
			})
		}
		h.deps.Pages(w, r.http, err, asked("logoutURL"), full || fault.KindOf(err) == fault.Unavailable)
	case asked("logoutURL") != "":
		toError(w, asked("logoutURL"), key, message)
	default:
		failure(w, key, message)
	}
}

// toError redirects to an address with errors=[{"key":..,"message":..}] added to its query.
func toError(w http.ResponseWriter, to, key, message string) {
	list, err := json.Marshal([]map[string]string{{"key": key, "message": message}})
	if err != nil {
		failure(w, key, message)
		return
	}
	u, err := url.Parse(to)
	if err != nil {
		failure(w, key, message)
		return
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "errors=" + url.QueryEscape(string(list))
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusFound)
}
