// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// Sixteen at once try the same proof, thirty times over: one gets in. It is red when the claim is made by a
// SELECT. Challenges are written directly, as the rate limits would stop the rounds.
func TestOneOfSixteenGetsIn(t *testing.T) {
	const rounds, tries = 30, 16
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx, browser := newWorld(t, db), t.Context(), NewToken()
		keys, err := w.keys(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"link", "code", "both", "invitation"} {
			for round := range rounds {
				a, _ := ParseAddress(fmt.Sprintf("%s%d@example.org", kind, round))
				c, token, code := ask(PurposeSignUp, a, "en", browser, "", w.now()), NewToken(), newCode()
				if kind == "invitation" {
					c.purpose = PurposeInvite
				}
				if err := db.Write(ctx, func(tx store.Tx) error {
					if err := insertChallenge(ctx, tx, c, hashToken(token), w.now()); err != nil {
						return err
					}
					return armChallenge(ctx, tx, c.id, hashToken(token), codeMAC(keys, c.id, code), w.now())
				}); err != nil {
					t.Fatal(err)
				}
				var wins atomic.Int32
				var wg sync.WaitGroup
				start := make(chan struct{})
				for i := range tries {
					wg.Go(func() {
						<-start
						var err error
						if kind == "code" || kind == "both" && i%2 == 0 {
							_, err = w.ConfirmCode(ctx, c.id, code, browser, firefox)
						} else {
							_, err = w.ConfirmLink(ctx, token, NewToken(), firefox)
						}
						switch {
						case err == nil:
							wins.Add(1)
						case fault.CodeOf(err) != "signin.link_used" && fault.CodeOf(err) != "signin.code_over":
							t.Errorf("%s, round %d: %v", kind, round, err)
						}
					})
				}
				close(start)
				wg.Wait()
				if n := wins.Load(); n != 1 {
					t.Fatalf("%s, round %d: %d of %d got in", kind, round, n, tries)
				}
			}
		}
		persons, sessions := w.count(`SELECT COUNT(*) FROM person`), w.count(`SELECT COUNT(*) FROM session`)
		if persons != 4*rounds || sessions != 4*rounds {
			t.Errorf("%d persons and %d sessions, want %d of each", persons, sessions, 4*rounds)
		}
	})
}

// Sixteen wrong codes at once are five tries, not sixteen.
func TestParallelGuessesAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", browser)
		var wrong atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := w.ConfirmCode(ctx, asked.Challenge, "wrong!", browser, firefox); fault.CodeOf(err) == "signin.code_wrong" {
					wrong.Add(1)
				}
			})
		}
		wg.Wait()
		if n := wrong.Load(); n != maxTries-1 { // the last wrong one already says that it is over
			t.Errorf("%d answers said wrong, want %d", n, maxTries-1)
		}
		if n := w.count(`SELECT tries FROM challenge`); n != maxTries {
			t.Errorf("%d tries kept", n)
		}
	})
}

// Whoever needs the instance's secret first draws it; all nodes use that one.
func TestNodesShareOneSecret(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			at := storetest.Location(t, engine)
			roots, nodes := make([]string, 8), make([]*world, 8)
			for i := range nodes {
				nodes[i] = newWorld(t, storetest.Open(t, at))
			}
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i, w := range nodes {
				wg.Go(func() {
					<-start
					k, err := w.keys(t.Context())
					if err != nil {
						t.Error(err)
					}
					roots[i] = string(k.root)
				})
			}
			close(start)
			wg.Wait()
			for _, r := range roots {
				if r != roots[0] || len(r) < 32 {
					t.Fatalf("nodes hold different or short secrets: %d and %d bytes", len(r), len(roots[0]))
				}
			}
		})
	}
}

// Sixteen sign-ins at once for one address, three letters.
func TestRatesHoldUnderParallelRequests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var sent atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				switch _, err := w.SignInStart(t.Context(), SignInInput{Email: "ana@example.org", Browser: NewToken()}); {
				case err == nil:
					sent.Add(1)
				case fault.CodeOf(err) != "signin.mails":
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := sent.Load(); n != 3 {
			t.Errorf("%d letters, want 3", n)
		}
	})
}
