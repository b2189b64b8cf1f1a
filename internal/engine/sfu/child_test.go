// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/livekit/livekit-server/pkg/rtc"
	"github.com/livekit/mediatransportutil/pkg/rtcconfig"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/sfu/sfutest"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// Field 3, after the name in brackets: Z is dead and not yet reaped by whoever inherits it.
	return !strings.Contains(string(b), ") Z ")
}

func TestAKilledEngineComesBackWithItsMeetings(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	told := make(chan engine.Event, 100)
	go func() { _ = s.Events(patient(t), func(e engine.Event) error { told <- e; return nil }) }()
	ref, who := s.meeting(t), id.NewParticipant()
	page := s.enter(t, ref, who)
	old := s.child.childPID()

	began := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var kinds []engine.EventKind
	for e := range told {
		if e.Meeting == "" {
			kinds = append(kinds, e.Kind)
		}
		if e.Kind == engine.EventBack {
			break
		}
	}
	if diff := cmp.Diff([]engine.EventKind{engine.EventDown, engine.EventBack}, kinds); diff != "" {
		t.Errorf("events of the engine (-want +got):\n%s", diff)
	}
	<-page.Gone()
	// The token that LiveKit had handed out still fits: key and secret are those of the process.
	token, err := page.Refreshed(patient(t))
	if err != nil {
		token = s.entry(t, ref, who).Token
	}
	again, err := sfutest.Enter(patient(t), engine.Entry{URL: EntryURL(s.cfg.PublicURL), Token: token}, s.origin)
	if err != nil {
		t.Fatalf("enter again: %v", err)
	}
	defer again.Lose()
	t.Logf("media again after %v", time.Since(began))
	if s.child.childPID() == old {
		t.Error("the child is the same process")
	}
	got, err := s.Create(patient(t), engine.CreateInput{Ref: ref})
	if err != nil || got.Fresh {
		t.Errorf("create: %+v, %v; want the meeting to be there", got, err)
	}
}

func TestCallsWhileTheEngineIsDownSaySo(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	s.Stop()
	if _, err := s.Create(patient(t), engine.CreateInput{Ref: ref}); !errors.Is(err, engine.ErrDown) {
		t.Errorf("create: %v, want %v", err, engine.ErrDown)
	}
	if _, err := s.List(patient(t)); !errors.Is(err, engine.ErrDown) {
		t.Errorf("list: %v, want %v", err, engine.ErrDown)
	}
	if got := s.knock(t, entry.Token); got != 503 {
		t.Errorf("the proxy answered %d, want 503", got)
	}
	s.Stop() // idempotent
}

func TestStopEndsTheChildWithinFiveSecondsAndTellsThePages(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	page := s.enter(t, s.meeting(t), id.NewParticipant())
	pid := s.child.childPID()
	began := time.Now()
	s.Stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if alive(pid) {
		t.Error("the child is still there")
	}
	<-page.Gone()
	if got := page.Why().String(); got != "SERVER_SHUTDOWN" {
		t.Errorf("the page was told %s, want SERVER_SHUTDOWN", got)
	}
}

func TestNoChildSurvivesItsParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command(childCommand(t)[0], "parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scan := fmt.Sscanf(line, "child %d", &pid); err != nil || scan != nil {
		_ = parent.Process.Kill()
		t.Fatalf("the parent said %q, %v", line, err)
	}
	if !alive(pid) {
		t.Fatal("there is no child to begin with")
	}
	began := time.Now()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // an error by design: it was killed
	until(t, "child gone", func() bool { return !alive(pid) })
	if took := time.Since(began); took > time.Second {
		t.Errorf("the child outlived its parent by %v", took)
	}
}

// The end of standard input alone must do, where there is no parent-death signal.
func TestTheChildEndsWithItsInput(t *testing.T) {
	t.Parallel()
	c := launched(t, Config{Command: childCommand(t)})
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.gone:
	case <-patient(t).Done():
		t.Error("the child lives on")
	}
}

func launched(t testing.TB, cfg Config) *child {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newSupervisor(cfg, newCredentials(), newMetrics(nil)).start(patient(t), "http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func TestSecretsAreNeitherArgumentsNorEnvironment(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, file := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.child.childPID(), file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), s.creds.Secret) || strings.Contains(string(b), s.creds.Key) {
			t.Errorf("%s holds the credentials", file)
		}
	}
	if said := fmt.Sprintf("%v %+v %#v", s.creds, s.creds, s.creds); strings.Contains(said, s.creds.Secret) {
		t.Error("credentials print their secret")
	}
}

