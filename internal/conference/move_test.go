// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"meetcoop/internal/membership"
)

const scaleliteLists = `TenantID, Name, Secrets
1b2c, north, north-secret-1:north-secret-2
77, Süd & West, sued-secret
Total number of tenants: 2

Tenant: north
  id: 5
	param: record
	value: true
	override: false
  id: 6
	param: logoutURL
	value: https://north.example/a:b
	override: true
Tenant: Süd & West
  No custom settings are configured
`

const scaleliteServers = `id: 8ab
	url: https://bbb1.example/bigbluebutton/api
	secret: server-secret-1
	enabled
	load: 12.0
	load multiplier: 2.0
	online
id: 8ac
	url: https://bbb2.example/bigbluebutton/api/
	secret: server-secret-2
	tag: fast
	cordoned
	load: unavailable
	load multiplier: 1.0
	offline
`

func moved(t *testing.T, from, text string) Moved {
	t.Helper()
	m, problems := ReadMoved(from, strings.NewReader(text))
	for _, p := range problems {
		t.Errorf("line %d: %s", p.Line, p.Text)
	}
	return m
}

func TestListsOfScaleliteAreReadAsTheyArePrinted(t *testing.T) {
	want := []MovedConnection{
		{Name: "north", TenantName: "north", Origin: "1b2c", Secrets: []string{"north-secret-1", "north-secret-2"}, Params: []membership.Param{
			{Operator: "default", Name: "record", Value: "true"}, {Operator: "force", Name: "logoutURL", Value: "https://north.example/a:b"},
		}, Line: 2},
		{Name: "s-d-west", TenantName: "Süd & West", Origin: "77", Secrets: []string{"sued-secret"}, Params: []membership.Param{}, Line: 3},
	}
	if diff := cmp.Diff(want, moved(t, "scalelite", scaleliteLists).Connections); diff != "" {
		t.Error(diff)
	}
	servers := []MovedServer{
		{URL: "https://bbb1.example/bigbluebutton/api", Secret: "server-secret-1", Weight: 0.5, Tags: []string{}, Line: 1},
		{URL: "https://bbb2.example/bigbluebutton/api/", Secret: "server-secret-2", Weight: 1, Tags: []string{"fast"}, Line: 8},
	}
	if diff := cmp.Diff(servers, moved(t, "scalelite", scaleliteServers).Servers); diff != "" {
		t.Error(diff)
	}
	both := moved(t, "scalelite", scaleliteServers+scaleliteLists)
	if len(both.Connections) != 2 || len(both.Servers) != 2 {
		t.Errorf("one list after the other: %d connections, %d servers", len(both.Connections), len(both.Servers))
	}
}

func TestTheSameAsJSON(t *testing.T) {
	text := `{"tenants":[{"id":1,"name":"north","secrets":"north-secret-1:north-secret-2"}],
		"settings":[{"tenant":"north","param":"record","value":true,"override":"false"}],
		"servers":[{"url":"https://bbb1.example/bigbluebutton/api","secret":"server-secret-1","load_multiplier":4,"tag":null}]}`
	m := moved(t, "scalelite", text)
	if len(m.Connections) != 1 || len(m.Connections[0].Secrets) != 2 || m.Connections[0].Params[0].Value != "true" || m.Connections[0].Origin != "1" || m.Servers[0].Weight != 0.25 {
		t.Errorf("%+v", m)
	}
}

