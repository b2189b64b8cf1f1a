// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha1" // #nosec G505: what bbb-webhooks signs with
	"errors"
	"hash"
	"log/slog"
	random "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Profile is the line of BigBlueButton whose habits a server shows.
type Profile string

// The lines that differ where clients notice. 2.6 and 2.7 are their last patch levels.
const (
	V26 Profile = "2.6"
	V27 Profile = "2.7"
	V30 Profile = "3.0"
)

// Config describes a server. The zero value of what is optional is what a server comes with.
type Config struct {
	Secret  string           // shared with clients; required by New
	URL     string           // under which browsers reach it, without a slash at the end; required by New
	Profile Profile          // none is V30
	Now     func() time.Time // none is the clock, and ends of meetings happen by themselves; with another they happen when somebody asks, or by Pass
	Grace   time.Duration    // how long an ended meeting stays listed; 0 is 10 s

	// AutoConnect lets whoever joins connect by themselves after ConnectDelay; 0 is at once. Without it, which suits tests, a join
	// is no participant until Connect.
	AutoConnect  bool
	ConnectDelay time.Duration

	Seed       uint64   // of what is drawn by lot: shares of faults, voice bridges
	Algorithms []string // supportedChecksumAlgorithms: some of sha1, sha256, sha384, sha512; none is all four
	NoFetchAll bool     // getRecordings needs ids or a limit (allowFetchAllRecordings=false)

	NoHooks    bool             // no bbb-webhooks on this server
	HookHash   func() hash.Hash // that webhooks are signed with (hookChecksumAlgorithm); none is SHA-1
	HookBearer bool             // webhooks carry the secret as a bearer token instead (auth2_0)

	Sleep     func(ctx context.Context, d time.Duration) error // between tries of callbacks; none waits really
	Transport http.RoundTripper                                // of callbacks; none is one of the server's own
	Log       *slog.Logger                                     // none is silent
}

// Server is one BigBlueButton server. It is safe for concurrent use.
type Server struct {
	cfg      Config
	ownClock bool
	machine  *Running // that it runs on; nil: none
	ctx      context.Context
	cancel   context.CancelFunc
	sender   sender

	mu         sync.Mutex
	offset     time.Duration // of the clock
	ahead      dues
	alarm      *time.Timer
	alarmAt    time.Time
	closed     bool
	index      index
	sessions   map[string]*person
	luck       *random.Rand
	grouping   bool // thousands have a separator in this call
	hooks      hooks
	recordings recordings
	faults     []*Fault
	seen       map[string]*seen
	thawed     chan struct{} // nil: not frozen
	dead       bool          // the machine is
}

// New returns a server without meetings.
func New(cfg Config) (*Server, error) {
	if cfg.Secret == "" || cfg.URL == "" {
		return nil, errors.New("bbbtest: a server needs a secret and a URL")
	}
	switch cfg.Profile = cmp.Or(cfg.Profile, V30); cfg.Profile {
	case V26, V27, V30:
	default:
		return nil, errors.New("bbbtest: no such profile: " + string(cfg.Profile))
	}
	s := &Server{ownClock: cfg.Now == nil}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.HookHash == nil {
		cfg.HookHash = sha1.New
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Grace = cmp.Or(cfg.Grace, 10*time.Second)
	s.cfg = cfg
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.sender.init(cfg.Transport)
	s.empty()
	return s, nil
}

// empty is a server as it comes.
func (s *Server) empty() {
	s.offset, s.ahead, s.alarmAt, s.faults = 0, nil, time.Time{}, nil
	s.index, s.sessions, s.seen = newIndex(), map[string]*person{}, map[string]*seen{}
	s.hooks, s.recordings = hooks{off: s.cfg.NoHooks}, recordings{}
	s.luck = random.New(random.NewPCG(s.cfg.Seed, 0))
}

// Reset forgets everything: meetings, recordings, hooks, faults, counters, and the movement of the clock.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropHooks()
	s.empty()
}

// Forget loses the meetings and who is in them, as a restart without a database does. Nobody is told.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.sessions, s.ahead = newIndex(), map[string]*person{}, nil
}

// Close gives up callbacks under way and waits for them to end. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.alarm != nil {
		s.alarm.Stop()
	}
	s.mu.Unlock()
	s.cancel()
	s.sender.wait()
	s.sender.client.CloseIdleConnections()
}

// URL is where browsers and clients reach the server, without a slash at the end.
func (s *Server) URL() string { return s.cfg.URL }

// Secret is what the server shares with its clients.
func (s *Server) Secret() string { return s.cfg.Secret }

// root tells the version to whoever asks: balancers take it as a sign of life.
func (s *Server) root(w http.ResponseWriter, c *call) {
	told := [][2]string{{"version", "2.0"}, {"apiVersion", "2.0"}, {"bbbVersion", ""}}
	if s.cfg.Profile == V30 {
		host := strings.TrimPrefix(s.cfg.URL, "http")
		told = append(told, [2]string{"graphqlWebsocketUrl", "ws" + host + "/graphql"}, [2]string{"html5PluginSdkVersion", "0.0.79"}, [2]string{"graphqlApiUrl", s.cfg.URL + "/api/rest"})
	}
	if s.cfg.Profile == V30 && strings.HasPrefix(c.http.Header.Get("Content-Type"), "application/json") {
		doc := map[string]any{"returncode": "SUCCESS"}
		for _, t := range told {
			doc[t[0]] = t[1]
		}
		answerJSON(w, response(doc))
		return
	}
	var kids []node
	for _, t := range told {
		kids = append(kids, el(t[0], t[1]))
	}
	success(w, kids...)
}

// letters are what ids are drawn from.
const letters = "abcdefghijklmnopqrstuvwxyz012345"

// drawn is n letters nobody can guess.
func drawn(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[b[i]%byte(len(letters))]
	}
	return string(b)
}
