// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import "net/http"

// route is one call of the API: how it is asked for and who answers.
type route struct {
	do          func(*Server, http.ResponseWriter, *call)
	check       check
	get, post   bool
	types       []string // media types of a body
	needs       []needed // of recording calls
	from, until Profile  // the lines that have it; none: all
}

// check is the way a call is verified.
type check int

const (
	validated check = iota // checksum, then the type of the body, then the fields
	older                  // checksum there, required parameters, checksum right
	hooking                // the same without the middle
	open                   // no checksum; a session token where one is needed
)

type needed struct {
	param string
	breach
}

var (
	forms     = []string{"application/x-www-form-urlencoded", "multipart/form-data"}
	documents = []string{"application/xml", "text/xml"}
	recordID  = needed{"recordID", breach{"missingParamRecordID", "You must specify one or more a record IDs."}}
	publish   = needed{"publish", breach{"missingParamPublish", "You must specify one a publish value true or false."}}
)

// routes is everything below the API's path.
var routes = map[string]route{
	"":  {do: (*Server).root, check: open, get: true, post: true},
	"/": {do: (*Server).root, check: open, get: true, post: true},

	"/create":           {do: (*Server).create, get: true, post: true, types: append(forms[:2:2], documents...)},
	"/join":             {do: (*Server).join, get: true},
	"/isMeetingRunning": {do: (*Server).isMeetingRunning, get: true, post: true, types: forms},
	"/end":              {do: (*Server).end, get: true, post: true, types: forms},
	"/getMeetingInfo":   {do: (*Server).getMeetingInfo, get: true, post: true, types: forms},
	"/getMeetings":      {do: (*Server).getMeetings, get: true, post: true, types: forms},
	"/getSessions":      {do: (*Server).getSessions, get: true, post: true, types: forms},
	"/insertDocument":   {do: (*Server).insertDocument, post: true, types: documents},
	"/sendChatMessage":  {do: (*Server).sendChatMessage, get: true, from: V30},

	"/getRecordings":          {do: (*Server).getRecordings, check: older, get: true, post: true, types: forms},
	"/publishRecordings":      {do: (*Server).publishRecordings, check: older, get: true, needs: []needed{recordID, publish}},
	"/deleteRecordings":       {do: (*Server).deleteRecordings, check: older, get: true, needs: []needed{recordID}},
	"/updateRecordings":       {do: (*Server).updateRecordings, check: older, get: true, post: true, types: forms, needs: []needed{recordID}},
	"/getRecordingTextTracks": {do: (*Server).getRecordingTextTracks, check: older, get: true, post: true, types: forms, needs: []needed{recordID}},
	"/putRecordingTextTrack":  {do: (*Server).putRecordingTextTrack, check: older, post: true, types: []string{"multipart/form-data"}},

	"/hooks/create":  {do: (*Server).hooksCreate, check: hooking, get: true},
	"/hooks/list":    {do: (*Server).hooksList, check: hooking, get: true},
	"/hooks/destroy": {do: (*Server).hooksDestroy, check: hooking, get: true},
	"/hooks/ping":    {do: (*Server).hooksPing, check: open, get: true},

	"/getJoinUrl":        {do: (*Server).getJoinURL, check: open, get: true},
	"/stuns":             {do: (*Server).stuns, check: open, get: true},
	"/signOut":           {do: (*Server).signOut, check: open, get: true, post: true},
	"/learningDashboard": {do: (*Server).learningDashboard, check: open, get: true},
	"/feedback":          {do: (*Server).feedback, check: open, post: true, from: V30},
	"/enter":             {do: (*Server).enter, check: open, get: true, until: V27},
	"/guestWait":         {do: (*Server).guestWait, check: open, get: true, until: V27},
}

// serves reports whether a line of BigBlueButton has the call. Lines sort as their names do.
func (r route) serves(p Profile) bool {
	return (r.from == "" || p >= r.from) && (r.until == "" || p <= r.until)
}