func TestAllSocketsAreOnLoopbackByDefault(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	s.enter(t, s.meeting(t), id.NewParticipant())
	found := socketsOf(t, s.child.childPID())
	if len(found) < 2 {
		t.Fatalf("found %v, want signalling and media at least", found)
	}
	for _, a := range found {
		if !a.Addr().IsLoopback() {
			t.Errorf("a socket is bound to %v", a)
		}
	}
	t.Logf("bound: %v", found)
}

func TestMediaOpensWhereTheOperatorSaysAndSignallingNever(t *testing.T) {
	t.Parallel()
	tcp, err := freeTCP()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *Config) {
		c.MediaListen = netip.MustParseAddrPort("0.0.0.0:0")
		c.MediaTCP = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(tcp))
	})
	s.enter(t, s.meeting(t), id.NewParticipant())
	a, err := s.ready()
	if err != nil {
		t.Fatal(err)
	}
	openTCP := false
	for _, found := range socketsOf(t, s.child.childPID()) {
		if fmt.Sprint(found.Port()) == a.base.Port() && !found.Addr().IsLoopback() {
			t.Errorf("signalling is bound to %v", found)
		}
		openTCP = openTCP || int(found.Port()) == tcp && found.Addr().IsUnspecified()
	}
	if !openTCP {
		t.Errorf("media over TCP is not open at %d", tcp)
	}
	if err := s.Reachable(netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Errorf("others are told %v", err)
	}
}

// socketsOf returns the local addresses of listening TCP and bound UDP sockets of a process,
// from proc(5), /proc/pid/net/*.
func socketsOf(t *testing.T, pid int) (out []netip.AddrPort) {
	t.Helper()
	mine := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			mine[strings.Trim(strings.TrimPrefix(to, "socket:"), "[]")] = true
		}
	}
	const listening, unconnected = "0A", "07"
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // a machine without IPv6
		}
		for _, line := range strings.Split(string(b), "\n")[1:] {
			f := strings.Fields(line)
			if len(f) > 9 && mine[f[9]] && (f[3] == listening || f[3] == unconnected) {
				out = append(out, parseProcAddr(t, f[1]))
			}
		}
	}
	return out
}

// parseProcAddr reads 0100007F:1F90: 32-bit words in the machine's order, little-endian here.
func parseProcAddr(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	addr, _ := netip.AddrFromSlice(b)
	var p uint16
	if _, err := fmt.Sscanf(port, "%x", &p); err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(addr.Unmap(), p)
}

func TestTheChildIsReadySoonAndSmall(t *testing.T) {
	began := time.Now()
	c := launched(t, Config{Command: childCommand(t)})
	took := time.Since(began)
	used := residentMemory(c.cmd.Process.Pid)
	// Figures for docs/performance.md (promised: < 1 s, < 80 MB); a busy machine is no failure.
	t.Logf("ready after %v, %d MB resident", took, used/1_000_000)
	if used == 0 || used > 200_000_000 {
		t.Errorf("resident memory is %d bytes", used)
	}
}

func TestAChildThatGrowsTooLargeIsReplaced(t *testing.T) {
	t.Parallel()
	s := newSupervisor(Config{Command: childCommand(t), Log: slog.New(slog.DiscardHandler), MemoryMax: 1 << 20}, newCredentials(), newMetrics(nil))
	c, err := s.start(patient(t), "http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.attend(patient(t), c); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("attend: %v, want a word about memory", err)
	}
	if alive(c.cmd.Process.Pid) {
		t.Error("the large child is still there")
	}
}

func TestAMediaPortInUseIsNamedAtStart(t *testing.T) {
	t.Parallel()
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := l.LocalAddr().(*net.UDPAddr).AddrPort()
	s := newSupervisor(Config{Command: childCommand(t), Log: slog.New(slog.DiscardHandler), MediaListen: taken}, newCredentials(), newMetrics(nil))
	_, err = s.start(patient(t), "")
	if fault.CodeOf(err) != "engine.media_taken" || !strings.Contains(err.Error(), taken.String()) {
		t.Errorf("start: %v, want engine.media_taken with %s", err, taken)
	}
}

func TestAPortTakenMeanwhileIsTriedElsewhere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s := newSupervisor(Config{Command: childCommand(t), Log: slog.New(slog.DiscardHandler)}, newCredentials(), newMetrics(nil))
	cfg, err := s.childConfig("http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPPort = l.Addr().(*net.TCPAddr).Port
	if _, err := s.launch(patient(t), cfg); !errors.Is(err, errPortTaken) {
		t.Errorf("launch: %v, want %v", err, errPortTaken)
	}
}

