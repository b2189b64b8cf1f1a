// SPDX-License-Identifier: AGPL-3.0-or-later

// Package assets holds what browsers load besides pages: one style sheet, one font, one icon sprite and
// the script bundles. `npm run build` makes dist from src; dist is not committed, so a build without it
// embeds nothing and the program says so at start.
package assets

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Dist returns the built files: hashed names, each style sheet, script and drawing also as .br and .gz,
// and manifest.json, which maps the plain name ("portal.css") to the hashed one.
func Dist() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path: cannot happen
	}
	return sub
}