func TestFrontendsOfB3scaleKeepTheirAddresses(t *testing.T) {
	text := `{"frontends":[
		{"id":"1","active":true,"bbb":{"key":"greenlight01","secret":"front-secret"},"account_ref":null,"settings":{"required_tags":["bbb_26","eu"],
			"default_presentation":{"url":"https://x.example/a.pdf","force":true},"limit_attendees":{"limit":200},
			"create_default_params":{"record":"false"},"create_override_params":{"muteOnStart":"true","duration":"60"}}},
		{"id":"2","active":false,"bbb":{"key":"off","secret":"off-secret"},"settings":{}}],
		"backends":[{"id":"b","node_state":"ready","load_factor":2,"bbb":{"host":"https://bbb1.example/bigbluebutton/api/","secret":"back-secret"},"settings":{"tags":["bbb_26"]}}]}`
	want := Moved{
		Connections: []MovedConnection{{Name: "greenlight01", TenantName: "greenlight01", Origin: "greenlight01", Secrets: []string{"front-secret"}, Seats: 200, Params: []membership.Param{
			{Operator: "default", Name: "record", Value: "false"}, {Operator: "force", Name: "duration", Value: "60"}, {Operator: "force", Name: "muteOnStart", Value: "true"},
			{Operator: "force", Name: "preUploadedPresentation", Value: "https://x.example/a.pdf"}, {Operator: "force", Name: "meta_server-tag", Value: "bbb_26;eu!"},
		}}},
		Servers: []MovedServer{{URL: "https://bbb1.example/bigbluebutton/api/", Secret: "back-secret", Weight: 0.5, Tags: []string{"bbb_26"}}},
	}
	if diff := cmp.Diff(want, moved(t, "b3scale", text), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	list := `[{"bbb":{"key":"a1","secret":"front-secret"}},{"bbb":{"host":"https://b.example/api","secret":"s"}}]`
	if m := moved(t, "b3scale", list); len(m.Connections) != 1 || len(m.Servers) != 1 {
		t.Errorf("a list alone: %+v", m)
	}
}

func TestFilesThatCannotBeTakenOverNameEveryProblem(t *testing.T) {
	for what, c := range map[string]struct {
		from, text string
		lines      []int
	}{
		"nothing":                  {"scalelite", "", []int{0}},
		"another program's output": {"scalelite", "total 4\nthis is no list\n", []int{1, 2}},
		"a tenant without secrets": {"scalelite", "TenantID, Name, Secrets\n1, north,\n", []int{2}},
		"a short secret":           {"scalelite", "TenantID, Name, Secrets\n1, north, x\n", []int{2}},
		"a broken row":             {"scalelite", "TenantID, Name, Secrets\n1, north\n", []int{2}},
		"two of one address":       {"scalelite", "TenantID, Name, Secrets\n1, north, north-secret\n2, North!, north-secret\n", []int{3}},
		"a name of signs":          {"scalelite", "TenantID, Name, Secrets\n1, ???, north-secret\n", []int{2}},
		"two of one id":            {"scalelite", "TenantID, Name, Secrets\n1, north, north-secret\n1, south, south-secret\n", []int{3}},
		"a server twice":           {"scalelite", "id: 1\n\turl: https://a.example\n\tsecret: x\nid: 2\n\turl: https://a.example\n\tsecret: x\n", []int{4}},
		"an address that is none":  {"scalelite", "id: 1\n\turl: ftp://a.example\n\tsecret: x\n", []int{1}},
		"a multiplier of words":    {"scalelite", "id: 1\n\turl: https://a.example\n\tsecret: x\n\tload multiplier: much\n", []int{1}},
		"a stranger's setting":     {"scalelite", "Tenant: nobody\n  id: 1\n\tparam: a\n\tvalue: b\n\toverride: true\n", []int{2}},
		"broken JSON":              {"scalelite", `{"tenants":`, []int{0}},
		"broken JSON of b3scale":   {"b3scale", `{"frontends":[{"bbb":7}]}`, []int{0}},
		"a key with capitals":      {"b3scale", `[{"bbb":{"key":"Greenlight","secret":"front-secret"}}]`, []int{0}},
	} {
		_, problems := ReadMoved(c.from, strings.NewReader(c.text))
		var got []int
		for _, p := range problems {
			got = append(got, p.Line)
		}
		if diff := cmp.Diff(c.lines, got); diff != "" {
			t.Errorf("%s: %v\n%s", what, problems, diff)
		}
	}
}

func FuzzReadMoved(f *testing.F) {
	for _, text := range []string{scaleliteLists, scaleliteServers, `{"tenants":[{"name":"a","secrets":"12345678"}]}`, `[{"bbb":{"key":"a","secret":"12345678"}}]`} {
		f.Add("scalelite", text)
		f.Add("b3scale", text)
	}
	f.Fuzz(func(t *testing.T, from, text string) {
		m, problems := ReadMoved(from, strings.NewReader(text))
		if len(problems) > 0 {
			return
		}
		for _, c := range m.Connections {
			if addressName(c.Name) != c.Name || len(c.Secrets) == 0 {
				t.Errorf("%+v", c)
			}
		}
		for _, s := range m.Servers {
			if s.Weight <= 0 || math.IsInf(s.Weight, 0) || math.IsNaN(s.Weight) || s.Secret == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestWhoseAMeetingOfAnotherLoadBalancerIs(t *testing.T) {
	for _, c := range []struct {
		key, tenant, origin, external string
	}{
		{"WyJma2V5MSIsIm1pZDEiLCJiM3NjbCJd", "", "fkey1", "mid1"}, // of b3scale's own tests
		{"WyJma2V5MSIsIm1pZDEiLCJiM3NjbCJd", "1b2c", "fkey1", "mid1"},
		{"WyJma2V5MSIsIm1pZDEiLCJiM3NjcCJd", "", membership.NoTenant, "WyJma2V5MSIsIm1pZDEiLCJiM3NjcCJd"}, // another mark
		{"coop-42", "1b2c", "1b2c", "coop-42"},
		{"coop-42", "", membership.NoTenant, "coop-42"},
	} {
		if origin, external := OriginNamed(c.key, map[string]string{"tenant-id": c.tenant}); origin != c.origin || external != c.external {
			t.Errorf("%s of %q: %q, %q", c.key, c.tenant, origin, external)
		}
	}
}

func FuzzOriginNamed(f *testing.F) {
	for _, key := range []string{"WyJma2V5MSIsIm1pZDEiLCJiM3NjbCJd", "WyJma2V5MSIsIm1pZDEiLCJiM3NjcCJd", "coop-42", "W10=", ""} {
		f.Add(key, "")
		f.Add(key, "1b2c")
	}
	f.Fuzz(func(t *testing.T, key, tenant string) {
		origin, external := OriginNamed(key, map[string]string{metaTenant: tenant})
		if origin == "" || external == "" && key != "" {
			t.Fatalf("%q of %q: %q, %q", key, tenant, origin, external)
		}
		if external == key {
			return
		}
		if raw, err := json.Marshal([]string{origin, external, b3scaleMark}); err != nil || !isMeetingID(external) {
			return // what no client could have chosen
		} else if again, same := OriginNamed(base64.URLEncoding.EncodeToString(raw), nil); again != origin || same != external {
			t.Fatalf("%q: %q, %q, then %q, %q", key, origin, external, again, same)
		}
	})
}
