// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"meetcoop/internal/locale"
)

func TestBarChart(t *testing.T) {
	c := newBarChart(BarChartInput{Limit: 20, LimitText: "limit 20", MarkUnit: "Refused", Bars: []Bar{{"Mon", 20, 3}, {"Tue", 0, 0}, {"Wed", 10, 0}}})
	full, half := c.Bars[0], c.Bars[2]
	if full.Y != c.LimitY {
		t.Errorf("a bar at the limit ends at %s, the limit is at %s", full.Y, c.LimitY)
	}
	if f, h := number(t, full.Height), number(t, half.Height); f-2*h > 0.2 || 2*h-f > 0.2 {
		t.Errorf("10 is %v high and 20 is %v", h, f)
	}
	if full.MarkX == "" || half.MarkX != "" {
		t.Error("only days with refusals carry a sign")
	}
	if c.Bars[1].Height != "0" {
		t.Errorf("nothing is %s high", c.Bars[1].Height)
	}
	if got := c.Table.Rows[0]; got[0].Text != "Mon" || got[1].Text != "20" || got[2].Text != "3" {
		t.Errorf("the table says %v", got)
	}
	if above := newBarChart(BarChartInput{Limit: 5, Bars: []Bar{{"Mon", 8, 0}}}); number(t, above.Bars[0].Y) < 0 || number(t, above.LimitY) < number(t, above.Bars[0].Y) {
		t.Errorf("a bar above the limit is cut off: %+v", above)
	}
	if none := newBarChart(BarChartInput{}); len(none.Bars) != 0 || none.LimitY != "" {
		t.Errorf("an empty chart is %+v", none)
	}
}

// TestChartIsLight keeps a month of bars under 6 kB (P13).
func TestChartIsLight(t *testing.T) {
	in := BarChartInput{ID: "c", Title: "Peak seats", Finding: "Busy.", Limit: 100, LimitText: "limit 100", Caption: "Peaks", Head: "Day", Unit: "Seats", TableText: "Table"}
	for i := range 31 {
		in.Bars = append(in.Bars, Bar{strconv.Itoa(i+1) + " January", 37 + i, 1})
	}
	page := sampleComponents()
	page.Chart = newBarChart(in)
	page.Page = samplePage(sampleRequest(sampleVisitor(locale.English), locale.English, Route{}, "/"), "", "portal.skip")
	var out bytes.Buffer
	if err := testPortal.templates.execute(&out, "components_show", locale.English, page); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(out.String(), "<figure")
	svg, _, _ := strings.Cut(rest, "</svg>\n<p class=\"chart-axis\"")
	if len(svg) > 6*1024 {
		t.Errorf("the drawing has %d bytes", len(svg))
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
