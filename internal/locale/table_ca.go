// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var catalan = &format{
	group: ".", decimal: ",", minus: "-", groupFrom: 4,
	percent: "\u00a0%", symbolFirst: false, minusInside: false,
	symbols: map[money.Currency]string{
		"AUD": "AU$", "EUR": "€", "GBP": "£", "HKD": "HK$", "INR": "₹", "JPY": "¥", "KRW": "₩", "NZD": "NZ$",
	},
	months:        [12]string{"de gener", "de febrer", "de març", "d’abril", "de maig", "de juny", "de juliol", "d’agost", "de setembre", "d’octubre", "de novembre", "de desembre"},
	monthsShort:   [12]string{"de gen.", "de febr.", "de març", "d’abr.", "de maig", "de juny", "de jul.", "d’ag.", "de set.", "d’oct.", "de nov.", "de des."},
	monthsAlone:   [12]string{"gener", "febrer", "març", "abril", "maig", "juny", "juliol", "agost", "setembre", "octubre", "novembre", "desembre"},
	weekdays:      [7]string{"diumenge", "dilluns", "dimarts", "dimecres", "dijous", "divendres", "dissabte"},
	weekdaysShort: [7]string{"dg.", "dl.", "dt.", "dc.", "dj.", "dv.", "ds."},
	date:          "%d %M del %Y", dateShort: "%d %B %Y", dateFull: "%W, %d %M del %Y", day: "%w, %d %B", month: "%A del %Y",
	clock: "%h:%i", dateTime: "{0}, a les {1}", dateTimeShort: "{0}, {1}",
	and: "i", or: "o", unitAnd: [2]string{" i ", " i "},
	units:      map[unit]forms{second: {"# segon", "# segons"}, minute: {"# minut", "# minuts"}, hour: {"# hora", "# hores"}, day: {"# dia", "# dies"}},
	unitsShort: map[unit]forms{second: {"# s", "# s"}, minute: {"# min", "# min"}, hour: {"# h", "# h"}, day: {"# dia", "# dies"}},
	relative: map[unit]relative{
		minute: {forms{"d’aquí a # minut", "d’aquí a # minuts"}, forms{"fa # minut", "fa # minuts"}},
		hour:   {forms{"d’aquí a # hora", "d’aquí a # hores"}, forms{"fa # hora", "fa # hores"}},
		day:    {forms{"d’aquí a # dia", "d’aquí a # dies"}, forms{"fa # dia", "fa # dies"}},
		month:  {forms{"d’aquí a # mes", "d’aquí a # mesos"}, forms{"fa # mes", "fa # mesos"}},
		year:   {forms{"d’aquí a # any", "d’aquí a # anys"}, forms{"fa # any", "fa # anys"}},
	},
	now:       "ara",
	namedDays: map[int]string{-2: "abans-d’ahir", -1: "ahir", 0: "avui", 1: "demà", 2: "demà passat"},
}
