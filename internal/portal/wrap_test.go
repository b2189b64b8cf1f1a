// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
)

// fakeVisitors says that every request comes from v, or fails with err.
type fakeVisitors struct {
	v         Visitor
	err       error
	preferred []Preference
}

func (f *fakeVisitors) Visitor(context.Context, *http.Request) (Visitor, error) { return f.v, f.err }

func (f *fakeVisitors) Prefer(_ context.Context, _ Visitor, p Preference) error {
	f.preferred = append(f.preferred, p)
	return nil
}

// portalOf is the test portal with one more route, asked by v.
func portalOf(t *testing.T, visitors Visitors, route Route) *Handler {
	t.Helper()
	deps := testPortal.Deps
	deps.Visitors = visitors
	h, err := New(deps)
	if err != nil {
		t.Fatal(err)
	}
	if route.Handler != nil {
		h.mux.Handle(route.Method+" "+route.Pattern, h.serve(route))
	}
	return h
}

func ask(h http.Handler, method, target string, form url.Values, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestClassesAreEnforced(t *testing.T) {
	stranger := Visitor{Actor: identity.Anonymous()}
	alba := sampleVisitor(locale.English)
	admin := alba
	admin.Actor.PlatformAdmin = true
	for _, c := range []struct {
		who     string
		visitor Visitor
		class   Class
		member  string
		want    int
	}{
		{"a stranger sees a public page", stranger, Public, "hilado", 200},
		{"a stranger with a link sees its page", stranger, Guest, "hilado", 200},
		{"a stranger is sent to sign in", stranger, Person, "hilado", 303},
		{"a stranger is sent to sign in before a member's page", stranger, Member, "hilado", 303},
		{"a stranger is sent to sign in before the platform's page", stranger, Operator, "hilado", 303},
		{"a person sees a person's page", alba, Person, "hilado", 200},
		{"an owner sees the member's page", alba, Member, "hilado", 200},
		{"an owner sees the owners' page", alba, Owner, "hilado", 200},
		{"a mere member sees the member's page", alba, Member, "long-street", 200},
		{"a mere member is refused the managers' page", alba, Manager, "long-street", 403},
		{"a mere member is refused the billing page", alba, Billing, "long-street", 403},
		{"another member does not exist", alba, Member, "other-house", 404},
		{"another member does not exist for owners elsewhere", alba, Owner, "other-house", 404},
		{"the platform does not exist for an owner", alba, Operator, "hilado", 404},
		{"the platform exists for its admin", admin, Operator, "hilado", 200},
		{"an admin is no member", admin, Member, "other-house", 404},
	} {
		t.Run(c.who, func(t *testing.T) {
			ran := false
			h := portalOf(t, &fakeVisitors{v: c.visitor}, Route{"GET", "/test/{member}", c.class, func(w http.ResponseWriter, r *Request) error {
				ran = true
				if c.class == Member && r.Hat.Member.Slug != c.member {
					t.Errorf("hat %q, want %q", r.Hat.Member.Slug, c.member)
				}
				return nil
			}})
			got := ask(h, "GET", "/test/"+c.member, nil)
			if got.StatusCode != c.want || ran != (c.want == 200) {
				t.Errorf("status %d and handler ran %v, want %d", got.StatusCode, ran, c.want)
			}
			if c.want == 303 && got.Header.Get("Location") != "/signin?next="+url.QueryEscape("/test/"+c.member) {
				t.Errorf("sent to %q", got.Header.Get("Location"))
			}
		})
	}
}

func TestErrorsBecomePages(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{fault.New(fault.Invalid, "page.language"), 422},
		{fault.New(fault.Forbidden, "page.role", fault.Params{"Member": "Hilado"}), 403},
		{fault.New(fault.NotFound, "page.unknown"), 404},
		{fault.New(fault.Conflict, "page.unknown"), 409},
		{fault.New(fault.LimitReached, "page.unknown"), 409},
		{fault.New(fault.Unavailable, "page.unknown"), 503},
		{errors.New("disk on fire in /var/lib"), 500},
	} {
		for _, v := range []Visitor{{Actor: identity.Anonymous()}, sampleVisitor(locale.Swedish)} {
			h := portalOf(t, &fakeVisitors{v: v}, Route{"GET", "/test", Public, func(http.ResponseWriter, *Request) error { return c.err }})
			got := ask(h, "GET", "/test", nil)
			body := read(t, got)
			if got.StatusCode != c.want {
				t.Errorf("%v: status %d, want %d", c.err, got.StatusCode, c.want)
			}
			if strings.Contains(body, "disk on fire") {
				t.Errorf("the cause is shown to people")
			}
			for _, f := range inspect(body) {
				t.Errorf("%v: %s", c.err, f)
			}
			if c.want == 503 && got.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("an error may be cached: %q", got.Header.Get("Cache-Control"))
			}
		}
	}
}

