// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

var sample = regexp.MustCompile(`^([a-z_]+)\{([^}]*)\} ([0-9.e+-]+|NaN)$`)

// scrape reads what Prometheus is shown: values by name and labels.
func scrape(t *testing.T, reg *prometheus.Registry) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	out := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if m := sample.FindStringSubmatch(strings.TrimSpace(line)); m != nil && strings.HasPrefix(m[1], "bbb_") {
			out[m[1]+"{"+m[2]+"}"] = m[3]
		}
	}
	return out
}

func TestServersUnderTheNamesOfTheExporter(t *testing.T) {
	var o gatewaytest.Options
	o.Servers, o.Server, o.PollEvery = 2, bbbtest.Config{AutoConnect: true}, 100*time.Millisecond
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		n.Stop() // the one with the metrics polls
		reg := prometheus.NewRegistry()
		with := o
		with.Compat = reg
		n = c.Node(c.DB, with)
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		session, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		on := 0
		if len(c.Servers[1].Meetings()) > 0 {
			on = 1
		}
		srv, other := c.Servers[on], c.Servers[1-on]
		do(t, srv.Voice(session, true))
		do(t, srv.Cameras(session, 1))
		if _, err := srv.Breakouts(srv.Meetings()[0].ID, 2); err != nil {
			t.Fatal(err)
		}
		label := func(s *bbbtest.Running) string { return `{server="` + s.Addr() + `"}` }
		for name, want := range map[string]string{
			"bbb_api_up": "1", "bbb_meetings": "3", "bbb_unique_meetings": "1", "bbb_unique_breakout_rooms": "2", "bbb_meetings_participants": "1", "bbb_meetings_listeners": "0",
			"bbb_meetings_voice_participants": "1", "bbb_meetings_video_participants": "1",
		} {
			var got string
			gatewaytest.Until(t, name+" is "+want, func() bool { got = scrape(t, reg)[name+label(srv)]; return got == want })
		}
		all := scrape(t, reg)
		if all["bbb_meetings"+label(other)] != "0" || all[`bbb_api_latency_count{endpoint="getMeetings",parameters="",server="`+srv.Addr()+`"}`] == "" {
			t.Errorf("%v", all)
		}
		other.Kill()
		gatewaytest.Until(t, "a dead server is down, and has no figures", func() bool {
			all := scrape(t, reg)
			_, figures := all["bbb_meetings"+label(other)]
			return all["bbb_api_up"+label(other)] == "0" && !figures
		})
	})
}

func TestTheAPIByTheNameOfAHost(t *testing.T) {
	each(t, gatewaytest.Options{Domain: "api.example"}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, other := c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "loom", tariff.OverrideFields{})
		ask := func(host, path string) gatewaytest.Reply {
			t.Helper()
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			n.Handler.ServeHTTP(w, r)
			return gatewaytest.Reply{Status: w.Code, Body: w.Body.String()}
		}
		signed := func(k *gatewaytest.Client, call, query string) string {
			_, after, _ := strings.Cut(k.URL(call, query), "/bigbluebutton/api")
			return "/bigbluebutton/api" + after
		}
		create := signed(k, "create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		for _, host := range []string{"hilado.api.example", "Hilado.API.example:8443", "hilado.api.example."} {
			if r := ask(host, create); !strings.Contains(r.Body, "<returncode>SUCCESS</returncode>") {
				t.Errorf("%s: %d %s", host, r.Status, r.Body)
			}
		}
		unknown := ask("nobody.api.example", create)
		for _, host := range []string{"loom.api.example", "revoked.api.example"} { // signed by another
			if r := ask(host, create); r.Status != 200 || r.Body != unknown.Body || !strings.Contains(r.Body, "checksumError") {
				t.Errorf("%s: %d %s", host, r.Status, r.Body)
			}
		}
		// The path form wins, whatever the host.
		path := strings.TrimPrefix(signed(other, "getMeetings", ""), "/bigbluebutton")
		if r := ask("hilado.api.example", "/bbb/loom/bigbluebutton"+path); !strings.Contains(r.Body, "noMeetings") {
			t.Errorf("%s", r.Body)
		}
		for _, tc := range [][2]string{
			{"api.example", create}, {"a.b.api.example", create}, {"hilado.api.example.evil", create}, {"hiladoapi.example", create}, {"-.api.example", create},
			{"hilado.api.example", "/"}, {"hilado.api.example", "/bigbluebutton/apix"}, {"hilado.api.example", "/bigbluebutton/"}, {"[::1]", create},
		} {
			if r := ask(tc[0], tc[1]); r.Status != 404 {
				t.Errorf("%s%s: %d", tc[0], tc[1], r.Status)
			}
		}
	})
}
