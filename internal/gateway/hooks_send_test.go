// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

// receiver is a client's address for events.
type receiver struct {
	*httptest.Server

	secret func() string // the events are signed with
	to     string        // the address registered
	t      *testing.T

	mu     sync.Mutex
	status []int // of the next answers; then 200
	always int   // instead of 200
	signed string
	got    []told
	bodies []string
}

// told is one event as it arrived.
type told struct {
	Name, External, Internal, User, UserInternal string
	Meeting                                      map[string]any
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, always: http.StatusOK, signed: "sha1", secret: func() string { return "" }}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.always
	if len(r.status) > 0 {
		status, r.status = r.status[0], r.status[1:]
	}
	w.WriteHeader(status)
	r.bodies = append(r.bodies, string(body))
	if status != http.StatusOK && status != http.StatusUnauthorized {
		return
	}
	_, sum, _ := strings.Cut(req.RequestURI, "checksum=")
	h := digests[r.signed]()
	_, _ = io.WriteString(h, r.to+string(body)+r.secret())
	if sum != hex.EncodeToString(h.Sum(nil)) || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		r.t.Errorf("%s %s is not signed rightly", req.Method, req.RequestURI)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("domain") != "127.0.0.1" || !strings.HasPrefix(string(body), "domain=127.0.0.1&event=%5B%7B") || form.Get("timestamp") == "" {
		r.t.Errorf("body %s", body)
	}
	if strings.Contains(string(body), "mc-") || strings.Contains(string(body), "%22mc") {
		r.t.Errorf("an id of a server reached the client: %s", body)
	}
	var docs []struct {
		Data struct {
			Type, ID   string
			Attributes struct {
				Meeting map[string]any
				User    map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(form.Get("event")), &docs); err != nil || len(docs) != 1 || docs[0].Data.Type != "event" {
		r.t.Errorf("%v: %s", err, form.Get("event"))
		return
	}
	d := docs[0].Data
	word := func(in map[string]any, name string) string { s, _ := in[name].(string); return s }
	r.got = append(r.got, told{
		d.ID, word(d.Attributes.Meeting, "external-meeting-id"), word(d.Attributes.Meeting, "internal-meeting-id"), word(d.Attributes.User, "external-user-id"),
		word(d.Attributes.User, "internal-user-id"), d.Attributes.Meeting,
	})
}

var digests = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// signs sets the algorithm of the signatures to come.
func (r *receiver) signs(algorithm string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signed = algorithm
}

// answer sets the status of all further answers.
func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.always = status
}

// all is what arrived.
func (r *receiver) all() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// names are the events in their order, with who they are about.
func (r *receiver) names() string {
	var out []string
	for _, g := range r.all() {
		if g.User != "" {
			g.Name += ":" + g.User
		}
		out = append(out, g.Name)
	}
	return strings.Join(out, " ")
}

func (r *receiver) tries() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

// wants registers the receiver's address.
func (r *receiver) wants(k *gatewaytest.Client, path, more string) {
	r.t.Helper()
	r.secret, r.to = func() string { return k.Secret }, r.URL+path
	k.Must("hooks/create", "callbackURL="+url.QueryEscape(r.to)+more)
}