func TestAnEngineThatCannotStartIsAnError(t *testing.T) {
	t.Parallel()
	s := newSupervisor(Config{Command: []string{"/bin/false"}, Log: slog.New(slog.DiscardHandler)}, newCredentials(), newMetrics(nil))
	if _, err := s.start(patient(t), ""); fault.CodeOf(err) != "engine.down" {
		t.Errorf("start: %v, want engine.down", err)
	}
	s.command = []string{"/nowhere/meetcoop"}
	if _, err := s.start(patient(t), ""); fault.CodeOf(err) != "engine.down" {
		t.Errorf("start: %v, want engine.down", err)
	}
}

func TestTheChildRefusesConfigurationItCannotRead(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "{", "{\"Secret\":\"hush\n"} {
		var said strings.Builder
		err := RunChild(context.Background(), strings.NewReader(in), &said)
		if err == nil || strings.Contains(err.Error(), "hush") || said.String() != "" {
			t.Errorf("%q: %v, said %q", in, err, said.String())
		}
	}
}

// What the pin opens by default, and what becomes of it (engine.md section 3, traps).
func TestLiveKitIsConfiguredShut(t *testing.T) {
	base := childConfig{HTTPPort: 1, UDPPort: 2, MediaAddr: "127.0.0.1", Key: "k", Secret: "s", Webhook: "http://127.0.0.1:3/"}
	conf, err := livekitConfig(base)
	if err != nil {
		t.Fatal(err)
	}
	type shut struct {
		Bind, STUN, IPs                                     []string
		TCPPort                                             uint32
		AutoCreate, Unmute, TURN, ExternalIP, DataTracks    bool
		TURNServers, PrometheusPort, DebugPort, Development any
	}
	got := shut{
		conf.BindAddresses, conf.RTC.STUNServers, conf.RTC.IPs.Includes, conf.RTC.TCPPort,
		conf.Room.AutoCreate, conf.Room.EnableRemoteUnmute, conf.TURN.Enabled, conf.RTC.UseExternalIP, conf.EnableDataTracks,
		len(conf.RTC.TURNServers), conf.Prometheus.Port, conf.DebugHandler.Port, conf.Development,
	}
	want := shut{Bind: []string{"127.0.0.1"}, STUN: []string{}, IPs: []string{"127.0.0.1/32"},
		TURNServers: 0, PrometheusPort: uint32(0), DebugPort: uint32(0), Development: false}
	if got.STUN == nil {
		got.STUN = []string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	var codecs []string
	for _, c := range conf.Room.EnabledCodecs {
		codecs = append(codecs, c.Mime)
	}
	if diff := cmp.Diff([]string{"audio/opus", "audio/red", "video/vp8", "video/h264", "video/rtx"}, codecs); diff != "" {
		t.Errorf("codecs (-want +got):\n%s", diff)
	}

	// LiveKit's own servers for finding out the address: none, whatever is told.
	for name, change := range map[string]func(*childConfig){
		"loopback":                  func(*childConfig) {},
		"one address":               func(c *childConfig) { c.MediaAddr = "192.0.2.7" },
		"all addresses":             func(c *childConfig) { c.MediaAddr = "0.0.0.0" },
		"all addresses, one told":   func(c *childConfig) { c.MediaAddr, c.MediaIP = "0.0.0.0", "192.0.2.7" },
		"all addresses of IPv6 too": func(c *childConfig) { c.MediaAddr = "::" },
	} {
		cfg := base
		change(&cfg)
		port, err := bindable(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.UDPPort = port
		conf, err := livekitConfig(cfg)
		if err != nil {
			t.Fatal(err)
		}
		web, err := rtc.NewWebRTCConfig(conf)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(web.Configuration.ICEServers); n != 0 {
			t.Errorf("%s: the engine asks %v", name, web.Configuration.ICEServers)
		}
		if web.UDPMux != nil {
			_ = web.UDPMux.Close()
		}
	}
}

func TestWePublicSTUNServersAreTheOnesLiveKitNames(t *testing.T) {
	var want []string
	for _, s := range rtcconfig.DefaultStunServers {
		want = append(want, "stun:"+s)
	}
	if diff := cmp.Diff(want, publicSTUN); diff != "" {
		t.Errorf("public STUN servers (-LiveKit +ours):\n%s", diff)
	}
}

func BenchmarkChildStart(b *testing.B) {
	for b.Loop() {
		c := launched(b, Config{Command: childCommand(b)})
		b.ReportMetric(float64(residentMemory(c.cmd.Process.Pid))/1e6, "MB")
		c.kill()
	}
}
