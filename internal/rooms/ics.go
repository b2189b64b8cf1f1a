// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/instant"
)

// CalendarInput is one planned meeting for a calendar file.
type CalendarInput struct {
	UID         string // stays the same when the meeting is changed, unique in the world: "<room or meeting>@<public host>"
	Sequence    int    // raised with each change of the same UID; from 0
	Summary     string
	Description string // usually Invitation's text
	URL         string
	Starts      instant.Instant // not zero
	Ends        instant.Instant // after Starts
	Now         instant.Instant // when the file is made
}

// The bounds of RFC 5545: a content line holds at most 75 octets, its break not counted (section 3.1).
const icsLine = 75

// Calendar returns an iCalendar file (RFC 5545) with one event, to be served as text/calendar; charset=utf-8. Times are
// in UTC, so it needs no time zone table; the reader's calendar shows them in its own zone. It is a pure function.
func Calendar(in CalendarInput) []byte {
	var b strings.Builder
	prop := func(name, value string) { b.WriteString(fold(name+":"+value) + "\r\n") }
	prop("BEGIN", "VCALENDAR")
	prop("VERSION", "2.0")
	prop("PRODID", "-//meetcoop//rooms//EN")
	prop("METHOD", "PUBLISH")
	prop("BEGIN", "VEVENT")
	prop("UID", escape(in.UID))
	prop("SEQUENCE", strconv.Itoa(in.Sequence))
	prop("DTSTAMP", stamp(in.Now))
	prop("DTSTART", stamp(in.Starts))
	prop("DTEND", stamp(in.Ends))
	prop("SUMMARY", escape(in.Summary))
	if in.Description != "" {
		prop("DESCRIPTION", escape(in.Description))
	}
	if in.URL != "" {
		prop("LOCATION", escape(in.URL)) // many clients show the place and hide the property URL
		prop("URL", bare(in.URL))
	}
	prop("END", "VEVENT")
	prop("END", "VCALENDAR")
	return []byte(b.String())
}

func stamp(i instant.Instant) string { return i.Time().Format("20060102T150405Z") }

var icsEscape = strings.NewReplacer(`\`, `\\`, `;`, `\;`, `,`, `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// escape writes a value of type TEXT (RFC 5545, section 3.3.11). Other control characters have no form there and are dropped.
func escape(s string) string { return icsEscape.Replace(dropControls(strings.ToValidUTF8(s, ""))) }

// bare writes a value of type URI (section 3.3.13), which is not escaped; what could end its line is dropped.
func bare(s string) string {
	return strings.NewReplacer("\r", "", "\n", "").Replace(dropControls(strings.ToValidUTF8(s, "")))
}

func dropControls(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < 0x20 && r != '\t' && r != '\n' && r != '\r') || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// fold breaks a content line after at most 75 octets, never inside a character; each further line begins with a
// space, which counts (section 3.1).
func fold(line string) string {
	var b strings.Builder
	room := icsLine
	for len(line) > room {
		cut := room
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line, room = line[cut:], icsLine-1
	}
	b.WriteString(line)
	return b.String()
}
