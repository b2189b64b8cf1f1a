// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"bytes"
	"embed"
	"html/template"
	"strings"
	texttemplate "text/template"
	"unicode"
	"unicode/utf8"

	"meetcoop/internal/locale"
)

// LetterInput is what a letter says, in the receiver's language already.
type LetterInput struct {
	Kind    string
	Subject string   // at most 60 characters
	Lead    string   // the first sentence: what this is about
	Button  Button   // the one thing to do; without URL there is none
	Code    string   // six digits to type instead; "" for none
	Lines   []string // what else is to be known; empty ones are left out
	Reason  string   // why the receiver gets this
}

// Button is a link that looks like one.
type Button struct {
	Label string
	URL   string // absolute, http or https
}

//go:embed templates/letter.html templates/letter.txt
var files embed.FS

var (
	frameHTML = template.Must(template.ParseFS(files, "templates/letter.html"))
	frameText = texttemplate.Must(texttemplate.ParseFS(files, "templates/letter.txt"))
)

// Render writes both parts of a letter from the same texts. Values that people chose (names of rooms,
// of members) may be among them: line breaks and control characters become spaces, so that nobody
// forges a line, and markup is escaped. To and Locale are left to the caller.
func Render(p *locale.Printer, in LetterInput) Letter {
	in.Subject, in.Lead, in.Reason, in.Button.Label = Cut(line(in.Subject), shownSubject), line(in.Lead), line(in.Reason), line(in.Button.Label)
	lines := make([]string, 0, len(in.Lines))
	for _, l := range in.Lines {
		if l = line(l); l != "" {
			lines = append(lines, l)
		}
	}
	in.Lines = lines
	page := struct {
		LetterInput
		Lang               locale.Tag
		CodeHint, LinkHint string
	}{in, p.Tag(), p.T("mail.code"), p.T("mail.link")}
	l := Letter{Kind: in.Kind, Subject: in.Subject}
	var html, text bytes.Buffer
	if err := frameHTML.Execute(&html, page); err != nil {
		panic("mail: " + err.Error()) // the frame is constant and gets strings only
	}
	if err := frameText.Execute(&text, page); err != nil {
		panic("mail: " + err.Error())
	}
	l.HTML, l.Text = html.String(), text.String()
	return l
}

// shownSubject is how many bytes of a subject line are sent: the name of a member may be longer than any list of letters shows.
const shownSubject = 120

// Cut shortens s to most bytes (3 at least), between two characters, and says so with an ellipsis.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most - len("…")
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// line makes s one line without control characters, nor those that turn the direction of what follows.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == ' ' || r == '\u2028' || r == '\u2029' ||
			(r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069')
	}), " ")
}
