// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/rooms"
)

// TestTheUsagePageShowsWhatAdmissionDecidesWith compares page and gate.
func TestTheUsagePageShowsWhatAdmissionDecidesWith(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "free", rooms.Settings{})
		w.moreInOneMeeting(h)
		path := "/m/" + h.member.Slug + "/usage"
		h.owner.get(path).is("before any meeting", 200).says("it", "0 of 5 seats taken", "No meeting is running.")
		meet := w.start(h)
		for i := range 4 {
			w.browser().knock(h, fmt.Sprint("Guest ", i), "")
			u := w.seats(h.member.ID)
			want := fmt.Sprintf("%d of 5 seats taken", u.Seats.Used)
			h.owner.get(path).is("now", 200).says("the gate's figure", want, fmt.Sprintf("%d of %d", u.RunningRooms.Used, u.RunningRooms.Limit))
			h.owner.get("/rooms").is("the rooms", 200).says("the same figure", want)
			h.owner.get(h.path("")).is("the room", 200).says("the same figure", want)
		}
		w.browser().knock(h, "One more", "").is("refused", 409)
		h.owner.get(path+"?span=month").is("the month, while it runs", 200).says("who is inside", "At most 5 seats were taken at once.")
		h.owner.send(meet+"/end", "{}").is("ending", 200)
		h.owner.get(path+"?span=month").is("the month, right after the end", 200).says("the peak of this hour", "At most 5 seats were taken at once.")
		w.pass(2 * time.Hour)
		w.browser().get(h.path(""))
		for _, span := range []string{"month", "year", "nonsense"} {
			h.owner.get(path+"?span="+span).is(span, 200)
		}
		h.owner.get(path+"?span=month").says("the refusal", "All seats taken", "somebody was refused")
		file := h.owner.get(path+".csv?span=month").is("the file", 200)
		lines := strings.Split(strings.TrimSpace(file.body), "\n")
		if len(lines) != 31 || lines[0] != "date,peak_seats,meetings,minutes,refused,attempts" || !strings.HasPrefix(lines[30], "2027-01-11,5,1,0,1,1") {
			t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
		}
		if got := file.header.Get("Content-Disposition"); got != `attachment; filename="usage-`+h.member.Slug+`.csv"` {
			t.Errorf("%q", got)
		}
	})
}

func TestCellsAreNoFormulas(t *testing.T) {
	var out bytes.Buffer
	if err := writeCSV(&out, [][]string{{"=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", "", "12", `"=1`}}); err != nil {
		t.Fatal(err)
	}
	want := "'=1+1,'+1,'-1,'@x,'\tx,\"'\rx\",a=b,,12,\"\"\"=1\"\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
