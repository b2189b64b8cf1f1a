// SPDX-License-Identifier: AGPL-3.0-or-later

// Package locales embeds the texts people read, one file per area and language; package locale reads them.
package locales

import "embed"

// FS holds every <area>.<language>.json.
//
//go:embed *.json
var FS embed.FS
