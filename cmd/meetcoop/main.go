// SPDX-License-Identifier: AGPL-3.0-or-later

// Command meetcoop is the platform of an online meeting cooperative: portal, limits and meetings in
// one binary. `meetcoop --help` lists the operator's commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"meetcoop/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
