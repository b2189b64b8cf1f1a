// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"sync"
	"time"
	_ "time/tzdata" // days of members must begin rightly on a machine without zone files too
)

var zones sync.Map // name to *time.Location: loading one reads a file

// KnownZone reports whether name is an IANA zone this program knows. "" and "Local", which mean the
// machine's own zone to package time, are none.
func KnownZone(name string) bool { return lookUpZone(name) != nil }

// location returns the zone, or UTC when the name is unknown: a zone can leave the database of zones,
// and a member must not be locked out by that.
func location(name string) *time.Location {
	if loc := lookUpZone(name); loc != nil {
		return loc
	}
	return time.UTC
}

func lookUpZone(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	zones.Store(name, loc)
	return loc
}
