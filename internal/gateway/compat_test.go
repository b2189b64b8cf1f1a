// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/instant"
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

// Recordings in every state, as servers tell them, as they are brought here, and as they go; a server that made none has zeros.
func TestRecordingsUnderTheNamesOfTheExporter(t *testing.T) {
	var o gatewaytest.Options
	o.Servers, o.RecordingsEvery, o.PollEvery = 2, 150*time.Millisecond, 100*time.Millisecond
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		n.Stop() // the one with the metrics counts
		reg := prometheus.NewRegistry()
		with := o
		with.Compat = reg
		n = c.Node(c.DB, with)
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(20)})
		states := []string{"processing", "processed", "published", "unpublished", "deleted"}
		label := map[*bbbtest.Running]string{}
		want := map[*bbbtest.Running]map[string]int{}
		for _, s := range c.Servers {
			label[s], want[s] = s.Addr(), map[string]int{}
		}
		counted := func(what string) {
			t.Helper()
			var diff string
			defer func() {
				if t.Failed() {
					t.Log("(-want +got)\n" + diff)
				}
			}()
			gatewaytest.Until(t, what, func() bool {
				all, now := scrape(t, reg), map[string]string{}
				for name, value := range all {
					if strings.HasPrefix(name, "bbb_recordings_") {
						now[name] = value
					}
				}
				should := map[string]string{}
				for s, by := range want {
					for _, state := range states {
						should["bbb_recordings_"+state+`{server="`+label[s]+`"}`] = strconv.Itoa(by[state])
					}
				}
				diff = cmp.Diff(should, now)
				return diff == ""
			})
		}
		counted("no recording at all")

		made := func(meeting string) (*bbbtest.Running, string) {
			internal := k.Must("create", "name=Assembly&record=true&attendeePW=ap&moderatorPW=mp&meetingID="+meeting).Root.Value("internalMeetingID")
			for _, s := range c.Servers {
				if rec, err := s.MakeRecording(internal); err == nil {
					return s, rec
				}
			}
			t.Fatalf("no server has %s", meeting)
			return nil, ""
		}
		published := func(meeting string) (*bbbtest.Running, string) {
			s, rec := made(meeting)
			do(t, s.PublishRecording(rec, "presentation"))
			gatewaytest.Until(t, meeting+" is listed", func() bool { return len(listed(k.Must("getRecordings", "recordID="+rec))) == 1 })
			return s, rec
		}
		s, _ := made("processing")
		want[s]["processing"]++
		s, rec := made("processed")
		do(t, s.ProcessRecording(rec))
		want[s]["processed"]++
		s, _ = published("published")
		want[s]["published"]++
		s, rec = published("hidden")
		k.Must("publishRecordings", "publish=false&recordID="+rec)
		want[s]["unpublished"]++
		s, rec = published("dropped")
		k.Must("deleteRecordings", "recordID="+rec)
		want[s]["deleted"]++
		s, rec = published("brought-here")
		tar, err := s.RecordingTar(rec, "presentation")
		do(t, err)
		if r := put(t, n, s.Secret(), serverAt(t, c, s), rec, "presentation", tar, nil); r.Status/100 != 2 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		want[s]["published"]++
		counted("one of each, and one here")

		// What is in the trash is deleted; after a week it is nothing any more.
		k.Must("deleteRecordings", "recordID="+rec)
		want[s]["published"]--
		want[s]["deleted"]++
		counted("one in the trash")
		later, err := n.RecordingsAt(func() instant.Instant { return instant.Of(time.Now()).Add(8 * 24 * time.Hour) })
		do(t, err)
		do(t, later.Keep(context.Background()))
		want[s]["deleted"]--
		counted("the trash is emptied")

		// Servers that are called the same have labels of their own, the same in all figures, also when one of them is not polled.
		other := c.Servers[0]
		name, first, second := other.Addr(), serverAt(t, c, other), serverAt(t, c, c.Servers[1])
		_, err = n.Fleet.Change(context.Background(), fleet.ChangeInput{Server: second, Name: &name})
		do(t, err)
		label[other], label[c.Servers[1]] = name+" "+string(first), name+" "+string(second)
		counted("two of one name")
		_, err = n.Fleet.SetAdmin(context.Background(), fleet.AdminInput{Server: second, Admin: fleet.AdminDisabled, Force: true})
		do(t, err)
		gatewaytest.Until(t, "one of them is polled", func() bool {
			all := scrape(t, reg)
			_, gone := all[`bbb_meetings{server="`+label[c.Servers[1]]+`"}`]
			_, there := all[`bbb_meetings{server="`+label[other]+`"}`]
			return there && !gone
		})
		counted("both have recordings")

		// Another node counts once this one does not.
		n.Stop()
		gatewaytest.Until(t, "who does not count shows nothing", func() bool {
			for name := range scrape(t, reg) {
				if strings.HasPrefix(name, "bbb_recordings_") {
					return false
				}
			}
			return true
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
