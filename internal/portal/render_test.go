// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
)

// showFault renders a page that needs no data, with status 200.
func showFault(h **Handler) HandlerFunc {
	return func(w http.ResponseWriter, r *Request) error {
		return (*h).render(w, r, http.StatusOK, "fault", faultPage{Page: (*h).page(r, "", "A title"), Message: "A message"})
	}
}

func TestCaching(t *testing.T) {
	stranger := Visitor{Actor: identity.Anonymous()}
	for _, c := range []struct {
		name    string
		visitor Visitor
		class   Class
		want    string
	}{
		{"a public page may be kept a minute by its reader", stranger, Public, "private, max-age=60"},
		{"a public page of somebody signed in is not kept", sampleVisitor(locale.English), Public, "no-store"},
		{"a room's door is not kept", stranger, Guest, "no-store"},
		{"a person's page is not kept", sampleVisitor(locale.English), Person, "no-store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h *Handler
			h = portalOf(t, &fakeVisitors{v: c.visitor}, Route{"GET", "/test", c.class, showFault(&h)})
			h.Dev = false
			first := ask(h, "GET", "/test", nil)
			if got := first.Header.Get("Cache-Control"); got != c.want {
				t.Errorf("Cache-Control %q, want %q", got, c.want)
			}
			if !strings.Contains(strings.Join(first.Header.Values("Vary"), ","), "Cookie") {
				t.Errorf("Vary %q lacks Cookie: language and theme come from there", first.Header.Values("Vary"))
			}
			if c.want == "no-store" {
				return
			}
			etag := first.Header.Get("ETag")
			if again := ask(h, "GET", "/test", nil, "If-None-Match", etag); again.StatusCode != http.StatusNotModified || read(t, again) != "" {
				t.Errorf("unchanged page: status %d", again.StatusCode)
			}
			if other := ask(h, "GET", "/test", nil, "If-None-Match", etag, "Accept-Language", "sv"); other.StatusCode != http.StatusOK {
				t.Errorf("another language: status %d", other.StatusCode)
			}
		})
	}
}

func TestBrokenTemplateIsAnErrorAtStart(t *testing.T) {
	deps := testPortal.Deps
	deps.Templates = fstest.MapFS{
		"layout/document.html": {Data: []byte(`{{define "document"}}{{template "content" .}}{{end}}`)},
		"components/x.html":    {Data: []byte(`{{define "x"}}{{end}}`)},
		"pages/broken.html":    {Data: []byte(`{{define "content"}}{{if}}{{end}}`)},
	}
	if _, err := New(deps); err == nil || !strings.Contains(err.Error(), "broken.html") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestNothingIsWrittenOfAPageThatFails(t *testing.T) {
	var h *Handler
	h = portalOf(t, &fakeVisitors{v: Visitor{Actor: identity.Anonymous()}}, Route{"GET", "/test", Public, func(w http.ResponseWriter, r *Request) error {
		return h.render(w, r, http.StatusOK, "fault", struct{ Page }{}) // lacks the fields of its template
	}})
	got := ask(h, "GET", "/test", nil)
	if body := read(t, got); got.StatusCode != http.StatusInternalServerError || strings.Count(body, "<html") != 1 {
		t.Errorf("status %d and %d documents", got.StatusCode, strings.Count(body, "<html"))
	}
}

func TestAPageMayHaveFieldsNamedLikeTheShells(t *testing.T) {
	var h *Handler
	h = portalOf(t, &fakeVisitors{v: Visitor{Actor: identity.Anonymous()}}, Route{"GET", "/test", Public, func(w http.ResponseWriter, r *Request) error {
		return h.render(w, r, http.StatusOK, "fault", struct {
			Page
			Message             string
			Foot                Trace
			Actions             []Button
			Live, Title, Person bool
		}{Page: h.page(r, "", "A title")})
	}})
	if got := ask(h, "GET", "/test", nil); got.StatusCode != http.StatusOK {
		t.Errorf("status %d: %s", got.StatusCode, read(t, got))
	}
}
