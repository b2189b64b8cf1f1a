// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
)

func TestALineKeepsTheNewestEvents(t *testing.T) {
	var o outbox
	h := Hook{ID: 7}
	l, fresh, lost := o.put(h, "0")
	if !fresh || lost != 0 || !o.busy(7) || o.busy(8) {
		t.Errorf("first: fresh %v, lost %d", fresh, lost)
	}
	for i := 1; i < mostQueued+5; i++ {
		if _, fresh, n := o.put(h, strconv.Itoa(i)); fresh {
			t.Fatal("a second line")
		} else {
			lost += n
		}
	}
	if lost != 5 || len(l.queue) != mostQueued {
		t.Errorf("%d lost, %d kept", lost, len(l.queue))
	}
	for i := 5; i < mostQueued+5; i++ {
		if body, ok := o.next(l); !ok || body != strconv.Itoa(i) {
			t.Fatalf("%q, %v instead of %d", body, ok, i)
		}
	}
	if _, ok := o.next(l); ok || o.busy(7) || o.bytes != 0 {
		t.Errorf("afterwards %d bytes, busy %v", o.bytes, o.busy(7))
	}
	big := strings.Repeat("x", mostWaiting/2)
	l, _, _ = o.put(h, big)
	o.put(h, big)
	if _, _, lost := o.put(h, "z"); lost != 1 || len(l.queue) != 2 {
		t.Errorf("beyond the bytes: %d lost", lost)
	}
	if n := o.clear(l); n != 2 || o.bytes != 0 || o.busy(7) {
		t.Errorf("cleared %d, %d bytes left", n, o.bytes)
	}
}

func TestAnEventInTheClientsWords(t *testing.T) {
	c := &Conference{
		Meeting: fleet.Meeting{ExternalID: "coop-1"}, ServerKey: "mckey", InternalID: "in-1",
		Query: "meetingID=coop-1&meta_endCallbackUrl=https%3A%2F%2Fclient.test%2Fend&meta_tenant=north",
	}
	var doc map[string]any
	err := json.Unmarshal([]byte(`{"data":{"type":"event","id":"rap-published","attributes":{
		"meeting":{"internal-meeting-id":"in-1","external-meeting-id":"mckey"},"record-id":"in-1",
		"recording":{"name":"mckey in a title","metadata":{"meetingId":"mckey","tenant":"north","mc-node":"x","endcallbackurl":"https://us.test/"},"playback":{"link":"https://bbb1.test/p"},"download":{}},
		"list":["mckey",{"deep":"mckey"},"other"]}}}`), &doc)
	if err != nil {
		t.Fatal(err)
	}
	c.tenantsEvent(doc)
	got, err := json.Marshal(doc)
	want := `{"data":{"attributes":{"list":["coop-1",{"deep":"coop-1"},"other"],"meeting":{"external-meeting-id":"coop-1","internal-meeting-id":"in-1"},"record-id":"in-1",` +
		`"recording":{"metadata":{"endcallbackurl":"https://client.test/end","meetingId":"coop-1","tenant":"north"},"name":"mckey in a title"}},"id":"rap-published","type":"event"}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}

func TestWhatAServerSaysDoesNotKeepUsBusy(t *testing.T) {
	var r remarks
	now := instant.Of(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	if !r.may(now, "poll a", time.Second) || r.may(now.Add(999*time.Millisecond), "poll a", time.Second) || !r.may(now, "poll b", time.Second) {
		t.Error("the same twice in a second, or another not at all")
	}
	if !r.may(now.Add(time.Second), "poll a", time.Second) {
		t.Error("not again after its time")
	}
}

func TestABodyIsTakenOncePerServer(t *testing.T) {
	var h heard
	if !h.once("a", 1) || h.once("a", 1) || !h.once("b", 1) {
		t.Error("twice from one server, or not from another")
	}
	if h.forget("a", 1); !h.once("a", 1) {
		t.Error("what failed was not taken again")
	}
	for i := range uint64(ringSize) {
		h.once("a", 10+i)
	}
	if !h.once("a", 1) || len(h.last["a"].in) > ringSize {
		t.Errorf("%d remembered", len(h.last["a"].in))
	}
}
