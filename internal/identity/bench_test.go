// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/instant"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

type noHooks struct{}

func (noHooks) PersonBorn(context.Context, store.Tx, instant.Instant, Birth) error { return nil }

func (noHooks) InvitationAccepted(context.Context, store.Tx, instant.Instant, Acceptance) error {
	return nil
}

// BenchmarkSessionCheck measures one check among 100,000 sessions, remembered and read from the database.
// The promise is a p95 under 0.5 ms (docs/performance.md).
func BenchmarkSessionCheck(b *testing.B) {
	const sessions, persons = 100_000, 1_000
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		db, ctx, now := storetest.New(b, engine), b.Context(), noon
		build := func() *Service {
			s, err := New(Deps{DB: db, Now: func() instant.Instant { return now }, Log: slog.New(slog.DiscardHandler), Catalog: localetest.Catalog(b), PublicURL: "https://meet.example",
				Newcomer: noHooks{}, Invitee: noHooks{}, Registry: prometheus.NewRegistry()})
			if err != nil {
				b.Fatal(err)
			}
			return s
		}
		cold, warm := build(), build()
		if err := warm.Start(ctx); err != nil {
			b.Fatal(err)
		}
		tokens := make([]string, 0, sessions)
		for len(tokens) < sessions {
			if err := db.Write(ctx, func(tx store.Tx) error {
				for range persons / 10 {
					p, _, err := cold.EnsurePerson(ctx, tx, now, EnsureInput{Actor: System(), Email: fmt.Sprintf("p%d@example.org", len(tokens))})
					if err != nil {
						return err
					}
					for range sessions / persons {
						row, token := newSession("Firefox, Linux", now), NewToken()
						row.person, row.method = p, MethodLink
						if err := insertSession(ctx, tx, row, hashToken(token), ""); err != nil {
							return err
						}
						tokens = append(tokens, token)
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
		for name, s := range map[string]*Service{"remembered": warm, "read": cold} {
			b.Run(string(engine)+"/"+name, func(b *testing.B) {
				for _, token := range tokens[:1000] { // the working set of one node
					if _, _, err := s.Session(ctx, token); err != nil {
						b.Fatal(err)
					}
				}
				took := make([]time.Duration, 0, b.N)
				for i := 0; b.Loop(); i++ {
					began := time.Now()
					if _, _, err := s.Session(ctx, tokens[i%1000]); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-us")
			})
		}
	}
}
