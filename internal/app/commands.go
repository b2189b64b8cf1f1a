// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"meetcoop/internal/fault"
)

// migrateCmd is migrate.
type migrateCmd struct{}

// Run applies what is missing.
func (migrateCmd) Run(ctx context.Context, a *app) error {
	db, err := a.cfg.open(ctx, a.log, false)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // every transaction has ended
	n, err := db.Migrate(ctx)
	if err != nil {
		return err
	}
	have, _, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	return a.print(map[string]int64{"applied": int64(n), "schema": have}, "%d migrations applied, the schema is at %d", n, have)
}

// configCmd is the noun config.
type configCmd struct {
	Check configCheck `cmd:"" help:"Print the settings in force, and refuse wrong ones."`
}

// configCheck is config check.
type configCheck struct{}

// Run prints every setting with its value; secrets are hidden.
func (configCheck) Run(a *app) error {
	values := map[string]string{}
	v := reflect.ValueOf(a.cfg)
	all := settings()
	for i, s := range all {
		text := fmt.Sprint(v.Field(i).Interface())
		if s.secret && text != "" {
			text = "(hidden)"
		}
		values[s.env] = text
	}
	if a.json {
		if err := a.print(values, ""); err != nil {
			return err
		}
		return a.cfg.Check()
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(a.stdout, "%s=%s\n", s.env, values[s.env]); err != nil {
			return err
		}
	}
	return a.cfg.Check()
}

// versionCmd is version.
type versionCmd struct{}

// Run prints it.
func (versionCmd) Run(a *app) error {
	return a.print(map[string]string{"version": version()}, "meetcoop %s", version())
}

// engineCmd is only here to be named in errors; Main runs it before the parser.
type engineCmd struct{}

// Run refuses: somebody gave the hidden command flags.
func (engineCmd) Run() error { return fault.New(fault.Invalid, "app.engine_alone") }

// doctorCmd is doctor.
type doctorCmd struct {
	RepairCounters bool `name:"repair-counters" help:"Recount seats and running rooms, and write what differs."`
}

// finding is one thing that is wrong.
type finding struct {
	Subject string `json:"subject"`
	Problem string `json:"problem"`
}

// Run looks at settings, schema and the invariants of the seat ledger. Conflict (app.unhealthy) when something is wrong.
func (c doctorCmd) Run(ctx context.Context, a *app) error {
	found := []finding{}
	if err := a.cfg.Check(); err != nil {
		found = append(found, finding{"settings", err.Error()})
	}
	core, err := a.connect(ctx, false)
	if err != nil {
		return err
	}
	defer func() { _ = core.db.Close() }() // every transaction has ended
	problems, err := core.gate.CheckInvariants(ctx)
	if err != nil {
		return err
	}
	if c.RepairCounters {
		if problems, err = core.gate.RepairCounters(ctx, false); err != nil {
			return err
		}
	}
	for _, p := range problems {
		found = append(found, finding{"seats", p.String()})
	}
	found = append(found, a.enginePin()...)
	if a.json {
		if err := a.print(found, ""); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", f.Subject, f.Problem); err != nil {
				return err
			}
		}
	}
	wrong := 0
	for _, f := range found {
		if f.Subject != subjectNote {
			wrong++
		}
	}
	if wrong > 0 && !c.RepairCounters {
		return fault.New(fault.Conflict, "app.unhealthy", fault.Params{"Count": wrong})
	}
	if wrong == 0 && !a.json {
		_, err = fmt.Fprintln(a.stdout, "nothing is wrong")
	}
	return err
}

// subjectNote marks findings that are no fault.
const subjectNote = "note"

// enginePin reminds of what facing a network with the pinned engine means (docs/adr/0005-embedded-livekit.md).
func (a *app) enginePin() []finding {
	if a.cfg.Engine != "embedded" {
		return nil
	}
	where := "loopback only: people on other machines cannot send media; --media-listen opens it"
	if a.cfg.MediaListen != "" {
		where = "open at " + a.cfg.MediaListen
	}
	return []finding{{subjectNote, "embedded LiveKit v1.13.5, media " + where + "; what the pin lacks and how it is covered: docs/adr/0005-embedded-livekit.md"}}
}

// print writes JSON, or a line.
func (a *app) print(v any, format string, args ...any) error {
	if a.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	_, err := fmt.Fprintf(a.stdout, format+"\n", args...)
	return err
}
