// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"math"
	"strconv"
)

// Charts are drawn on the server: across in per cent of the page's width, upwards in the chartHeight pixels of the drawing. The words
// stand outside of it, so that they keep their size. The same rows follow as a table.
const (
	chartHeight = 160
	barGap      = 0.3 // of a bar's place
)

// BarChartInput are the values of a bar chart. Bars are in order of time; Limit 0 or below draws no line.
type BarChartInput struct {
	ID, Title, Finding            string
	Limit                         int
	LimitText                     string
	Caption, Head, Unit, MarkUnit string // of the table; an empty MarkUnit leaves its column out
	TableText                     string // of the summary that opens the table
	Bars                          []Bar
}

// Bar is one value with its label. Mark over 0 puts a sign above the bar (people refused that day).
type Bar struct {
	Label string
	Value int
	Mark  int
}

// Chart is a drawn bar chart; build it with newBarChart.
type Chart struct {
	ID, Title, Finding string
	Bars               []ChartBar
	LimitY, LimitText  string // empty: no limit line
	Top, First, Last   string // words at the edges
	TableText          string
	Table              Table
}

// ChartBar is one bar; MarkX and MarkY are the centre of its sign, empty without one.
type ChartBar struct{ X, Y, Width, Height, MarkX, MarkY string }

// newBarChart scales the bars to the larger of limit and highest value, plus a tenth for the signs above.
func newBarChart(in BarChartInput) Chart {
	top := max(in.Limit, 1)
	for _, b := range in.Bars {
		top = max(top, b.Value)
	}
	scale := float64(chartHeight) / (float64(top) * 1.1)
	place := 100 / float64(max(1, len(in.Bars)))
	c := Chart{ID: in.ID, Title: in.Title, Finding: in.Finding, TableText: in.TableText, Top: strconv.Itoa(top), Table: Table{Caption: in.Caption, Columns: []Column{{Label: in.Head}, {Label: in.Unit, Number: true}}}}
	if in.MarkUnit != "" {
		c.Table.Columns = append(c.Table.Columns, Column{Label: in.MarkUnit, Number: true})
	}
	for i, b := range in.Bars {
		height := float64(max(0, b.Value)) * scale
		x := place * (float64(i) + barGap/2)
		bar := ChartBar{X: percent(x), Y: units(chartHeight - height), Width: percent(place * (1 - barGap)), Height: units(height)}
		if b.Mark > 0 {
			bar.MarkX, bar.MarkY = percent(place*(float64(i)+0.5)), units(max(6, chartHeight-height-10))
		}
		c.Bars = append(c.Bars, bar)
		row := []Cell{{Text: b.Label}, {Text: strconv.Itoa(b.Value)}}
		if in.MarkUnit != "" {
			row = append(row, Cell{Text: strconv.Itoa(b.Mark)})
		}
		c.Table.Rows = append(c.Table.Rows, row)
	}
	if in.Limit > 0 {
		c.LimitY, c.LimitText = units(chartHeight-float64(in.Limit)*scale), in.LimitText
	}
	if n := len(in.Bars); n > 0 {
		c.First, c.Last = in.Bars[0].Label, in.Bars[n-1].Label
	}
	return c
}

// units prints a length with one decimal, without a trailing zero: charts stay under 6 kB.
func units(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func percent(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) + "%" }
