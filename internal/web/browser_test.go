// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAPolicyIsExtendedWithoutTouchingTheDefault(t *testing.T) {
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	base := DefaultCSP()
	wider := base.With("frame-ancestors", "https://moodle.example").With("worker-src", "'self'").With("connect-src", "wss://media.example")
	if base.String() != want || DefaultCSP().String() != want {
		t.Errorf("default: %s", base)
	}
	got := wider.String()
	for _, part := range []string{"frame-ancestors https://moodle.example", "worker-src 'self'", "connect-src 'self' wss://media.example"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q misses %q", got, part)
		}
	}
}

func TestBrowsersAreToldToBeCareful(t *testing.T) {
	h := Secure(SecureOptions{HTTPS: true, Media: []string{"/r/", "/meet/"}})(ok)
	res := do(t, h, httptest.NewRequest("GET", "/rooms", nil))
	for name, want := range map[string]string{
		"Content-Security-Policy": DefaultCSP().String(), "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "Permissions-Policy": noDevices,
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for path, want := range map[string]string{"/r/amber-oak-42": ourDevices, "/meet/meet_1": ourDevices, "/rx": noDevices, "/x/r/": noDevices} {
		if got := do(t, h, httptest.NewRequest("GET", path, nil)).Header.Get("Permissions-Policy"); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if do(t, Secure(SecureOptions{})(ok), httptest.NewRequest("GET", "/", nil)).Header.Get("Strict-Transport-Security") != "" {
		t.Error("a promise of https on http")
	}
	custom := Secure(SecureOptions{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { SetCSP(w, DefaultCSP().With("img-src", "blob:")) }))
	if got := do(t, custom, httptest.NewRequest("GET", "/", nil)).Header.Values("Content-Security-Policy"); len(got) != 1 || !strings.Contains(got[0], "blob:") {
		t.Errorf("policy of a route: %q", got)
	}
}

func TestChangesComeFromOurOwnPages(t *testing.T) {
	h := Origin(plain, "POST /bbb/")(ok)
	for name, c := range map[string]struct {
		method, path string
		header       map[string]string
		want         int
	}{
		"a link from anywhere":      {"GET", "/x", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"our form":                  {"POST", "/x", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		"typed by the person":       {"POST", "/x", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		"a foreign form":            {"POST", "/x", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a neighbour's form":        {"POST", "/x", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"old browser, our page":     {"POST", "/x", map[string]string{"Origin": "https://meet.example"}, 200},
		"old browser, foreign page": {"POST", "/x", map[string]string{"Origin": "https://evil.example"}, 403},
		"opaque origin":             {"POST", "/x", map[string]string{"Origin": "null"}, 403},
		"no browser":                {"POST", "/x", nil, 200},
		"delete":                    {"DELETE", "/x", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a face without cookies":    {"POST", "/bbb/x", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
	} {
		r := httptest.NewRequest(c.method, "https://meet.example"+c.path, nil)
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		if res := do(t, h, r); res.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, c.want)
		}
	}
}

func TestForeignHostsAreMisdirected(t *testing.T) {
	for _, c := range []struct {
		public, host string
		want         int
	}{
		{"https://meet.example", "meet.example", 200},
		{"https://meet.example", "MEET.example.:8443", 200},
		{"https://meet.example", "also.example", 200},
		{"https://meet.example", "evil.example", 421},
		{"https://meet.example", "meet.example.evil.example", 421},
		{"https://meet.example", "localhost", 421},
		{"https://meet.example", "127.0.0.1:8080", 421},
		{"https://meet.example", "", 421},
		{"http://127.0.0.1:8080", "localhost:8080", 200},
		{"http://127.0.0.1:8080", "[::1]:8080", 200},
		{"http://localhost:8080", "127.0.0.1:9999", 200},
		{"http://localhost:8080", "demo.localhost:8080", 200},
		{"http://127.0.0.1:8080", "192.0.2.7:8080", 421},
		{"http://127.0.0.1:8080", "rebind.example", 421},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if res := do(t, Hosts(parse(t, c.public), plain, "also.example")(ok), r); res.StatusCode != c.want {
			t.Errorf("%s asked as %q: %d, want %d", c.public, c.host, res.StatusCode, c.want)
		}
	}
}

func TestTheClientIsWhoOurProxiesSay(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("2001:db8:ff::/48")}
	for name, c := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"nobody between":                    {"192.0.2.1:5", nil, "192.0.2.1"},
		"a stranger's claim":                {"192.0.2.1:5", http.Header{"X-Forwarded-For": {"198.51.100.9"}}, "192.0.2.1"},
		"one proxy":                         {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.9"}}, "198.51.100.9"},
		"what the client wrote to the left": {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"203.0.113.66, 198.51.100.9"}}, "198.51.100.9"},
		"two proxies":                       {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"203.0.113.66, 198.51.100.9, 10.0.0.2"}}, "198.51.100.9"},
		"two header lines":                  {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"203.0.113.66", "198.51.100.9"}}, "198.51.100.9"},
		"with ports":                        {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.9:4711"}}, "198.51.100.9"},
		"IPv6":                              {"[::1]:5", http.Header{"X-Forwarded-For": {"2001:db8::7"}}, "2001:db8::7"},
		"IPv6 in brackets":                  {"[::1]:5", http.Header{"X-Forwarded-For": {"[2001:db8::7]:80"}}, "2001:db8::7"},
		"IPv4 in IPv6":                      {"[::ffff:10.0.0.1]:5", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.9"}}, "198.51.100.9"},
		"nonsense":                          {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.9, unknown"}}, "10.0.0.1"},
		"empty":                             {"10.0.0.1:5", http.Header{"X-Forwarded-For": {""}}, "10.0.0.1"},
		"proxies all the way":               {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, "10.0.0.3"},
		"Forwarded":                         {"10.0.0.1:5", http.Header{"Forwarded": {`for=203.0.113.66, For="198.51.100.9:80";proto=https;by=10.0.0.1`}}, "198.51.100.9"},
		"Forwarded IPv6":                    {"10.0.0.1:5", http.Header{"Forwarded": {`for="[2001:db8::7]"`}}, "2001:db8::7"},
		"Forwarded without for":             {"10.0.0.1:5", http.Header{"Forwarded": {`for=203.0.113.66, proto=https`}}, "10.0.0.1"},
		"both: the common one":              {"10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.9"}, "Forwarded": {"for=203.0.113.66"}}, "198.51.100.9"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		maps.Copy(r.Header, c.header)
		var got netip.Addr
		do(t, Client(proxies)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ClientOf(r) })), r)
		if got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if ClientOf(r) != netip.MustParseAddrPort(c.peer).Addr().Unmap() {
			t.Errorf("%s: without the middleware somebody else is believed", name)
		}
	}
	long := http.Header{"X-Forwarded-For": {strings.Repeat("10.0.0.2,", 100000) + "10.0.0.2"}}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr, r.Header = "10.0.0.1:5", long
	if got := clientAddress(r, proxies); got.String() != "10.0.0.2" {
		t.Errorf("endless header: %s", got)
	}
}

