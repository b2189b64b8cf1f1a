// SPDX-License-Identifier: AGPL-3.0-or-later

// Soak runs the program with simulated BigBlueButton servers under a steady mix of calls, lets one server die half-way, and says
// whether memory, descriptors and goroutines stay flat: make soak, or go run ./test/soak -for 5m -rate 1000.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

type options struct {
	lasts    time.Duration
	rate     int
	servers  int
	meetings int
	bin      string
	size     int
}

func main() {
	var o options
	flag.DurationVar(&o.lasts, "for", 5*time.Minute, "how long")
	flag.IntVar(&o.rate, "rate", 1000, "calls a second")
	flag.IntVar(&o.servers, "servers", 4, "simulated servers")
	flag.IntVar(&o.meetings, "meetings", 200, "ids of meetings")
	flag.StringVar(&o.bin, "bin", "bin", "directory of meetcoop and bbbsim")
	flag.IntVar(&o.size, "size", 0, "instead, fill it with this many percent of 500 servers, 10,000 connections and 200,000 people, and start it anew")
	flag.Parse()
	if o.size > 0 {
		o.servers = sizeServers * o.size / 100
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "soak:", err) // a closed terminal
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	data, err := os.MkdirTemp("", "meetcoop-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	w := &world{o: o, data: data, listen: "127.0.0.1:" + ports[0], ops: "127.0.0.1:" + ports[1]}
	defer w.end()
	if err := w.start(ctx); err != nil {
		return err
	}
	if o.size > 0 {
		return w.size(ctx)
	}
	if err := w.few(ctx); err != nil {
		return err
	}
	return w.soak(ctx)
}

// world is what runs beside us.
type world struct {
	o                 options
	data, listen, ops string
	endpoint, secret  string
	sims              []string
	children          []*exec.Cmd
	pid               int
	client            *http.Client
}

// say prints what a person reads.
func (w *world) say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format, args...) // a closed terminal
}

func (w *world) bin(name string) string { return filepath.Join(w.o.bin, name) }

func (w *world) launch(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, w.bin(name), args...) // #nosec G204: our own programs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	log, err := os.Create(filepath.Join(w.data, name+".log"))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	if err == nil {
		w.children = append(w.children, cmd)
	}
	return cmd, err
}

func (w *world) end() {
	for _, c := range slices.Backward(w.children) {
		_ = c.Process.Signal(os.Interrupt) // ended by itself
		_ = c.Wait()
	}
}

func (w *world) output(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, w.bin("meetcoop"), append(args, "--json", "--data", w.data, "--listen", w.listen)...).Output() // #nosec G204: our own program
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("meetcoop %s: %w: %.500s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

func (w *world) cli(ctx context.Context, into any, args ...string) error {
	out, err := w.output(ctx, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

func (w *world) start(ctx context.Context) error {
	base, err := freeRange(w.o.servers)
	if err != nil {
		return err
	}
	if _, err := w.launch(ctx, "bbbsim", "--listen", "127.0.0.1:"+strconv.Itoa(base), "--servers", strconv.Itoa(w.o.servers), "--secret", "soak-secret"); err != nil {
		return err
	}
	for i := range w.o.servers {
		w.sims = append(w.sims, fmt.Sprintf("http://127.0.0.1:%d", base+i))
	}
	return w.serve(ctx)
}

// serve starts the program and waits until it is ready.
func (w *world) serve(ctx context.Context) error {
	server, err := w.launch(ctx, "meetcoop", "serve", "--demo", "--engine", "none", "--listen", w.listen, "--ops-listen", w.ops, "--data", w.data, "--log-level", "warn")
	if err != nil {
		return err
	}
	w.pid = server.Process.Pid
	if err := await(ctx, func() bool { return status("http://"+w.ops+"/readyz") == http.StatusOK }); err != nil {
		return fmt.Errorf("the server is not ready: %w", err)
	}
	return nil
}

// few adds the servers and a member with one connection.
func (w *world) few(ctx context.Context) error {
	var ignored json.RawMessage
	for _, sim := range w.sims {
		if err := w.cli(ctx, &ignored, "server", "add", "--url", sim+"/bigbluebutton/api", "--secret", "soak-secret"); err != nil {
			return err
		}
	}
	if err := w.cli(ctx, &ignored, "member", "create", "--name", "Soak", "--slug", "soak", "--level", "custom"); err != nil {
		return err
	}
	var made struct{ Endpoint, Secret string }
	if err := w.cli(ctx, &made, "connection", "create", "--member", "soak", "--name", "soak"); err != nil {
		return err
	}
	w.endpoint, w.secret = made.Endpoint, made.Secret
	return await(ctx, func() bool {
		var servers []struct{ Observed string }
		up := 0
		if w.cli(ctx, &servers, "server", "list") != nil {
			return false
		}
		for _, s := range servers {
			if s.Observed == "up" {
				up++
			}
		}
		return up == w.o.servers
	})
}

func await(ctx context.Context, holds func() bool) error {
	for range 300 {
		if holds() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("not within 30 s")
}

func status(u string) int {
	resp, err := http.Get(u) // #nosec G107: our own
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode
}

func freePorts(n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_, out[i], err = net.SplitHostPort(l.Addr().String())
		if err := errors.Join(err, l.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// freeRange returns the first of n ports in a row that nobody has; below those that the system gives to outgoing connections.
func freeRange(n int) (int, error) {
	const from, below = 12_000, 32_000
	for base := from; base+n < below; base += n {
		if portsFree(base, n) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row", n)
}

func portsFree(base, n int) bool {
	free := true
	for port := base; port < base+n && free; port++ {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		free = err == nil && l.Close() == nil
	}
	return free
}
