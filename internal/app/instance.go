// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"fmt"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
)

// What the server notes in the database for commands that run beside it.
const (
	noteDemo      = "app.demo"         // "yes": everything in it is invented
	notePublicURL = "app.public_url"   // where links lead
	noteOffset    = "app.clock_offset" // of a demo, as time.Duration prints it
)

const defaultListen = "127.0.0.1:8080"

// adopt takes over what the server of this database runs with, where the command line does not say otherwise: links must lead to the
// server, and a demo's commands must live on the same day as the demo.
func (a *app) adopt(ctx context.Context, db *store.DB) error {
	notes, err := readNotes(ctx, db)
	if err != nil {
		return err
	}
	if notes[noteDemo] == "yes" {
		a.cfg.Demo = true
		if d, err := time.ParseDuration(notes[noteOffset]); err == nil && a.cfg.ClockOffset == 0 {
			a.cfg.ClockOffset = d
		}
	}
	if a.cfg.PublicURL == "" && a.cfg.Listen == defaultListen && a.cfg.TLSDomain == "" {
		a.cfg.PublicURL = notes[notePublicURL]
	}
	return nil
}

func readNotes(ctx context.Context, db *store.DB) (map[string]string, error) {
	notes := map[string]string{}
	err := db.Read(ctx, func(r store.Reader) error {
		for _, name := range []string{noteDemo, notePublicURL, noteOffset} {
			v, err := store.Note(ctx, r, name)
			if err != nil {
				return err
			}
			notes[name] = v
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the server's notes: %w", err)
	}
	return notes, nil
}

// claim notes what this server runs with, and refuses to mix a demo with a real instance: neither may become the other.
func (c *core) claim(ctx context.Context) error {
	notes, err := readNotes(ctx, c.db)
	if err != nil {
		return err
	}
	demo := notes[noteDemo] == "yes"
	if demo && !c.cfg.Demo {
		return fault.New(fault.Conflict, "app.is_demo")
	}
	if !demo && c.cfg.Demo {
		used, err := c.hasPeople(ctx)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "app.not_demo")
		}
	}
	now := c.now()
	return c.db.Write(ctx, func(tx store.Tx) error {
		wanted := map[string]string{notePublicURL: c.cfg.BaseURL().String(), noteOffset: c.cfg.ClockOffset.String(), noteDemo: "no"}
		if c.cfg.Demo {
			wanted[noteDemo] = "yes"
		}
		for name, value := range wanted {
			if err := store.SetNote(ctx, tx, now, name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// hasPeople reports whether anybody has an account.
func (c *core) hasPeople(ctx context.Context) (used bool, err error) {
	err = c.db.Read(ctx, func(r store.Reader) error {
		found, err := identity.ListPeople(ctx, r, "", 1)
		used = len(found) > 0
		return err
	})
	return used, err
}

// isFoundingOver reports that operational members exist: they decide about levels, not the program.
func isFoundingOver(err error) bool { return fault.CodeOf(err) == "decision.founding_over" }
