// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var english = &format{
	group: ",", decimal: ".", minus: "-", groupFrom: 4,
	percent: "%", symbolFirst: true, minusInside: false,
	symbols: map[money.Currency]string{
		"AUD": "A$", "BRL": "R$", "CAD": "CA$", "EUR": "€", "GBP": "£", "HKD": "HK$", "INR": "₹", "JPY": "JP¥", "KRW": "₩", "MXN": "MX$", "NZD": "NZ$", "USD": "US$",
	},
	months:        [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	monthsShort:   [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"},
	monthsAlone:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	weekdays:      [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	weekdaysShort: [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
	date:          "%d %M %Y", dateShort: "%d %B %Y", dateFull: "%W, %d %M %Y", day: "%w %d %B", month: "%A %Y",
	clock: "%H:%i", dateTime: "{0} at {1}", dateTimeShort: "{0}, {1}",
	and: "and", or: "or", unitAnd: [2]string{", ", ", "},
	units:      map[unit]forms{second: {"# second", "# seconds"}, minute: {"# minute", "# minutes"}, hour: {"# hour", "# hours"}, day: {"# day", "# days"}},
	unitsShort: map[unit]forms{second: {"# sec", "# secs"}, minute: {"# min", "# mins"}, hour: {"# hr", "# hrs"}, day: {"# day", "# days"}},
	relative: map[unit]relative{
		minute: {forms{"in # minute", "in # minutes"}, forms{"# minute ago", "# minutes ago"}},
		hour:   {forms{"in # hour", "in # hours"}, forms{"# hour ago", "# hours ago"}},
		day:    {forms{"in # day", "in # days"}, forms{"# day ago", "# days ago"}},
		month:  {forms{"in # month", "in # months"}, forms{"# month ago", "# months ago"}},
		year:   {forms{"in # year", "in # years"}, forms{"# year ago", "# years ago"}},
	},
	now:       "now",
	namedDays: map[int]string{-1: "yesterday", 0: "today", 1: "tomorrow"},
}
