// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"time"
)

// Meeting is what a test can know about one that is listed.
type Meeting struct {
	ID, InternalID, Name string
	CreateTime           int64  // in milliseconds, as the API tells it
	Query                string // of the create that made it, as it came, checksum included; breakout rooms opened inside have none
	Body                 []byte // of the same
	Connected            int    // people who are there
	Registered           int    // people who have joined by the API and not left
	Ended                bool   // still listed for a moment
}

// Meetings returns those that are listed, in the order of their creation.
func (s *Server) Meetings() []Meeting {
	var out []Meeting
	s.locked(func(time.Time) {
		for _, m := range s.index.all {
			out = append(out, Meeting{
				ID: m.external, InternalID: m.internal, Name: m.name, CreateTime: m.createTime(), Query: m.query, Body: bytes.Clone(m.body), Connected: m.here,
				Registered: len(m.registered), Ended: !m.ended.IsZero(),
			})
		}
	})
	return out
}
