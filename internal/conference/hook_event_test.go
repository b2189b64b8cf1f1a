// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"net/url"
	"strings"
	"testing"

	"meetcoop/internal/id"
	"meetcoop/internal/usage"
)

func callback(event string) string {
	return "domain=bbb.test&event=" + url.QueryEscape(event) + "&timestamp=1795326876359"
}

const joinedDoc = `{"data":{"type":"event","id":"user-joined","attributes":{"meeting":{"internal-meeting-id":"in-1","external-meeting-id":"mc1"},"user":{"internal-user-id":"w_1","external-user-id":"u1","name":"Ana"}},"event":{"ts":1795326876000}}}`

func TestEventsAreReadStrictly(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want int // -1: no events of a webhook
	}{
		"one":                  {callback("[" + joinedDoc + "]"), 1},
		"without an array":     {callback(joinedDoc), 1},
		"two":                  {callback("[" + joinedDoc + "," + joinedDoc + "]"), 2},
		"none":                 {callback("[]"), 0},
		"no event":             {"domain=x&timestamp=1", -1},
		"no timestamp":         {"event=%5B%5D", -1},
		"field twice":          {callback("[]") + "&timestamp=2", -1},
		"bad escape":           {"event=%zz&timestamp=1", -1},
		"more after the array": {callback("[] []"), -1},
		"no JSON":              {callback("[{]"), -1},
		"no objects":           {callback(`["x",1]`), -1},
		"null":                 {callback("null"), 0},
		"another type":         {callback(strings.Replace(joinedDoc, `"event","id"`, `"other","id"`, 1)), 0},
		"name with a slash":    {callback(strings.Replace(joinedDoc, "user-joined", "../x", 1)), 0},
		"no internal id":       {callback(strings.Replace(joinedDoc, "in-1", "", 1)), 0},
		"ids too long":         {callback(strings.Replace(joinedDoc, "w_1", strings.Repeat("w", 2000), 1)), 0},
		"too many":             {callback("[" + strings.Repeat(joinedDoc+",", mostEventItems) + joinedDoc + "]"), -1},
		"empty":                {"", -1},
	} {
		got, err := parseEvents([]byte(tc.body))
		if (err != nil) != (tc.want < 0) || err == nil && len(got) != tc.want {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
	got, _ := parseEvents([]byte(callback("[" + joinedDoc + "]")))
	if e := got[0]; e.name != "user-joined" || e.external != "mc1" || e.internal != "in-1" || e.user != (eventUser{"w_1", "u1"}) || e.at != 1795326876000 {
		t.Errorf("read %+v", e)
	}
}

func TestSignaturesOfWebhooks(t *testing.T) {
	to, body := "https://meet.test/bbb/-/events/x", []byte("domain=x&event=%5B%5D&timestamp=1")
	for sum, want := range map[string]bool{ // by sha1sum, sha256sum, sha384sum, sha512sum over address, body and secret
		"9761156140e45f4465e492acdb4486df492037cc":                                                                                         true,
		"98abbd34f3e05a78c49d621f426c6a19a2abf3f74f00453a0672151c145ee39f":                                                                 true,
		"8ef37f97560a823390219abb58440257dacffd2dc5bc6ab7d1a332b73950f1f12444b0ff061b7a5bf61b1144448f86fc":                                 true,
		"53f0147932ba463f4a7bd6206a85c943bfd1294545f4dcb40afd4564268ce571e28ace27953da0a64829ebc380432f98e80f5edded091983b506b8af6b40e707": true,
		"9761156140E45F4465E492ACDB4486DF492037CC":                                                                                         true,
		"98abbd34f3e05a78c49d621f426c6a19a2abf3f74f00453a0672151c145ee390":                                                                 false,
		"": false, "00": false, "nonsense": false, strings.Repeat("0", 40): false, strings.Repeat("0", 64): false, strings.Repeat("0", 200): false,
	} {
		if hookSigned(to, body, "s3cret", sum) != want {
			t.Errorf("%s: %v", sum, !want)
		}
	}
}

func TestALateWordAboutAnOldSessionFreesNobody(t *testing.T) {
	m, ana := id.NewMeeting(), usage.KeyOf("con", "ana")
	var p presence
	p.joined(m, "w_1", ana, 10)
	p.joined(m, "w_2", ana, 30) // came back before the old session was found dead
	if got := p.left(m, "w_1", ana, 20); got != stays {
		t.Errorf("old session: %v", got)
	}
	if got := p.left(m, "w_2", ana, 25); got != stays {
		t.Errorf("a word from before the session began: %v", got)
	}
	if got := p.left(m, "w_2", ana, 40); got != goes {
		t.Errorf("only session: %v", got)
	}
	if got := p.left(m, "w_2", ana, 40); got != stays {
		t.Errorf("told twice: %v", got)
	}
	if p.joined(m, "w_2", ana, 35) {
		t.Error("a beginning from before the end was believed")
	}
	if !p.joined(m, "w_2", ana, 50) {
		t.Error("who came back was not seen")
	}
	if got := p.left(m, "w_9", usage.KeyOf("con", "ben"), 60); got != unclear {
		t.Errorf("a session this node never saw: %v", got)
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{callback("[" + joinedDoc + "]"), callback(joinedDoc), callback("[{}]"), "", "event=[&timestamp=1", callback(`[{"data":{"type":"event","id":"x","attributes":[]}}]`)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseEvents(body)
		if err != nil && len(all) > 0 {
			t.Error("events beside an error")
		}
		for _, e := range all {
			if !eventName.MatchString(e.name) || e.internal == "" || e.at < 0 || e.doc == nil {
				t.Errorf("read %+v", e)
			}
		}
	})
}
