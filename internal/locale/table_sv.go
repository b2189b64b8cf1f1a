// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var swedish = &format{
	group: "\u00a0", decimal: ",", minus: "\u2212", groupFrom: 4,
	percent: "\u00a0%", symbolFirst: false, minusInside: false,
	symbols: map[money.Currency]string{
		"BRL": "BR$", "CAD": "CA$", "DKK": "Dkr", "EUR": "€", "ISK": "Ikr", "MXN": "MX$", "NOK": "Nkr", "SEK": "kr", "USD": "US$",
	},
	months:        [12]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	monthsShort:   [12]string{"jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec."},
	monthsAlone:   [12]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	weekdays:      [7]string{"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
	weekdaysShort: [7]string{"sön", "mån", "tis", "ons", "tors", "fre", "lör"},
	date:          "%d %M %Y", dateShort: "%d %B %Y", dateFull: "%W %d %M %Y", day: "%w %d %B", month: "%A %Y",
	clock: "%H:%i", dateTime: "{0} kl. {1}", dateTimeShort: "{0} {1}",
	and: "och", or: "eller", unitAnd: [2]string{", ", ", "},
	units:      map[unit]forms{second: {"# sekund", "# sekunder"}, minute: {"# minut", "# minuter"}, hour: {"# timme", "# timmar"}, day: {"# dygn", "# dygn"}},
	unitsShort: map[unit]forms{second: {"# s", "# s"}, minute: {"# min", "# min"}, hour: {"# tim", "# tim"}, day: {"# d", "# d"}},
	relative: map[unit]relative{
		minute: {forms{"om # minut", "om # minuter"}, forms{"för # minut sedan", "för # minuter sedan"}},
		hour:   {forms{"om # timme", "om # timmar"}, forms{"för # timme sedan", "för # timmar sedan"}},
		day:    {forms{"om # dag", "om # dagar"}, forms{"för # dag sedan", "för # dagar sedan"}},
		month:  {forms{"om # månad", "om # månader"}, forms{"för # månad sedan", "för # månader sedan"}},
		year:   {forms{"om # år", "om # år"}, forms{"för # år sedan", "för # år sedan"}},
	},
	now:       "nu",
	namedDays: map[int]string{-2: "i förrgår", -1: "i går", 0: "i dag", 1: "i morgon", 2: "i övermorgon"},
}
