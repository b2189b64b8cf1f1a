// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The size of gateway.md 20: what a large federation has, all of it in one process.
const (
	sizeServers     = 500
	sizeMembers     = 20
	sizeConnections = 10_000
	sizeMeetings    = 20_000
	sizePeople      = 10 // in each meeting
	sizeCallers     = 48
)

// tenant is a connection and what signs its calls.
type tenant struct{ endpoint, secret string }

// size fills the program with servers, connections, meetings and people, says what it takes in memory, starts it anew and says how soon
// it admits somebody.
func (w *world) size(ctx context.Context) error {
	w.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: sizeCallers}, Timeout: 30 * time.Second,
	}
	if err := w.manyServers(ctx); err != nil {
		return err
	}
	tenants, err := w.manyConnections(ctx)
	if err != nil {
		return err
	}
	w.measure(fmt.Sprintf("%d connections", len(tenants)))
	meetings := sizeMeetings * w.o.size / 100
	began := time.Now()
	// A meeting is filled as soon as it is made: servers forget one that nobody enters within minutes.
	if err := w.each(ctx, meetings, func(i int) error {
		at := tenants[i%len(tenants)]
		body, _, err := w.ask(ctx, at, "create", fmt.Sprintf("name=Room+%d&meetingID=room-%d&attendeePW=ap&moderatorPW=mp", i, i))
		if err == nil && !strings.Contains(body, "SUCCESS") {
			err = fmt.Errorf("create: %.300s", body)
		}
		for p := range sizePeople {
			if err != nil {
				return err
			}
			err = w.enter(ctx, at, i, i*sizePeople+p)
		}
		return err
	}); err != nil {
		return err
	}
	w.say("%d meetings with %d people in %s\n", meetings, meetings*sizePeople, time.Since(began).Round(time.Second))
	for range 4 {
		if err := pause(ctx, 20*time.Second); err != nil {
			return err
		}
		w.measure("with them")
	}

	server := w.children[len(w.children)-1]
	_ = server.Process.Signal(os.Interrupt) // awaited below
	_ = server.Wait()
	w.children = w.children[:len(w.children)-1]
	began = time.Now()
	if err := w.serve(ctx); err != nil {
		return err
	}
	ready := time.Since(began)
	for {
		err := w.enter(ctx, tenants[7], 7, 1_000_000)
		if err == nil {
			break
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("nobody is admitted: %w", err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	first := time.Since(began)
	w.say("started anew: ready after %s, somebody admitted after %s\n", ready.Round(10*time.Millisecond), first.Round(10*time.Millisecond))
	for range 3 {
		if err := pause(ctx, 15*time.Second); err != nil {
			return err
		}
		w.measure("after the start")
	}
	if first > 5*time.Second {
		return errors.New("it took longer than 5 s to admit somebody")
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// measure prints what the process takes.
func (w *world) measure(when string) {
	s, err := w.look(0, &tally{keys: map[string]int{}})
	if err != nil {
		w.say("%s: %v\n", when, err)
		return
	}
	w.say("%s: %.0f MiB, %d files, %d goroutines\n", when, s.mebibytes, s.files, s.goroutines)
}

// each does something n times, many at once, until one fails.
func (w *world) each(ctx context.Context, n int, do func(i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range sizeCallers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					stop(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// ask calls the API and returns what it says, or where it sends the browser.
func (w *world) ask(ctx context.Context, as tenant, call, query string) (body, location string, err error) {
	sum := sha256.Sum256([]byte(call + query + as.secret))
	return w.get(ctx, as.endpoint+"/"+call+"?"+query+"&checksum="+hex.EncodeToString(sum[:]))
}

func (w *world) get(ctx context.Context, to string) (body, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return "", "", err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return "", "", err
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close() // read
	return string(raw), resp.Header.Get("Location"), err
}

// enter joins, and comes to the server as a browser does.
func (w *world) enter(ctx context.Context, as tenant, meeting, person int) error {
	body, to, err := w.ask(ctx, as, "join", fmt.Sprintf("fullName=P&password=ap&meetingID=room-%d&userID=u%d", meeting, person))
	if err != nil {
		return err
	}
	if to == "" {
		return fmt.Errorf("join: %.300s", body)
	}
	body, to, err = w.get(ctx, to)
	if err == nil && !strings.Contains(to, "sessionToken") {
		err = fmt.Errorf("the server: %.300s", body)
	}
	return err
}

// manyServers imports the simulated servers and lets meetings begin there.
func (w *world) manyServers(ctx context.Context) error {
	var list strings.Builder
	for i, sim := range w.sims {
		_, _ = fmt.Fprintf(&list, "id: s%d\n  url: %s/bigbluebutton/api\n  secret: soak-secret\n", i, sim) // memory takes it
	}
	if err := w.cliFile(ctx, list.String(), "server", "import", "--from", "scalelite"); err != nil {
		return err
	}
	var servers []struct{ ID, Kind string }
	if err := w.cli(ctx, &servers, "server", "list"); err != nil {
		return err
	}
	for _, s := range servers {
		var ignored json.RawMessage
		if s.Kind != "bbb" {
			continue
		}
		if err := w.cli(ctx, &ignored, "server", "enable", s.ID); err != nil {
			return err
		}
	}
	return await(ctx, w.allUp)
}

// manyConnections makes members, and imports the connections of each.
func (w *world) manyConnections(ctx context.Context) ([]tenant, error) {
	out := make([]tenant, 0, sizeConnections)
	each := sizeConnections / sizeMembers * w.o.size / 100
	for m := range sizeMembers {
		var ignored json.RawMessage
		slug := fmt.Sprintf("size-%d", m)
		if err := w.cli(ctx, &ignored, "member", "create", "--name", slug, "--slug", slug, "--level", "custom"); err != nil {
			return nil, err
		}
		if err := w.cli(ctx, &ignored, "level", "override", "--member", slug, "--connections", strconv.Itoa(each), "--reason", "size"); err != nil {
			return nil, err
		}
		var list strings.Builder
		list.WriteString("TenantID, Name, Secrets\n")
		for i := range each {
			n := m*each + i
			secret := fmt.Sprintf("%040d", n)
			_, _ = fmt.Fprintf(&list, "t%d, tenant-%d, %s\n", n, n, secret) // memory takes it
			out = append(out, tenant{"http://" + w.listen + "/bbb/tenant-" + strconv.Itoa(n) + "/bigbluebutton/api", secret})
		}
		if err := w.cliFile(ctx, list.String(), "connection", "import", "--from", "scalelite", "--member", slug); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cliFile runs a command on a file.
func (w *world) cliFile(ctx context.Context, content string, args ...string) error {
	file := filepath.Join(w.data, "list.txt")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return err
	}
	var ignored json.RawMessage
	return w.cli(ctx, &ignored, append(args, file)...)
}

// allUp says whether every simulated server is known to be up.
func (w *world) allUp() bool {
	out, err := w.output(context.Background(), "server", "list")
	return err == nil && bytes.Count(out, []byte(`"observed": "up"`)) >= len(w.sims)
}
