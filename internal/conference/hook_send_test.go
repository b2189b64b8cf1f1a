// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
)

func TestALineKeepsTheNewestEventsInTheirOrder(t *testing.T) {
	var o outbox
	h := Hook{ID: 7}
	put := func(n int64, body string) (*line, bool, []int64) { return o.put(h, queued{id: n, body: body}) }
	l, fresh, lost := put(0, "0")
	if !fresh || len(lost) != 0 {
		t.Errorf("first: fresh %v, lost %d", fresh, lost)
	}
	for i := int64(1); i < mostQueued+5; i++ {
		_, fresh, gone := put(i, strconv.FormatInt(i, 10))
		if fresh {
			t.Fatal("a second line")
		}
		lost = append(lost, gone...)
	}
	if want := []int64{0, 1, 2, 3, 4}; !slices.Equal(lost, want) || len(l.queue) != mostQueued {
		t.Errorf("%d lost, %d kept", lost, len(l.queue))
	}
	for i := int64(5); i < mostQueued+5; i++ {
		if e, ok := o.next(l); !ok || e.id != i || e.body != strconv.FormatInt(i, 10) {
			t.Fatalf("%+v, %v instead of %d", e, ok, i)
		}
	}
	if _, ok := o.next(l); ok || o.lines[7] != nil || o.bytes != 0 {
		t.Errorf("afterwards %d bytes", o.bytes)
	}
	l, _, _ = put(20, "b") // what another node had not told comes before what is newer
	put(10, "a")
	put(30, "c")
	for _, want := range []int64{10, 20, 30} {
		if e, _ := o.next(l); e.id != want {
			t.Errorf("%d instead of %d", e.id, want)
		}
	}
	big := strings.Repeat("x", mostWaiting/2)
	put(41, big)
	put(42, big)
	if _, _, lost := put(43, "z"); !slices.Equal(lost, []int64{41}) || len(l.queue) != 2 {
		t.Errorf("beyond the bytes: %d lost", lost)
	}
	if n := o.clear(l); n != 2 || o.bytes != 0 || o.lines[7] != nil {
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
