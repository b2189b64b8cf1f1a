// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"

	"meetcoop/internal/money"
)

var spanish = &format{
	group: ".", decimal: ",", minus: "-", groupFrom: 5,
	percent: "\u00a0%", symbolFirst: false, minusInside: false,
	symbols: map[money.Currency]string{
		"EUR": "€", "USD": "US$",
	},
	months:        [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
	monthsShort:   [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
	monthsAlone:   [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
	weekdays:      [7]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
	weekdaysShort: [7]string{"dom", "lun", "mar", "mié", "jue", "vie", "sáb"},
	date:          "%d de %M de %Y", dateShort: "%d %B %Y", dateFull: "%W, %d de %M de %Y", day: "%w, %d %B", month: "%A de %Y",
	clock: "%h:%i", dateTime: "{0} a las {1}", dateTimeShort: "{0}, {1}",
	and: "y", or: "o", unitAnd: [2]string{" y ", " y "},
	euphony:    spanishEuphony,
	units:      map[unit]forms{second: {"# segundo", "# segundos"}, minute: {"# minuto", "# minutos"}, hour: {"# hora", "# horas"}, day: {"# día", "# días"}},
	unitsShort: map[unit]forms{second: {"# s", "# s"}, minute: {"# min", "# min"}, hour: {"# h", "# h"}, day: {"# d", "# d"}},
	relative: map[unit]relative{
		minute: {forms{"dentro de # minuto", "dentro de # minutos"}, forms{"hace # minuto", "hace # minutos"}},
		hour:   {forms{"dentro de # hora", "dentro de # horas"}, forms{"hace # hora", "hace # horas"}},
		day:    {forms{"dentro de # día", "dentro de # días"}, forms{"hace # día", "hace # días"}},
		month:  {forms{"dentro de # mes", "dentro de # meses"}, forms{"hace # mes", "hace # meses"}},
		year:   {forms{"dentro de # año", "dentro de # años"}, forms{"hace # año", "hace # años"}},
	},
	now:       "ahora",
	namedDays: map[int]string{-2: "anteayer", -1: "ayer", 0: "hoy", 1: "mañana", 2: "pasado mañana"},
}

// spanishEuphony changes "y" into "e" before the sound i, and "o" into "u" before the sound o (Real Academia Española,
// Diccionario panhispánico de dudas, entries "y" and "o").
func spanishEuphony(word, next string) string {
	next = strings.NewReplacer("í", "i", "ó", "o").Replace(strings.ToLower(next))
	switch sound := strings.TrimPrefix(next, "h"); {
	case word == "y" && strings.HasPrefix(sound, "i") && !diphthong(next):
		return "e"
	case word == "o" && (strings.HasPrefix(sound, "o") || strings.HasPrefix(next, "8")):
		return "u"
	}
	return word
}

// diphthong reports whether the word starts with the consonant sound of hielo or hiato.
func diphthong(word string) bool {
	return strings.HasPrefix(word, "hie") || strings.HasPrefix(word, "hia")
}
