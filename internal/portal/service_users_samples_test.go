// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
)

// The samples of the pages about helpers, as an admin of the platform sees them.

func sampleServiceUser(pattern string, c membership.Connection) membership.NamedServiceUser {
	u := membership.ServiceUser{Connection: c.ID, Pattern: pattern, CreatedAt: sampleNow.Add(-40 * 24 * time.Hour)}
	return membership.NamedServiceUser{ServiceUser: u, Name: c.Name, RevokedAt: c.RevokedAt}
}

// longPattern has no place to break, and all of what a pattern may have.
var longPattern = "*" + strings.Repeat("aufzeichnungsdienst", 6) + "*-*-*"

func formerConnection() membership.Connection {
	c := longConnection()
	c.ID, c.RevokedAt = "conn_former", sampleNow.Add(-30*24*time.Hour)
	return c
}

var (
	_ = sampleOf("service_users_list", "filled", func(r *Request) any {
		return testPortal.serviceUsersOf(asAdmin(r), []membership.NamedServiceUser{
			sampleServiceUser("recorder-*", membership.Connection{}), sampleServiceUser("*-captions", membership.Connection{}),
			sampleServiceUser("sip-gateway", sampleConnection(0)), sampleServiceUser("streamer-*", formerConnection()),
		})
	})
	_ = sampleOf("service_users_list", "empty", func(r *Request) any { return testPortal.serviceUsersOf(asAdmin(r), nil) })
	_ = sampleOf("service_users_list", "crowded", func(r *Request) any {
		var all []membership.NamedServiceUser
		for i := range 100 { // the most there can be
			c := longConnection()
			c.ID = id.Connection(fmt.Sprintf("conn_%d", i))
			all = append(all, sampleServiceUser(longPattern, c))
		}
		return testPortal.serviceUsersOf(asAdmin(r), all)
	})

	_ = sampleOf("service_user_new", "empty", func(r *Request) any {
		return testPortal.serviceUserForm(asAdmin(r), []membership.Connection{sampleConnection(0), sampleConnection(1)}, Mistakes{})
	})
	_ = sampleOf("service_user_new", "wrong", func(r *Request) any {
		r = typed(asAdmin(r), url.Values{"pattern": {"<b>*" + strings.Repeat("*", 9)}, "where": {"somewhere"}, "connection": {"<i>"}})
		_, _, err := serviceUserInput(r, nil)
		m, _ := mistakes(r.P, err)
		return testPortal.serviceUserForm(r, nil, m)
	})
	_ = sampleOf("service_user_new", "both", func(r *Request) any {
		r = typed(asAdmin(r), url.Values{"pattern": {"recorder-*"}, "where": {whereAll}, "connection": {sampleConnection(0).Name}})
		_, _, err := serviceUserInput(r, []membership.Connection{sampleConnection(0)})
		m, _ := mistakes(r.P, err)
		return testPortal.serviceUserForm(r, nil, m)
	})
	_ = sampleOf("service_user_new", "refused", func(r *Request) any {
		r = typed(asAdmin(r), url.Values{"pattern": {longPattern}, "where": {whereAll}})
		return testPortal.serviceUserFormRefused(r, nil, fault.New(fault.LimitReached, "service_user.many", fault.Params{"Limit": 100, "Used": 100}))
	})

	_ = sampleOf("confirm", "service-user-remove", func(r *Request) any {
		return testPortal.removalOf(asAdmin(r), sampleServiceUser("recorder-*", membership.Connection{}))
	})
	_ = sampleOf("confirm", "service-user-remove-one", func(r *Request) any {
		return testPortal.removalOf(asAdmin(r), sampleServiceUser(longPattern, longConnection()))
	})
)
