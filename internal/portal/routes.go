// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/identity"
)

// Class says who may call a route. The wrapper enforces it before the handler runs; what depends on the thing
// asked for (is this your room?) is decided by the capability the handler calls.
type Class string

const (
	Public   Class = "public"   // anyone; the answer is the same for all who are not signed in
	Guest    Class = "guest"    // anyone who knows the link; the handler asks who
	Person   Class = "person"   // signed in; others are led to /signin and back
	Member   Class = "member"   // signed in and affiliated with {member}; to others it does not exist
	Billing  Class = "billing"  // owner, manager or billing of {member}
	Manager  Class = "manager"  // owner or manager of {member}
	Owner    Class = "owner"    // owner of {member}
	Operator Class = "operator" // platform role; to others it does not exist
)

// HandlerFunc answers one request: parse, authorise, call one service method, render. An error it returns is
// logged and shown by the wrapper; it must not have written anything then.
type HandlerFunc func(w http.ResponseWriter, r *Request) error

// Route is one line of the table.
type Route struct {
	Method  string // GET (serves HEAD too) or POST
	Pattern string // as http.ServeMux has it; the member's slug is always {member}
	Class   Class
	Handler HandlerFunc
}

// table is the whole URL space of the portal. A page has GET, an act has POST and answers 303.
func (h *Handler) table() []Route {
	routes := []Route{
		{"GET", "/{$}", Public, h.homeShow},
		{"GET", "/levels", Public, h.levelsList},
		{"POST", "/language", Public, h.languageSet},
		{"POST", "/theme", Public, h.themeSet},

		{"GET", "/signup", Guest, h.signupShow},
		{"POST", "/signup", Guest, h.signupSend},
		{"GET", "/signin", Guest, h.signinShow},
		{"POST", "/signin", Guest, h.signinSend},
		{"GET", "/signin/sent", Guest, h.sentShow},
		{"POST", "/signin/code", Guest, h.codeSend},
		{"GET", identity.LinkPath + "{token}", Guest, h.linkShow},
		{"POST", identity.LinkPath + "{token}", Guest, h.linkSend},
		{"POST", "/signout", Guest, h.signOut},

		{"GET", "/account", Person, h.accountShow},
		{"POST", "/account/profile", Person, h.profileSave},
		{"GET", "/account/sessions/end-others", Person, h.endOthersAsk},
		{"POST", "/account/sessions/end-others", Person, h.endOthers},
		{"POST", "/account/sessions/{session}/end", Person, h.sessionEnd},

		{"GET", "/live", Person, h.liveShow},
		{"GET", "/rooms", Person, h.roomsList},
		{"POST", "/rooms", Person, h.roomCreate},
		{"GET", "/rooms/new", Person, h.roomNew},
		{"GET", "/rooms/archived", Person, h.roomsArchived},
		{"GET", "/rooms/events", Person, h.roomsEvents},
		{"GET", "/r/{room}", Guest, h.roomShow},
		{"GET", "/r/{room}/join", Guest, h.joinShow},
		{"POST", "/r/{room}/join", Guest, h.joinSend},
		{"GET", "/r/{room}/wait", Guest, h.waitShow},
		{"POST", "/r/{room}/wait", Guest, h.waitSend},
		{"POST", "/r/{room}/wait/leave", Guest, h.waitLeave},
		{"GET", "/r/{room}/wait/events", Guest, h.waitEvents},
		{"POST", "/r/{room}/settings", Person, h.roomSave},
		{"POST", "/r/{room}/pin", Person, h.roomPin},
		{"POST", "/r/{room}/people", Person, h.roomPersonAdd},
		{"POST", "/r/{room}/people/remove", Person, h.roomPersonRemove},
		{"GET", "/r/{room}/archive", Person, h.roomArchiveAsk},
		{"POST", "/r/{room}/archive", Person, h.roomArchive},
		{"POST", "/r/{room}/restore", Person, h.roomRestore},
		{"GET", "/r/{room}/invitation.ics", Person, h.roomCalendar},

		{"GET", "/m/{member}/usage", Member, h.usageShow},
		{"GET", "/m/{member}/usage.csv", Member, h.usageCSV},

		{"GET", "/m/{member}/connections", Manager, h.connectionsList},
		{"POST", "/m/{member}/connections", Manager, h.connectionCreate},
		{"GET", "/m/{member}/connections/new", Manager, h.connectionNew},
		{"GET", "/m/{member}/connections/{connection}", Manager, h.connectionShow},
		{"GET", "/m/{member}/connections/{connection}/edit", Manager, h.connectionEdit},
		{"POST", "/m/{member}/connections/{connection}/edit", Manager, h.connectionSave},
		{"GET", "/m/{member}/connections/{connection}/rotate", Manager, h.connectionRotateAsk},
		{"POST", "/m/{member}/connections/{connection}/rotate", Manager, h.connectionRotate},
		{"GET", "/m/{member}/connections/{connection}/revoke", Manager, h.connectionRevokeAsk},
		{"POST", "/m/{member}/connections/{connection}/revoke", Manager, h.connectionRevoke},
		{"POST", "/m/{member}/connections/{connection}/rules", Manager, h.ruleAdd},
		{"POST", "/m/{member}/connections/{connection}/rules/remove", Manager, h.ruleRemove},

		{"GET", "/recordings", Person, h.recordingsWatch},
		{"GET", "/m/{member}/recordings", Manager, h.recordingsList},
		{"POST", "/m/{member}/recordings", Manager, h.recordingsTogether},
		{"GET", "/m/{member}/recordings.csv", Manager, h.recordingsCSV},
		{"GET", "/m/{member}/recordings/{record}", Manager, h.recordingShow},
		{"GET", "/m/{member}/recordings/{record}/watch/{format}", Member, h.recordingWatch},
		{"POST", "/m/{member}/recordings/{record}/publish", Manager, h.recordingPublish},
		{"POST", "/m/{member}/recordings/{record}/hide", Manager, h.recordingHide},
		{"POST", "/m/{member}/recordings/{record}/access", Manager, h.recordingAccess},
		{"POST", "/m/{member}/recordings/{record}/title", Manager, h.recordingRename},
		{"GET", "/m/{member}/recordings/{record}/delete", Manager, h.recordingDeleteAsk},
		{"POST", "/m/{member}/recordings/{record}/delete", Manager, h.recordingDelete},
		{"POST", "/m/{member}/recordings/{record}/restore", Manager, h.recordingRestore},
		{"POST", "/m/{member}/recordings/{record}/tracks", Manager, h.trackAdd},
		{"POST", "/m/{member}/recordings/{record}/tracks/remove", Manager, h.trackRemove},

		{"GET", "/admin/recordings", Operator, h.quarantineList},
		{"GET", "/admin/recordings/{record}/assign", Operator, h.quarantineAssignAsk},
		{"POST", "/admin/recordings/{record}/assign", Operator, h.quarantineAssign},
		{"GET", "/admin/recordings/{record}/drop", Operator, h.quarantineDropAsk},
		{"POST", "/admin/recordings/{record}/drop", Operator, h.quarantineDrop},
		{"POST", "/admin/recordings/{record}/restore", Operator, h.quarantineRestore},

		{"GET", "/admin/servers", Operator, h.serversList},
		{"POST", "/admin/servers", Operator, h.serverAdd},
		{"GET", "/admin/servers/new", Operator, h.serverNew},
		{"GET", "/admin/servers/{server}", Operator, h.serverShow},
		{"GET", "/admin/servers/{server}/edit", Operator, h.serverEdit},
		{"POST", "/admin/servers/{server}/edit", Operator, h.serverSave},
		{"GET", "/admin/servers/{server}/{act}", Operator, h.serverActAsk},
		{"POST", "/admin/servers/{server}/{act}", Operator, h.serverAct},

		{"GET", "/admin/service-users", Operator, h.serviceUsersList},
		{"POST", "/admin/service-users", Operator, h.serviceUserAdd},
		{"GET", "/admin/service-users/new", Operator, h.serviceUserNew},
		{"GET", "/admin/service-users/remove", Operator, h.serviceUserRemoveAsk},
		{"POST", "/admin/service-users/remove", Operator, h.serviceUserRemove},
	}
	routes = append(routes, h.meetRoutes()...)
	if h.Demo {
		routes = append(routes,
			Route{"GET", "/outbox", Guest, h.outboxShow},
			Route{"GET", "/outbox/{mail}", Guest, h.letterShow},
		)
	}
	if h.Dev {
		routes = append(routes, Route{"GET", "/dev/components", Public, h.componentsShow})
	}
	return routes
}