func (r *receiver) until(want string) {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for r.names() != want {
		if time.Now().After(deadline) {
			r.t.Fatalf("got  %s\nwant %s", r.names(), want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// quick are options under which retries can be waited for.
var quick = gatewaytest.Options{PollEvery: 100 * time.Millisecond, HookWaits: []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond}}

func TestTwoClientsWithTheSameMeetingIDHearOfTheirOwn(t *testing.T) {
	each(t, quick, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		srv := c.Servers[0]
		heard(t, srv)
		var internal []string
		var all []*receiver
		some, bound := newReceiver(t), newReceiver(t)
		for _, name := range []string{"hilado", "telar"} {
			k, r := c.Client(n, name, tariff.OverrideFields{}), newReceiver(t)
			r.wants(k, "/hook?a=1", "")
			if name == "hilado" {
				some.wants(k, "", "&eventID=user-joined,Meeting-Ended")
				bound.wants(k, "/", "&meetingID=coop-2")
			}
			made := k.Must("create", "name=Assembly+of+"+name+"&meetingID=coop-1&attendeePW=ap&moderatorPW=mp&meta_tenant="+name+"&meta_endCallbackUrl=http%3A%2F%2F127.0.0.1%3A9%2F")
			internal, all = append(internal, made.Root.Value("internalMeetingID")), append(all, r)
			session, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=" + name + "-ana")
			do(t, srv.Connect(session))
			do(t, srv.Voice(session, true))
			do(t, srv.Leave(session))
			do(t, srv.Delivered(t.Context()))
			k.Must("end", "meetingID=coop-1&password=mp")
		}
		for i, name := range []string{"hilado", "telar"} {
			all[i].until(fmt.Sprintf("meeting-created user-joined:%[1]s-ana user-presenter-assigned:%[1]s-ana user-audio-voice-enabled:%[1]s-ana user-left:%[1]s-ana meeting-ended", name))
			for _, g := range all[i].all() {
				if g.External != "coop-1" || g.Internal != internal[i] {
					t.Errorf("%s: %s is about %s, %s", name, g.Name, g.External, g.Internal)
				}
			}
			made := all[i].all()[0].Meeting
			meta, _ := made["metadata"].(map[string]any)
			if made["name"] != "Assembly of "+name || made["moderator-pass"] != "mp" || meta["tenant"] != name || meta["endcallbackurl"] != "http://127.0.0.1:9/" || made["create-time"] == nil || made["voice-conf"] == "" {
				t.Errorf("created: %v", made)
			}
		}
		some.until("user-joined:hilado-ana meeting-ended")
		if got := bound.names(); got != "" {
			t.Errorf("bound to another meeting, told of %s", got)
		}
	})
}

func TestEventsLostTwiceForgedOrOutOfOrder(t *testing.T) {
	o := quick
	o.Lease = 400 * time.Millisecond // who was never seen keeps the seat as long
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		srv := c.Servers[0]
		heard(t, srv)
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		want := map[bbbtest.FaultKind]string{
			bbbtest.FaultLost: "meeting-created user-left:ana meeting-ended", bbbtest.FaultTwice: "meeting-created user-joined:ana user-left:ana meeting-ended",
			bbbtest.FaultForged: "meeting-created user-left:ana meeting-ended", bbbtest.FaultDisordered: "meeting-created user-left:ana meeting-ended",
		}
		all := map[bbbtest.FaultKind]*receiver{}
		for kind := range want {
			m := "coop-" + string(kind)
			r := newReceiver(t)
			r.wants(k, "/", "&meetingID="+m)
			all[kind] = r
			k.Must("create", "name=Assembly&meetingID="+m+"&attendeePW=ap&moderatorPW=mp")
			ana, _ := k.Enter("fullName=Ana&meetingID=" + m + "&password=ap&userID=ana")
			do(t, srv.AddFault(bbbtest.Fault{Kind: kind, Call: bbbtest.CallbackHook, Times: 1}))
			do(t, srv.Connect(ana))
			time.Sleep(5 * time.Millisecond) // events have their time in milliseconds
			do(t, srv.Leave(ana))
			do(t, srv.Delivered(t.Context()))
		}
		gatewaytest.Until(t, "seats free", func() bool { seats, _ := used(t, c, n, k); return seats == 0 })
		for kind, r := range all {
			k.Must("end", "meetingID=coop-"+string(kind)+"&password=mp")
			r.until(want[kind])
		}
	})
}

func TestReceiversThatFail(t *testing.T) {
	each(t, quick, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		srv := c.Servers[0]
		heard(t, srv)
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		slow, strict, dead := newReceiver(t), newReceiver(t), newReceiver(t)
		slow.status, strict.always, dead.always = []int{500, 302}, http.StatusUnauthorized, http.StatusInternalServerError
		for _, r := range []*receiver{slow, strict, dead} {
			r.wants(k, "/", "")
		}
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		session, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=ap&userID=ana")
		do(t, srv.Connect(session))
		do(t, srv.Delivered(t.Context()))
		slow.until("meeting-created user-joined:ana")
		strict.until("meeting-created user-joined:ana")
		gatewaytest.Until(t, "the dead one forgotten", func() bool {
			return !strings.Contains(k.Must("hooks/list", "").Body, dead.URL)
		})
		if slow.tries() != 4 || strict.tries() != 2 || dead.tries() != 1+len(quick.HookWaits) {
			t.Errorf("tries: %d of the slow, %d of the strict, %d of the dead", slow.tries(), strict.tries(), dead.tries())
		}
		if !slices.Equal(slow.bodies[:3], []string{slow.bodies[0], slow.bodies[0], slow.bodies[0]}) {
			t.Error("what is sent again is not the same")
		}
		k.Must("hooks/destroy", "hookID="+k.Must("hooks/list", "").Root.Child("hooks").Child("hook").Value("hookID"))
		k.Must("end", "meetingID=coop-1&password=mp")
		strict.until("meeting-created user-joined:ana meeting-ended")
		if got := slow.names(); got != "meeting-created user-joined:ana" {
			t.Errorf("a destroyed hook was told: %s", got)
		}
	})
}
