// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "meetcoop/internal/money"

var french = &format{
	group: "\u202f", decimal: ",", minus: "-", groupFrom: 4,
	percent: "\u00a0%", octets: true, symbolFirst: false, minusInside: false,
	symbols: map[money.Currency]string{
		"ARS": "$AR", "AUD": "$AU", "BRL": "R$", "CAD": "$CA", "CLP": "$CL", "COP": "$CO", "EUR": "€", "GBP": "£GB", "INR": "₹", "KRW": "₩", "MXN": "$MX", "NZD": "$NZ", "SGD": "$SG", "USD": "$US", "UYU": "$UY",
	},
	months:        [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	monthsShort:   [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
	monthsAlone:   [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	weekdays:      [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	weekdaysShort: [7]string{"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."},
	date:          "%d %M %Y", dateShort: "%d %B %Y", dateFull: "%W %d %M %Y", day: "%w %d %B", month: "%A %Y",
	clock: "%H:%i", dateTime: "{0} à {1}", dateTimeShort: "{0}, {1}",
	and: "et", or: "ou", unitAnd: [2]string{" et ", " et "},
	oneForZero: true,
	units:      map[unit]forms{second: {"#\u00a0seconde", "#\u00a0secondes"}, minute: {"# minute", "# minutes"}, hour: {"#\u00a0heure", "#\u00a0heures"}, day: {"#\u00a0jour", "#\u00a0jours"}},
	unitsShort: map[unit]forms{second: {"#\u202fs", "#\u202fs"}, minute: {"#\u00a0min", "#\u00a0min"}, hour: {"#\u202fh", "#\u202fh"}, day: {"#\u202fj", "#\u202fj"}},
	relative: map[unit]relative{
		minute: {forms{"dans # minute", "dans # minutes"}, forms{"il y a # minute", "il y a # minutes"}},
		hour:   {forms{"dans # heure", "dans # heures"}, forms{"il y a # heure", "il y a # heures"}},
		day:    {forms{"dans # jour", "dans # jours"}, forms{"il y a # jour", "il y a # jours"}},
		month:  {forms{"dans # mois", "dans # mois"}, forms{"il y a # mois", "il y a # mois"}},
		year:   {forms{"dans # an", "dans # ans"}, forms{"il y a # an", "il y a # ans"}},
	},
	now:       "maintenant",
	namedDays: map[int]string{-2: "avant-hier", -1: "hier", 0: "aujourd’hui", 1: "demain", 2: "après-demain"},
}
