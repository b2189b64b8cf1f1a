// SPDX-License-Identifier: AGPL-3.0-or-later

// Package locale turns keys and values into what people read: texts, dates, times, numbers,
// money, lists, durations and relative times, in seven languages.
//
// Texts live in locales/<area>.<language>.json at the root of the module, many areas per language
// (messages of go-i18n v2: a string, or an object of plural forms). A placeholder is written
// {{.Name}} and nothing else is allowed between the braces, so that translators meet no logic.
//
// Values given as parameters are written the way the language writes them: integers with their
// grouping, [money.Amount], [instant.Instant], [instant.Date], time.Duration and []string by the
// method of the Printer of that name. Strings are put in as they are; escaping for HTML is the
// template's work.
//
// English follows British habits (day before month, 24 hours), because the federation is a European
// one and nobody in it may misread 3/4. The tables of formats are in the files table_*.go; a test compares
// them with the Intl object of Node.js, which carries CLDR.
//
// The package owns no choice of what to say: keys are named by the capability or face that speaks.
package locale
