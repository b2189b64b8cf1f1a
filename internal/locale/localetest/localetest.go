// SPDX-License-Identifier: AGPL-3.0-or-later

// Package localetest gives tests the texts of the program, read once for each test binary.
package localetest

import (
	"sync"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
	"meetcoop/locales"
)

var loaded = sync.OnceValues(func() (*locale.Catalog, error) { return locale.Load(locales.FS) })

// Catalog returns the texts; a missing one panics.
func Catalog(t testing.TB) *locale.Catalog {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c.Strict()
}

// Speak says a refusal in every language: a missing text or parameter panics.
func Speak(t testing.TB, err error) {
	t.Helper()
	c := Catalog(t)
	for _, tag := range locale.Supported {
		p := c.Printer(tag, nil)
		_ = p.Fault(err)
		if f := fault.As(err); f != nil {
			for _, field := range f.Fields {
				_ = p.Field(field)
			}
		}
	}
}
