// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "strconv"

// The seat row is our sign: one rounded square per seat, tens grouped, the same everywhere. Above trackFrom seats it is a track
// with a tick at warnPercent.
const (
	trackFrom   = 60
	warnPercent = 80
	seatStep    = 13 // 10 px square and 3 px gap
)

// SeatRow shows how many seats are used, held for somebody joining, reserved for an event, and free. Build it with newSeatRow.
type SeatRow struct {
	Sentence string // "18 of 20 people online": always shown
	Hint     string // what happens at the limit; may be empty
	Groups   []SeatGroup
	Track    *SeatTrack
}

// SeatGroup is up to ten seats.
type SeatGroup struct {
	Width string
	Seats []Seat
}

// Seat is one square. State is used, held, reserved or free.
type Seat struct{ X, State string }

// SeatTrack is the row of a large member, in per cent.
type SeatTrack struct{ Used, HeldFrom, Held, ReservedFrom, Reserved, Tick string }

// SeatsInput are the figures admission decides with. Limit below 0 is unlimited: then only the sentence is shown.
type SeatsInput struct {
	Used, Held, Reserved, Limit int
	Sentence, Hint              string
}

// newSeatRow draws the figures. More used than the limit (a level was lowered while people were in) fills the whole row; the sentence
// says the number.
func newSeatRow(in SeatsInput) SeatRow {
	row := SeatRow{Sentence: in.Sentence, Hint: in.Hint}
	if in.Limit <= 0 {
		return row
	}
	used := min(max(in.Used, 0), in.Limit)
	held := min(max(in.Held, 0), in.Limit-used)
	reserved := min(max(in.Reserved, 0), in.Limit-used-held)
	if in.Limit > trackFrom {
		share := func(n int) string { return percent(float64(n) * 100 / float64(in.Limit)) }
		row.Track = &SeatTrack{
			Used: share(used), HeldFrom: share(used), Held: share(held),
			ReservedFrom: share(in.Limit - reserved), Reserved: share(reserved), Tick: strconv.Itoa(warnPercent) + "%",
		}
		return row
	}
	for first := 0; first < in.Limit; first += 10 {
		n := min(10, in.Limit-first)
		g := SeatGroup{Width: strconv.Itoa(n*seatStep - 3)}
		for i := range n {
			g.Seats = append(g.Seats, Seat{X: strconv.Itoa(i * seatStep), State: seatState(first+i, used, held, in.Limit-reserved)})
		}
		row.Groups = append(row.Groups, g)
	}
	return row
}

func seatState(i, used, held, reservedFrom int) string {
	switch {
	case i < used:
		return "used"
	case i < used+held:
		return "held"
	case i >= reservedFrom:
		return "reserved"
	default:
		return "free"
	}
}

// Meter shows one figure against its limit: "2 of 2", and what happens there. Percent is 0 to 100; Warn from 80, Full at 100.
type Meter struct {
	Label, Value, Hint string
	Width              string // "64%"; empty: no limit, no bar
	State              string // "", warn or full
}

// newMeter returns the meter of a figure. Limit below 0 is unlimited: then there is no bar.
func newMeter(label, value, hint string, used, limit int) Meter {
	m := Meter{Label: label, Value: value, Hint: hint}
	if limit < 0 {
		return m
	}
	filled := 100
	if limit > 0 {
		filled = min(100, max(0, used)*100/limit)
	}
	m.Width = strconv.Itoa(filled) + "%"
	switch {
	case filled >= 100:
		m.State = "full"
	case filled >= warnPercent:
		m.State = "warn"
	}
	return m
}
