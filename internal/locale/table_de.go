// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var german = &format{
	group: ".", decimal: ",", minus: "-", groupFrom: 4,
	percent: "\u00a0%", symbolFirst: false, minusInside: false,
	symbols: map[money.Currency]string{
		"AUD": "AU$", "BRL": "R$", "CAD": "CA$", "EUR": "€", "GBP": "£", "HKD": "HK$", "INR": "₹", "JPY": "¥", "KRW": "₩", "MXN": "MX$", "NZD": "NZ$", "USD": "$",
	},
	months:        [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	monthsShort:   [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
	monthsAlone:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	weekdays:      [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	weekdaysShort: [7]string{"So.", "Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa."},
	date:          "%d. %M %Y", dateShort: "%D.%m.%Y", dateFull: "%W, %d. %M %Y", day: "%w, %d. %B", month: "%A %Y",
	clock: "%H:%i", dateTime: "{0} um {1}", dateTimeShort: "{0}, {1}",
	and: "und", or: "oder", unitAnd: [2]string{", ", ", "},
	units:      map[unit]forms{second: {"# Sekunde", "# Sekunden"}, minute: {"# Minute", "# Minuten"}, hour: {"# Stunde", "# Stunden"}, day: {"# Tag", "# Tage"}},
	unitsShort: map[unit]forms{second: {"# Sek.", "# Sek."}, minute: {"# Min.", "# Min."}, hour: {"# Std.", "# Std."}, day: {"# Tg.", "# Tg."}},
	relative: map[unit]relative{
		minute: {forms{"in # Minute", "in # Minuten"}, forms{"vor # Minute", "vor # Minuten"}},
		hour:   {forms{"in # Stunde", "in # Stunden"}, forms{"vor # Stunde", "vor # Stunden"}},
		day:    {forms{"in # Tag", "in # Tagen"}, forms{"vor # Tag", "vor # Tagen"}},
		month:  {forms{"in # Monat", "in # Monaten"}, forms{"vor # Monat", "vor # Monaten"}},
		year:   {forms{"in # Jahr", "in # Jahren"}, forms{"vor # Jahr", "vor # Jahren"}},
	},
	now:       "jetzt",
	namedDays: map[int]string{-2: "vorgestern", -1: "gestern", 0: "heute", 1: "morgen", 2: "übermorgen"},
}
