// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// says posts an event as a server with that secret would, signed or with "Bearer " before the secret as a bearer, and returns the status.
func says(t *testing.T, to, secret, event, external, internal, user string) int {
	t.Helper()
	doc := fmt.Sprintf(`[{"data":{"type":"event","id":%q,"attributes":{"meeting":{"internal-meeting-id":%q,"external-meeting-id":%q},"user":{"internal-user-id":"w_x","external-user-id":%q}},"event":{"ts":%d}}}]`,
		event, internal, external, user, time.Now().UnixMilli())
	body := "domain=evil.test&event=" + url.QueryEscape(doc) + "&timestamp=1795326876359"
	bearer, signed := "", ""
	if strings.HasPrefix(secret, "Bearer ") {
		bearer = secret
	} else {
		sum := sha256.Sum256([]byte(to + body + secret))
		signed = "?checksum=" + hex.EncodeToString(sum[:])
	}
	req, err := http.NewRequest(http.MethodPost, to+signed, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", bearer)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return gatewaytest.Do(t, req).Status
}

func TestAServerSpeaksOfItsOwnMeetingsOnly(t *testing.T) {
	o := quick
	o.Servers = 2
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, r := c.Client(n, "hilado", tariff.OverrideFields{}), newReceiver(t)
		r.wants(k, "/", "")
		mine, other := c.Servers[0], c.Servers[1]
		heard(t, mine)
		heard(t, other)
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		if len(mine.Meetings()) == 0 {
			mine, other = other, mine
		}
		m := mine.Meetings()[0]
		for _, event := range []string{"user-joined", "user-left", "meeting-ended", "chat-group-message-sent", "rap-published"} {
			if status := says(t, other.Hooks()[0], other.Secret(), event, m.ID, m.InternalID, "ana"); status != http.StatusOK {
				t.Errorf("%s: %d", event, status)
			}
			if status := says(t, mine.Hooks()[0], mine.Secret(), event, m.ID, "other-internal", "ana"); status != http.StatusOK {
				t.Errorf("%s about an unknown copy: %d", event, status)
			}
		}
		for secret, want := range map[string]int{"wrong": 401, "Bearer wrong": 401, "Bearer ": 401, mine.Secret(): 200} {
			if status := says(t, mine.Hooks()[0], secret, "chat-group-message-sent", m.ID, m.InternalID, "ana"); status != want {
				t.Errorf("secret %s: %d, want %d", secret, status, want)
			}
		}
		if status := says(t, mine.Hooks()[0], "Bearer "+mine.Secret(), "user-emoji-changed", m.ID, m.InternalID, "ana"); status != http.StatusOK {
			t.Errorf("its own bearer: %d", status)
		}
		r.until("meeting-created chat-group-message-sent:ana user-emoji-changed:ana")
		if _, rooms := used(t, c, n, k); rooms != 1 {
			t.Error("another server ended a meeting")
		}
	})
}

func TestTheSecretLastUsedSignsEvents(t *testing.T) {
	each(t, quick, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, r := c.Client(n, "hilado", tariff.OverrideFields{}), newReceiver(t)
		r.wants(k, "/", "&eventID=meeting-created")
		fresh, err := n.Members.Rotate(context.Background(), identity.Operator(), k.Connection.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		r.until("meeting-created") // with the old one, which the client still signs with
		k.Secret = fresh
		signs := func(secret string) bool {
			used := false
			err := c.DB.Read(context.Background(), func(rd store.Reader) error {
				keys, err := n.Members.Keys(context.Background(), rd, k.Connection, c.Clock.Now())
				for _, key := range keys {
					used = used || key.Text == secret && !key.UsedAt.IsZero()
				}
				return err
			})
			return err == nil && used
		}
		gatewaytest.Until(t, "use of the new one noted", func() bool { k.Must("getMeetings", ""); return signs(fresh) })
		k.Must("create", "name=Assembly&meetingID=coop-2&attendeePW=ap&moderatorPW=mp")
		r.until("meeting-created meeting-created")
	})
}

func TestTwoNodesTellEachEventOnce(t *testing.T) {
	t.Parallel()
	loc := storetest.Location(t, store.Postgres)
	db := storetest.Open(t, loc)
	c := gatewaytest.New(t, db, quick)
	nodes := []*gatewaytest.Node{c.Node(db, quick), c.Node(storetest.Open(t, loc), quick)}
	heard(t, c.Servers[0])
	k, r := c.Client(nodes[0], "hilado", tariff.OverrideFields{}), newReceiver(t)
	k.Via(nodes[1]).Must("create", "name=Assembly&meetingID=coop-0&attendeePW=ap&moderatorPW=mp") // each remembers that there are no hooks
	k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
	r.wants(k, "/", "&eventID=meeting-created,meeting-ended,user-joined")
	want := "meeting-created"
	gatewaytest.Until(t, "known to the other node", func() bool { return strings.Contains(k.Via(nodes[1]).Must("hooks/list", "").Body, r.to) })
	time.Sleep(300 * time.Millisecond) // a change reaches other nodes within a fifth of a second
	k.Via(nodes[1]).Must("create", "name=Assembly&meetingID=coop-2&attendeePW=ap&moderatorPW=mp")
	r.until(want)
	session, _ := k.Via(nodes[1]).Enter("fullName=Ana&meetingID=coop-2&password=mp&userID=ana")
	do(t, c.Servers[0].Connect(session))
	want += " user-joined:ana"
	r.until(want)
	k.Via(nodes[1]).Must("end", "meetingID=coop-2&password=mp")
	r.until(want + " meeting-ended")
	pollsAgain(t, c.Servers[0])
	r.until(want + " meeting-ended")
}
