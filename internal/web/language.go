// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"net/http"

	"meetcoop/internal/locale"
)

// LanguageCookie keeps the language somebody chose on this device.
const LanguageCookie = "lang"

// Languages chooses the language of the answer from cookie, ?lang= and Accept-Language. Faces that
// know the person choose again with locale.Match and note it with WithLanguage.
func Languages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(WithLanguage(r.Context(), guess(r))))
	})
}

func guess(r *http.Request) locale.Tag {
	var chosen string
	if c, err := r.Cookie(LanguageCookie); err == nil {
		chosen = c.Value
	}
	return locale.Match("", chosen, r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"), "")
}

// WithLanguage returns a context whose requests are answered in the language.
func WithLanguage(ctx context.Context, tag locale.Tag) context.Context {
	return context.WithValue(ctx, keyLanguage, tag)
}

// LanguageOf returns the language in which to answer; never empty.
func LanguageOf(r *http.Request) locale.Tag {
	if tag, ok := r.Context().Value(keyLanguage).(locale.Tag); ok {
		return tag
	}
	return guess(r)
}
