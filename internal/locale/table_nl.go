// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var dutch = &format{
	group: ".", decimal: ",", minus: "-", groupFrom: 4,
	percent: "%", symbolFirst: true, minusInside: true,
	symbols: map[money.Currency]string{
		"AUD": "AU$", "BRL": "R$", "CAD": "C$", "EUR": "€", "GBP": "£", "HKD": "HK$", "INR": "₹", "JPY": "JP¥", "KRW": "₩", "MXN": "MX$", "NZD": "NZ$", "USD": "US$",
	},
	months:        [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
	monthsShort:   [12]string{"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
	monthsAlone:   [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
	weekdays:      [7]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
	weekdaysShort: [7]string{"zo", "ma", "di", "wo", "do", "vr", "za"},
	date:          "%d %M %Y", dateShort: "%d %B %Y", dateFull: "%W %d %M %Y", day: "%w %d %B", month: "%A %Y",
	clock: "%H:%i", dateTime: "{0} om {1}", dateTimeShort: "{0}, {1}",
	and: "en", or: "of", unitAnd: [2]string{" en ", ", "},
	units:      map[unit]forms{second: {"# seconde", "# seconden"}, minute: {"# minuut", "# minuten"}, hour: {"# uur", "# uur"}, day: {"# dag", "# dagen"}},
	unitsShort: map[unit]forms{second: {"# sec", "# sec"}, minute: {"# min", "# min"}, hour: {"# uur", "# uur"}, day: {"# dag", "# dagen"}},
	relative: map[unit]relative{
		minute: {forms{"over # minuut", "over # minuten"}, forms{"# minuut geleden", "# minuten geleden"}},
		hour:   {forms{"over # uur", "over # uur"}, forms{"# uur geleden", "# uur geleden"}},
		day:    {forms{"over # dag", "over # dagen"}, forms{"# dag geleden", "# dagen geleden"}},
		month:  {forms{"over # maand", "over # maanden"}, forms{"# maand geleden", "# maanden geleden"}},
		year:   {forms{"over # jaar", "over # jaar"}, forms{"# jaar geleden", "# jaar geleden"}},
	},
	now:       "nu",
	namedDays: map[int]string{-2: "eergisteren", -1: "gisteren", 0: "vandaag", 1: "morgen", 2: "overmorgen"},
}
