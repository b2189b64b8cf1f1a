// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"maps"
	"time"

	"meetcoop/internal/locale"
	"meetcoop/internal/mail"
)

// letterFacts is what a letter of this package says beyond its texts, which are the keys letter.<kind>.* of
// locales/identity.*.json.
type letterFacts struct {
	URL    string         // of the one button
	Code   string         // "" : none
	Lead   string         // key of the first sentence; "" : letter.<kind>.lead
	Note   string         // key of the sentence after the button; "" : letter.<kind>.note
	Params map[string]any // beside Host
	Zone   *time.Location // of the receiver; nil: guessed from the language
}

// letter writes a letter in the receiver's language. It has no effect.
func (s *Service) letter(kind, to string, tag locale.Tag, f letterFacts) mail.Letter {
	if f.Zone == nil {
		f.Zone = location(zoneOf("", tag))
	}
	p := s.Catalog.Printer(tag, f.Zone)
	params := map[string]any{"Host": s.host}
	maps.Copy(params, f.Params)
	text := func(key, part string) string {
		if key == "" {
			key = "letter." + kind + "." + part
		}
		return p.T(key, params)
	}
	l := mail.Render(p, mail.LetterInput{
		Kind:    kind,
		Subject: text("", "subject"),
		Lead:    text(f.Lead, "lead"),
		Button:  mail.Button{Label: text("", "button"), URL: f.URL},
		Code:    f.Code,
		Lines:   []string{text(f.Note, "note")},
		Reason:  text("", "reason"),
	})
	l.To, l.Locale = to, tag
	return l
}
