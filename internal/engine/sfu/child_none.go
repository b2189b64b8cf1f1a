// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build noengine

package sfu

import (
	"context"

	"meetcoop/internal/fault"
)

// Built reports whether this program contains the LiveKit server.
const Built = false

func serveChild(context.Context, <-chan struct{}, childConfig, func() error) error {
	return fault.New(fault.Unavailable, "engine.not_built", fault.Params{"Tag": "noengine"})
}