func TestRatesCountNetworks(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := ClientNetwork(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := ClientNetwork(netip.Addr{}); got != "" {
		t.Errorf("nobody: %q", got)
	}
}

func TestTheLanguageIsChosenOnce(t *testing.T) {
	var got locale.Tag
	h := Languages(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = LanguageOf(r) }))
	r := httptest.NewRequest("GET", "/?lang=de", nil)
	r.Header.Set("Accept-Language", "fr;q=0.5, nl")
	if do(t, h, r); got != locale.German {
		t.Errorf("by query: %s", got)
	}
	r.AddCookie(&http.Cookie{Name: LanguageCookie, Value: "sv"})
	if do(t, h, r); got != locale.Swedish {
		t.Errorf("by cookie: %s", got)
	}
	plain := httptest.NewRequest("GET", "/", nil)
	plain.Header.Set("Accept-Language", "fr;q=0.5, nl")
	if LanguageOf(plain) != locale.Dutch {
		t.Errorf("by header: %s", LanguageOf(plain))
	}
	known := plain.WithContext(WithLanguage(plain.Context(), locale.Catalan))
	if LanguageOf(known) != locale.Catalan {
		t.Errorf("by account: %s", LanguageOf(known))
	}
}

func TestCookiesAreBoundToTheirHost(t *testing.T) {
	for public, want := range map[string]string{
		"https://meet.example":  "__Host-session=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax",
		"http://127.0.0.1:8080": "session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
	} {
		c := NewCookies(parse(t, public))
		rec := httptest.NewRecorder()
		c.Set(rec, "session", "v", time.Minute)
		if got := rec.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s: %q, want %q", public, got, want)
		}
		r := httptest.NewRequest("GET", "/", nil)
		if c.Get(r, "session") != "" {
			t.Error("a cookie from nowhere")
		}
		r.AddCookie(&http.Cookie{Name: c.Name("session"), Value: "v"})
		if c.Get(r, "session") != "v" {
			t.Error("the cookie does not come back")
		}
		rec = httptest.NewRecorder()
		c.Clear(rec, "session")
		if got := rec.Header().Get("Set-Cookie"); !strings.HasPrefix(got, c.Name("session")+"=;") || !strings.Contains(got, "Max-Age=0") {
			t.Errorf("clearing: %q", got)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "planted"})
	if NewCookies(parse(t, "https://meet.example")).Get(r, "session") != "" {
		t.Error("a cookie that a neighbouring name can plant is believed")
	}
}

func TestBodiesHaveALimit(t *testing.T) {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := BodyFault(r.ParseForm()); err != nil {
			plain(w, r, err)
			return
		}
		_, _ = io.WriteString(w, r.PostForm.Get("a"))
	})
	h := LimitBody(100, plain)(read)
	for name, c := range map[string]struct {
		body   string
		length int64
		want   int
	}{
		"small":                   {"a=1", 3, 200},
		"just fits":               {"a=" + strings.Repeat("x", 98), 100, 200},
		"says it is large":        {"a=1", 101, 413},
		"does not say it":         {"a=" + strings.Repeat("x", 200), -1, 413},
		"cannot be read as forms": {"a=%zz", 5, 400},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.ContentLength = c.length
		if res := do(t, h, r); res.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, c.want)
		}
	}
	if BodyFault(nil) != nil || fault.CodeOf(BodyFault(io.ErrUnexpectedEOF)) != "input.unreadable" {
		t.Error("faults of bodies")
	}
	for n, want := range map[int64]string{100: "100 B", 64 << 10: "64 kB", 3 << 20: "3 MB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
