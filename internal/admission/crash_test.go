// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// envVictim makes the test binary a node that joins people until it is killed.
const envVictim = "MEETCOOP_TEST_VICTIM"

// orders are what the victim is told: where, and for whom.
type orders struct {
	Path, URL string
	Host      admissiontest.Host
	Now       instant.Instant
}

func TestMain(m *testing.M) {
	if doc := os.Getenv(envVictim); doc != "" {
		if err := victim(doc); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim lets people in with 16 callers and prints each participant once it is let in, and only then.
func victim(doc string) error {
	var o orders
	if err := json.Unmarshal([]byte(doc), &o); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Path: o.Path, URL: o.URL})
	if err != nil {
		return err
	}
	g, err := admission.New(admission.Deps{DB: db, Now: func() instant.Instant { return o.Now }, Log: slog.New(slog.DiscardHandler), Entitled: tariff.Entitled})
	if err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return err
	}
	told := make(chan id.Participant)
	for c := range 16 {
		go func() {
			for i := 0; ; i++ {
				if a, err := g.Join(ctx, o.Host.Joining("one", fmt.Sprint(c, "-", i))); err == nil {
					told <- a.Seat.Participant
				}
			}
		}()
	}
	for p := range told {
		fmt.Println(p)
	}
	return nil
}

// TestAKilledNodeLosesAndLeaksNoSeat kills a node, a process of its own, with signal 9 in the midst of
// letting people in, and looks at what is there.
func TestAKilledNodeLosesAndLeaksNoSeat(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			where := storetest.Location(t, engine)
			w := admissiontest.New(t, storetest.Open(t, where))
			h := w.Host("hilado", 100000)
			w.Gate.Stop() // this node starts again after the crash, remembering nothing
			doc, err := json.Marshal(orders{where.Path, where.URL, h, w.Clock.Now()})
			must(t, err)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envVictim+"="+string(doc))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			promised := map[string]bool{}
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				promised[strings.TrimSpace(lines.Text())] = true
				if len(promised) == 200 {
					must(t, cmd.Process.Kill())
				}
			}
			_ = cmd.Wait() // killed, as intended
			if len(promised) < 200 {
				t.Fatalf("only %d were let in", len(promised))
			}

			after := w.Second(storetest.Open(t, where))
			consistent(t, after)
			held := map[string]bool{}
			must(t, after.DB.Read(context.Background(), func(r store.Reader) error {
				all, err := store.All(context.Background(), r, store.Value[string], `SELECT participant FROM seat`)
				for _, p := range all {
					held[p] = true
				}
				return err
			}))
			for p := range promised {
				if !held[p] {
					t.Errorf("%s was let in and has no seat", p)
				}
			}
			if len(held) > len(promised)+16 {
				t.Errorf("%d seats for %d who heard of theirs: at most 16 were on their way", len(held), len(promised))
			}
			// Whoever does not come back frees the seat when the lease is over; whoever does keeps it.
			back := w.Clock.Now()
			a, err := after.Gate.Join(context.Background(), h.Joining("one", "0-0"))
			must(t, err)
			if a.Started || a.Replaced == "" {
				t.Errorf("who came back got %+v", a)
			}
			w.Clock.Pass(admissionLease - time.Second)
			must(t, w.Fleet.Heartbeat(context.Background(), w.Server.ID, fleet.ObservedUp))
			must(t, after.Gate.Present(context.Background(), a.Meeting.ID, a.Seat.Participant))
			w.Clock.Set(back.Add(admissionLease))
			must(t, after.Gate.Tick(context.Background()))
			if u := after.Usage(h); u.Seats.Used != 1 {
				t.Errorf("%d seats after the lease", u.Seats.Used)
			}
			consistent(t, after)
		})
	}
}

const admissionLease = 75 * time.Second
