// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
)

// The samples of the pages about servers, as an admin of the platform sees them.

func asAdmin(r *Request) *Request {
	r.Visitor.Actor.PlatformAdmin = true
	return r
}

var (
	sampleObserved = []fleet.Observed{fleet.ObservedUp, fleet.ObservedSuspect, fleet.ObservedDown, fleet.ObservedUnknown}
	sampleAdmin    = []fleet.Admin{fleet.AdminEnabled, fleet.AdminCordoned, fleet.AdminDraining, fleet.AdminDisabled}
)

func sampleServer(n int) fleet.Server {
	s := fleet.Server{
		ID: id.Server(fmt.Sprintf("srv_%d", n)), Kind: fleet.KindBBB, Name: fmt.Sprintf("bbb-es-%d", n), URL: fmt.Sprintf("https://bbb-es-%d.example/bigbluebutton/api", n),
		Observed: sampleObserved[n%4], Admin: sampleAdmin[n%4], LoadUnits: 175, Tags: []string{}, SeenAt: sampleNow.Add(-time.Duration(n*n) * time.Minute),
	}
	if n%3 == 1 {
		s.Tags = []string{"eu", "recording", "large"}
	}
	if s.Observed == fleet.ObservedUnknown {
		s.SeenAt = s.SeenAt.Add(-sampleNow.Sub(s.SeenAt))
	}
	return s
}

func longServer(n int) fleet.Server {
	s := sampleServer(n)
	s.Name, s.URL = longWord, "https://"+longWord+".example/bigbluebutton/api"
	s.Tags = []string{longWord, "eu", "recording"}
	return s
}

func engineServer() fleet.Server {
	s := sampleServer(0)
	s.ID, s.Kind, s.Name, s.URL, s.LoadUnits = "srv_engine", fleet.KindSFU, "node-1", "http://127.0.0.1:7880", 60
	return s
}

var sampleLoad = fleet.Load{Meetings: 4, People: 61}

var (
	_ = sampleOf("servers_list", "filled", func(r *Request) any {
		all := []fleet.Server{engineServer()}
		for i := range 4 {
			all = append(all, sampleServer(i))
		}
		return testPortal.serversOf(asAdmin(r), all, map[id.Server]fleet.Load{"srv_0": sampleLoad, "srv_1": {Meetings: 1, People: 1}})
	})
	_ = sampleOf("servers_list", "empty", func(r *Request) any { return testPortal.serversOf(asAdmin(r), nil, nil) })
	_ = sampleOf("servers_list", "crowded", func(r *Request) any {
		var all []fleet.Server
		for i := range crowd {
			all = append(all, longServer(i))
		}
		return testPortal.serversOf(asAdmin(r), all, map[id.Server]fleet.Load{"srv_0": {Meetings: 1234, People: 56789}})
	})
	_ = sampleOf("server_show", "filled", func(r *Request) any { return testPortal.serverOf(asAdmin(r), sampleServer(0), sampleLoad) })
	_ = sampleOf("server_show", "cordoned", func(r *Request) any { return testPortal.serverOf(asAdmin(r), sampleServer(1), sampleLoad) })
	_ = sampleOf("server_show", "draining", func(r *Request) any {
		return testPortal.serverOf(asAdmin(r), sampleServer(2), fleet.Load{Meetings: 1, People: 1})
	})
	_ = sampleOf("server_show", "deadline", func(r *Request) any {
		s := sampleServer(2)
		s.DrainUntil = sampleNow.Add(90 * time.Minute)
		return testPortal.serverOf(asAdmin(r), s, sampleLoad)
	})
	_ = sampleOf("server_edit", "filled", func(r *Request) any { return testPortal.serverEditOf(asAdmin(r), sampleServer(1), Mistakes{}) })
	_ = sampleOf("server_edit", "engine", func(r *Request) any { return testPortal.serverEditOf(asAdmin(r), engineServer(), Mistakes{}) })
	_ = sampleOf("server_edit", "crowded", func(r *Request) any { return testPortal.serverEditOf(asAdmin(r), longServer(0), Mistakes{}) })
	_ = sampleOf("server_edit", "wrong", func(r *Request) any {
		r = typed(asAdmin(r), url.Values{"url": {"<b>"}, "name": {""}, "tags": {"<i>"}, "weight": {"heavy"}})
		_, err := serverChangeInput(r, sampleServer(0))
		m, _ := mistakes(r.P, err)
		return testPortal.serverEditOf(r, sampleServer(0), m)
	})
	_ = sampleOf("server_edit", "refused", func(r *Request) any {
		return testPortal.serverEditRefused(typed(asAdmin(r), url.Values{"name": {"mine"}, "weight": {"3"}}), longServer(1), fault.New(fault.Conflict, "fleet.server_changed"))
	})
	_ = sampleOf("server_show", "disabled", func(r *Request) any { return testPortal.serverOf(asAdmin(r), sampleServer(3), fleet.Load{}) })
	_ = sampleOf("server_show", "engine", func(r *Request) any { return testPortal.serverOf(asAdmin(r), engineServer(), fleet.Load{}) })
	_ = sampleOf("server_show", "crowded", func(r *Request) any {
		return testPortal.serverOf(asAdmin(r), longServer(0), fleet.Load{Meetings: 1234, People: 56789})
	})

	_ = sampleOf("server_new", "empty", func(r *Request) any { return testPortal.serverForm(asAdmin(r), Mistakes{}) })
	_ = sampleOf("server_new", "wrong", func(r *Request) any {
		r = typed(asAdmin(r), url.Values{"url": {"<b>"}, "name": {longName}, "tags": {"<i>"}, "weight": {"heavy"}, "no_check": {"on"}})
		_, err := serverInput(r)
		m, _ := mistakes(r.P, err)
		return testPortal.serverForm(r, m)
	})
	_ = sampleOf("server_new", "refused", func(r *Request) any {
		return testPortal.serverFormRefused(typed(asAdmin(r), url.Values{"url": {"https://bbb.example"}, "weight": {"2"}}), fault.New(fault.Unavailable, "fleet.server_refused"))
	})
)

// Every act has its sample: its words are found by its name.
var _ = func() struct{} {
	for i, a := range serverChanges {
		s := sampleServer(i)
		_ = sampleOf("confirm", "server-"+a.name, func(r *Request) any { return testPortal.actOf(asAdmin(r), s, sampleLoad, a, Mistakes{}) })
	}
	return struct{}{}
}()

var _ = sampleOf("confirm", "server-in-use", func(r *Request) any {
	page := testPortal.actOf(asAdmin(r), longServer(0), sampleLoad, serverChanges[slices.IndexFunc(serverChanges, func(a serverChange) bool { return a.name == "disable" })], Mistakes{})
	page.Refused = &Notice{Kind: NoticeWarn, Text: r.P.N("servers.in_use", 4)}
	return page
})
