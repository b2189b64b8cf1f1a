// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
)

const (
	drainFor     = 3 * time.Second
	goneWithin   = 4500 * time.Millisecond // of 5 s: a kill takes a moment too
	readyWithin  = 10 * time.Second
	portTries    = 5
	crashWindow  = 10 * time.Minute
	brokenAfter  = 5
	memoryLookup = 5 * time.Second
)

var restartAfter = [...]time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, time.Minute}

// backoff returns how long to wait after the latest of these crashes, in order of time, and
// whether they are too many: five within ten minutes.
func backoff(crashes []time.Time, now time.Time) (wait time.Duration, broken bool) {
	recent := 0
	for _, at := range crashes {
		if now.Sub(at) < crashWindow {
			recent++
		}
	}
	wait = restartAfter[min(max(recent, 1), len(restartAfter))-1]
	return wait, recent >= brokenAfter
}

// supervisor keeps one child running.
type supervisor struct {
	cfg     Config
	creds   Credentials
	command []string
	metrics *metrics
	log     *slog.Logger
	crashes []time.Time

	mu  sync.Mutex
	pid int
}

type childHooks struct {
	up   func(httpPort int)
	down func(broken bool)
}

func newSupervisor(cfg Config, creds Credentials, m *metrics) *supervisor {
	return &supervisor{cfg: cfg, creds: creds, command: cfg.Command, log: cfg.Log, metrics: m}
}

// run starts the child and starts it again until ctx is done; then it ends the child and
// returns. first gets the outcome of the first start, nothing more; if that is an error,
// run returns.
func (s *supervisor) run(ctx context.Context, webhook string, hooks childHooks, first chan<- error) {
	began := false
	for ctx.Err() == nil {
		c, err := s.start(ctx, webhook)
		if !began {
			if err != nil {
				first <- err
				return
			}
			hooks.up(c.httpPort)
			began = true
			first <- nil
		} else if err == nil {
			hooks.up(c.httpPort)
		}
		if err == nil {
			err = s.attend(ctx, c)
		}
		if ctx.Err() != nil {
			return
		}
		s.metrics.crashes.Inc()
		now := time.Now()
		s.crashes = append(s.crashes, now)
		if len(s.crashes) > brokenAfter {
			s.crashes = s.crashes[1:]
		}
		wait, broken := backoff(s.crashes, now)
		level := slog.LevelWarn
		if broken {
			level = slog.LevelError
		}
		s.log.Log(ctx, level, "engine ended", "err", err, "again_in", wait, "broken", broken)
		hooks.down(broken)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// attend waits for the end of the child, which it brings about when ctx is done or the
// child has grown too large. It returns when the process is gone.
func (s *supervisor) attend(ctx context.Context, c *child) error {
	tick := time.NewTicker(memoryLookup)
	defer tick.Stop()
	most := cmp.Or(s.cfg.MemoryMax, defaultMemoryMax)
	for {
		select {
		case <-c.gone:
			return fmt.Errorf("the engine's process ended: %w", c.err)
		case <-ctx.Done():
			c.end()
			return ctx.Err()
		case <-tick.C:
			used := residentMemory(c.cmd.Process.Pid)
			s.metrics.memory.Set(float64(used))
			if used > most {
				c.kill()
				return fmt.Errorf("the engine held %d MiB, more than %d", used>>20, most>>20)
			}
		}
	}
}

// start brings up one child, on other ports when the first are taken.
func (s *supervisor) start(ctx context.Context, webhook string) (*child, error) {
	var err error
	for range portTries {
		var cfg childConfig
		if cfg, err = s.childConfig(webhook); err != nil {
			return nil, err
		}
		var c *child
		if c, err = s.launch(ctx, cfg); err == nil {
			return c, nil
		}
		if !errors.Is(err, errPortTaken) {
			return nil, err
		}
	}
	return nil, err
}

var errPortTaken = errors.New("a port of the engine was taken")

func (s *supervisor) childConfig(webhook string) (childConfig, error) {
	httpPort, err := freeTCP()
	if err != nil {
		return childConfig{}, err
	}
	media := netip.AddrPortFrom(s.cfg.mediaAddr(), s.cfg.MediaListen.Port())
	udpPort, err := bindable(media)
	if err != nil {
		return childConfig{}, fault.Wrap(err, fault.Unavailable, "engine.media_taken", fault.Params{"Address": media.String()})
	}
	cfg := childConfig{
		HTTPPort:   httpPort,
		UDPPort:    udpPort,
		TCPPort:    int(s.cfg.MediaTCP.Port()),
		MediaAddr:  media.Addr().String(),
		Key:        s.creds.Key,
		Secret:     s.creds.Secret,
		Webhook:    webhook,
		MemoryMax:  cmp.Or(s.cfg.MemoryMax, defaultMemoryMax) * 3 / 4, // the runtime works harder before we kill
		DrainAfter: drainFor,
		Debug:      s.cfg.Debug,
	}
	if s.cfg.MediaIP.IsValid() {
		cfg.MediaIP = s.cfg.MediaIP.String()
	}
	return cfg, nil
}

// freeTCP returns a port of 127.0.0.1 that was free a moment ago. LiveKit cannot be told
// "any" and asked afterwards which.
func freeTCP() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// bindable returns the UDP port of a, or a free one if a has none, after trying it:
// LiveKit itself would start without media on an address that is not there.
func bindable(a netip.AddrPort) (int, error) {
	l, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.LocalAddr().(*net.UDPAddr).Port, nil
}

// child is one running process.
type child struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	httpPort int
	gone     chan struct{} // closed when the process is reaped
	err      error         // why, after gone
}

// launch starts a process and waits for its line.
func (s *supervisor) launch(ctx context.Context, cfg childConfig) (*child, error) {
	line, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	command := s.command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		command = []string{self, "engine"}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{"GOTRACEBACK=single"} // none of our secrets, none of LiveKit's variables
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = time.Second

	c := &child{cmd: cmd, httpPort: cfg.HTTPPort, gone: make(chan struct{})}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	said := make(chan childSays, 1)
	go func() {
		// The parent-death signal of Linux is tied to the thread that started the child
		// (prctl(2), PR_SET_PDEATHSIG): that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.gone)
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		var pipes sync.WaitGroup
		pipes.Go(func() { logChild(s.log, stderr) })
		pipes.Go(func() { hear(stdout, said) })
		pipes.Wait() // Wait closes the pipes: read them first
		c.err = cmd.Wait()
	}()
	if err := <-started; err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "engine.down")
	}
	s.setPID(cmd.Process.Pid)
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		c.kill()
		return nil, fault.Wrap(err, fault.Unavailable, "engine.down")
	}
	return c, c.await(ctx, said)
}

