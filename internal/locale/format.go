// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/money"
)

// format is the table of one language: how it writes values. Patterns of dates hold the verbs of write.
type format struct {
	group, decimal, minus string // signs of numbers
	groupFrom             int    // numbers with fewer digits are not grouped
	percent               string // what follows the number
	octets                bool   // bytes are called octets: Go, not GB
	symbolFirst           bool   // the currency stands before the number
	minusInside           bool   // the minus stands between currency and number
	symbols               map[money.Currency]string

	months, monthsShort, monthsAlone [12]string // monthsAlone: without a day before it
	weekdays, weekdaysShort          [7]string  // Sunday first, as time.Weekday
	date, dateShort, dateFull        string
	day, month                       string // weekday, day and month; month and year
	clock                            string
	dateTime, dateTimeShort          string // {0} is the date, {1} the time

	and, or    string // between the last two parts
	unitAnd    [2]string
	euphony    func(word, next string) string
	oneForZero bool // the form "one" covers 0
	units      map[unit]forms
	unitsShort map[unit]forms
	relative   map[unit]relative
	now        string
	namedDays  map[int]string // days from today that have a name
}

type unit uint8

const (
	second unit = iota
	minute
	hour
	day
	month
	year
)

// forms are the texts for one and for any other count; "#" stands for the number.
type forms struct{ one, other string }

type relative struct{ future, past forms }

var formats = map[Tag]*format{
	English: english, Catalan: catalan, Spanish: spanish, German: german, French: french, Dutch: dutch, Swedish: swedish,
}

// Number writes an integer: 1,234.
func (p *Printer) Number(n int64) string { return p.f.number(n) }

// Percent writes a whole percentage: 83%.
func (p *Printer) Percent(n int64) string { return p.f.number(n) + p.f.percent }

// Money writes an amount with all digits of its currency: €1,234.50.
func (p *Printer) Money(a money.Amount) string {
	f := p.f
	text, negative := strings.CutPrefix(a.Decimal(), "-")
	whole, fraction, _ := strings.Cut(text, ".")
	number := f.grouped(whole)
	if fraction != "" {
		number += f.decimal + fraction
	}
	symbol, known := f.symbols[a.Currency]
	if !known {
		symbol = string(a.Currency)
	}
	minus := ""
	if negative {
		minus = f.minus
	}
	switch {
	case !f.symbolFirst:
		return minus + number + nbsp + symbol
	case f.minusInside:
		return symbol + nbsp + minus + number
	}
	if last := symbol[len(symbol)-1]; last >= 'A' && last <= 'Z' { // letters do not touch the number
		symbol += nbsp
	}
	return minus + symbol + number
}

// Bytes writes a size in the greatest unit of a thousand (kB at least) with two digits or more: 1.2 GB, 340 MB. Below 10 it has one decimal.
func (p *Printer) Bytes(n int64) string {
	unit, size := 0, float64(max(n, 0))/1000
	for size >= 999.5 && unit < len(byteUnits)-1 {
		unit, size = unit+1, size/1000
	}
	text := p.f.number(int64(size + .5))
	if size < 9.95 && size > 0 {
		tenths := int64(max(1, size*10+.5)) // never 0: there is something
		if text = p.f.number(tenths / 10); tenths%10 > 0 {
			text += p.f.decimal + strconv.FormatInt(tenths%10, 10)
		}
	}
	name := byteUnits[unit]
	if p.f.octets {
		name = strings.Replace(name, "B", "o", 1)
	}
	return text + nbsp + name
}

var byteUnits = []string{"kB", "MB", "GB", "TB", "PB"}

const (
	nbsp  = "\u00a0" // no-break space
	nnbsp = "\u202f" // narrow no-break space
)

func (f *format) number(n int64) string {
	text, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	if negative {
		return f.minus + f.grouped(text)
	}
	return f.grouped(text)
}

func (f *format) grouped(digits string) string {
	if len(digits) < f.groupFrom {
		return digits
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(f.group)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Date writes a day in full: 12 January 2027; "" for none.
func (p *Printer) Date(d instant.Date) string { return p.f.onDate(p.f.date, d) }

// DateShort writes a day for tables: 12 Jan 2027; "" for none.
func (p *Printer) DateShort(d instant.Date) string { return p.f.onDate(p.f.dateShort, d) }

// DateFull writes a day with its weekday: Tuesday, 12 January 2027; "" for none.
func (p *Printer) DateFull(d instant.Date) string { return p.f.onDate(p.f.dateFull, d) }

// Day writes a day near today: Tue 12 Jan; "" for none.
func (p *Printer) Day(d instant.Date) string { return p.f.onDate(p.f.day, d) }

// Month writes the month of a day: January 2027; "" for none.
func (p *Printer) Month(d instant.Date) string { return p.f.onDate(p.f.month, d) }

// Weekday writes the name of a day of the week; Monday is the first day of a week in all languages.
func (p *Printer) Weekday(d time.Weekday) string { return p.f.weekdays[d] }

// Clock writes the time of day in the printer's zone: 19:05; "" for none.
func (p *Printer) Clock(i instant.Instant) string {
	if i.IsZero() {
		return ""
	}
	return p.f.write(p.f.clock, i.Time().In(p.zone))
}

// DateTime writes day and time in the printer's zone: 12 January 2027 at 19:05; "" for none.
func (p *Printer) DateTime(i instant.Instant) string { return p.joined(i, p.f.date, p.f.dateTime) }

// DateTimeShort writes day and time for tables: 12 Jan 2027, 19:05; "" for none.
func (p *Printer) DateTimeShort(i instant.Instant) string {
	return p.joined(i, p.f.dateShort, p.f.dateTimeShort)
}

func (p *Printer) joined(i instant.Instant, date, both string) string {
	if i.IsZero() {
		return ""
	}
	t := i.Time().In(p.zone)
	return strings.NewReplacer("{0}", p.f.write(date, t), "{1}", p.f.write(p.f.clock, t)).Replace(both)
}

func (f *format) onDate(pattern string, d instant.Date) string {
	if d.IsZero() {
		return ""
	}
	y, m, n := d.Parts()
	return f.write(pattern, time.Date(y, m, n, 12, 0, 0, 0, time.UTC))
}

// write fills a pattern: %d day, %D day with two digits, %m month with two digits, %M month, %B month in short, %A month
// alone, %Y year, %W weekday, %w weekday in short, %h hour, %H hour with two digits, %i minute.
func (f *format) write(pattern string, t time.Time) string {
	var b strings.Builder
	for rest := pattern; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		switch m := t.Month() - 1; rest[i+1] {
		case 'd':
			b.WriteString(strconv.Itoa(t.Day()))
		case 'D':
			b.WriteString(t.Format("02"))
		case 'm':
			b.WriteString(t.Format("01"))
		case 'M':
			b.WriteString(f.months[m])
		case 'B':
			b.WriteString(f.monthsShort[m])
		case 'A':
			b.WriteString(f.monthsAlone[m])
		case 'Y':
			b.WriteString(strconv.Itoa(t.Year()))
		case 'W':
			b.WriteString(f.weekdays[t.Weekday()])
		case 'w':
			b.WriteString(f.weekdaysShort[t.Weekday()])
		case 'h':
			b.WriteString(strconv.Itoa(t.Hour()))
		case 'H':
			b.WriteString(t.Format("15"))
		case 'i':
			b.WriteString(t.Format("04"))
		}
		rest = rest[i+2:]
	}
	return b.String()
}