func TestAFailureToLookIsNotNobody(t *testing.T) {
	h := portalOf(t, &fakeVisitors{err: fault.New(fault.Unavailable, "page.unknown")}, Route{"GET", "/test", Public, func(http.ResponseWriter, *Request) error {
		t.Error("handler ran without knowing who asks")
		return nil
	}})
	if got := ask(h, "GET", "/test", nil); got.StatusCode != 503 {
		t.Errorf("status %d, want 503", got.StatusCode)
	}
}

func TestFragmentsGetFragments(t *testing.T) {
	h := portalOf(t, &fakeVisitors{v: sampleVisitor(locale.English)}, Route{"POST", "/test", Person, func(http.ResponseWriter, *Request) error {
		return fault.New(fault.Conflict, "page.unknown")
	}})
	got := ask(h, "POST", "/test", url.Values{}, "HX-Request", "true")
	if body := read(t, got); strings.Contains(body, "<html") || !strings.Contains(body, `role="alert"`) {
		t.Errorf("a fragment was asked for, got %s", body)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	h := portalOf(t, &fakeVisitors{v: Visitor{Actor: identity.Anonymous()}}, Route{})
	if got := ask(h, "GET", "/nowhere", nil, "Accept-Language", "sv"); got.StatusCode != 404 || !strings.Contains(read(t, got), `lang="sv"`) {
		t.Errorf("status %d", got.StatusCode)
	}
	if got := ask(h, "GET", "/language", nil); got.StatusCode != 405 || got.Header.Get("Allow") == "" {
		t.Errorf("status %d, Allow %q; want 405 with the allowed methods", got.StatusCode, got.Header.Get("Allow"))
	}
}

func TestChoosingLanguageAndTheme(t *testing.T) {
	visitors := &fakeVisitors{v: Visitor{Actor: identity.Anonymous()}}
	h := portalOf(t, visitors, Route{})
	got := ask(h, "POST", "/language", url.Values{"lang": {"ca"}, "next": {"/levels?tax=ES"}})
	if got.StatusCode != 303 || got.Header.Get("Location") != "/levels?tax=ES" {
		t.Errorf("status %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if c := got.Cookies(); len(c) != 1 || c[0].Name != "lang" || c[0].Value != "ca" || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("cookies %v", c)
	}
	if len(visitors.preferred) != 0 {
		t.Error("a stranger's choice was kept with an account")
	}
	visitors.v = sampleVisitor(locale.English)
	ask(h, "POST", "/theme", url.Values{"theme": {"dark"}})
	if len(visitors.preferred) != 1 || visitors.preferred[0].Theme != identity.ThemeDark {
		t.Errorf("kept with the account: %v", visitors.preferred)
	}
	for _, next := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "javascript:1", "/a\nb", "evil"} {
		got := ask(h, "POST", "/theme", url.Values{"theme": {"dark"}, "next": {next}})
		if got.Header.Get("Location") != "/" {
			t.Errorf("next %q leads to %q", next, got.Header.Get("Location"))
		}
	}
	if got := ask(h, "POST", "/language", url.Values{"lang": {"xx"}}); got.StatusCode != 422 {
		t.Errorf("unknown language: status %d", got.StatusCode)
	}
	if got := ask(h, "POST", "/theme", url.Values{"theme": {"pink"}}); got.StatusCode != 422 {
		t.Errorf("unknown theme: status %d", got.StatusCode)
	}
}