// await returns nil when the child serves; otherwise the child is gone.
func (c *child) await(ctx context.Context, said <-chan childSays) error {
	late := time.After(readyWithin)
	var says childSays
	select {
	case says = <-said:
	case <-c.gone:
		// It may have said why and ended before we looked.
		select {
		case says = <-said:
		default:
		}
	case <-late:
	case <-ctx.Done():
	}
	if says.Ready {
		return nil
	}
	c.kill()
	cause := cmp.Or(says.Err, "the engine's process did not become ready")
	switch {
	case says.Busy:
		return fmt.Errorf("%w: %s", errPortTaken, cause)
	case says.Code != "":
		return fault.Wrap(errors.New(cause), fault.Unavailable, says.Code, says.Param)
	}
	return fault.Wrap(errors.New(cause), fault.Unavailable, engine.ErrDown.Code)
}

// hear reads the child's one line and swallows the rest.
func hear(from io.Reader, said chan<- childSays) {
	in := bufio.NewReader(from)
	if line, err := in.ReadBytes('\n'); err == nil {
		var s childSays
		if json.Unmarshal(line, &s) == nil {
			said <- s
		}
	}
	_, _ = io.Copy(io.Discard, in)
}

// end asks the child to drain and waits; after 4.5 s it is killed.
func (c *child) end() {
	_, _ = io.WriteString(c.stdin, stopWord+"\n") // a child that is gone already needs no word
	select {
	case <-c.gone:
	case <-time.After(goneWithin):
		c.kill()
	}
}

// kill ends the process at once and waits until it is reaped.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.gone
}

func (s *supervisor) setPID(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = pid
}

// childPID returns the process id of the latest child.
func (s *supervisor) childPID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}
