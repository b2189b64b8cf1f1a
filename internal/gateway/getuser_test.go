// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"crypto/sha1" // #nosec G505: Greenlight signs with it
	"net/url"
	"strings"
	"testing"

	"meetcoop/internal/gateway"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
)

// A Greenlight that serves many members asks for each of them (greenlight, app/services/provider_credentials.rb).
func TestAContainerFindsTheTenantsOfItsMembers(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		ctx, operator := context.Background(), identity.Operator()
		coop := c.Create(t, membership.CreateInput{Name: "Coop", Slug: "tending", Kind: membership.KindOperational})
		c.Create(t, membership.CreateInput{Name: "Other", Slug: "others", Kind: membership.KindOperational})
		mine := c.Create(t, membership.CreateInput{Name: "Mine", Slug: "mine", Steward: "tending", Level: "custom"})
		theirs := c.Create(t, membership.CreateInput{Name: "Theirs", Slug: "theirs", Steward: "others", Level: "custom"})
		connect := func(m membership.Member, name, tenant string) (membership.Connection, string) {
			conn, secret, err := n.Members.Connect(ctx, operator, membership.ConnectInput{Member: m.ID, Name: name, TenantName: tenant})
			if err != nil {
				t.Fatal(err)
			}
			return conn, secret
		}
		conn, secret := connect(mine, "mine-gl", "mine.example")
		connect(theirs, "theirs-gl", "theirs.example")
		_, container, err := n.Members.AddContainer(ctx, operator, coop.ID, "gl-eu")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.Members.AddContainer(ctx, operator, mine.ID, "no"); err == nil {
			t.Error("a user member runs a container")
		}
		ask := func(query, secret string) gatewaytest.Reply {
			return send(t, "GET", n.URL+gateway.UserPath+"?"+query+"&checksum="+digest(sha1.New, "getUser"+query+secret), "", "")
		}
		got := ask("name=mine.example", container)
		user := got.Root.Child("user")
		if !got.OK() || user.Value("secret") != secret || user.Value("apiURL") != n.URL+"/bbb/mine-gl/bigbluebutton/" || user.Value("name") != "mine.example" {
			t.Errorf("the tenant: %s", got.Body)
		}
		if r := send(t, "GET", n.URL+gateway.UserPath+"?checksum="+digest(sha1.New, "getUsername=mine.example"+container)+"&name=mine.example", "", ""); !r.OK() {
			t.Errorf("checksum first: %s", r.Body)
		}
		form := url.Values{"name": {"mine.example"}, "checksum": {digest(sha1.New, "getUsername=mine.example"+container)}}
		if r := send(t, "POST", n.URL+gateway.UserPath, "application/x-www-form-urlencoded", form.Encode()); !r.OK() {
			t.Errorf("by POST: %s", r.Body)
		}
		want := ask("name=mine.example", "wrong")
		if want.Key() != "checksumError" {
			t.Errorf("a wrong secret: %s", want.Body)
		}
		for what, query := range map[string]string{"of another coop": "name=theirs.example", "unknown": "name=nobody", "none": "name="} {
			if r := ask(query, container); r.Body != want.Body || r.Status != want.Status {
				t.Errorf("%s differs from a wrong secret: %d %s", what, r.Status, r.Body)
			}
		}
		fresh, err := n.Members.Rotate(ctx, operator, conn.ID, 24*60*60*1e9)
		if err != nil {
			t.Fatal(err)
		}
		if r := ask("name=mine.example", container); r.Root.Child("user").Value("secret") != fresh {
			t.Errorf("after a rotation: %s", r.Body)
		}
		if err := n.Members.RevokeContainer(ctx, operator, "gl-eu"); err != nil {
			t.Fatal(err)
		}
		if r := ask("name=mine.example", container); r.Key() != "checksumError" || strings.Contains(r.Body, fresh) {
			t.Errorf("a revoked container: %s", r.Body)
		}
	})
}
