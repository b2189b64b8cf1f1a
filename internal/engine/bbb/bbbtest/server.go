// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Profile is the line of BigBlueButton whose habits a server shows.
type Profile string

// The lines that differ where clients notice.
const (
	V26 Profile = "2.6"
	V27 Profile = "2.7"
	V30 Profile = "3.0"
)

// Config describes a server. The zero value of what is optional is what a server comes with.
type Config struct {
	Secret  string           // shared with clients; required
	URL     string           // under which browsers reach it, without a slash at the end; required
	Profile Profile          // none is V30
	Now     func() time.Time // none is the clock
	Grace   time.Duration    // how long an ended meeting stays listed; 0 is 10 s
}

// Server is one BigBlueButton server. It is safe for concurrent use.
type Server struct {
	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	meetings []*meeting // in the order of their creation, ended ones until their grace is over
	sessions map[string]*person
}

// apiPath is where the API of every BigBlueButton is.
const apiPath = "/bigbluebutton/api"

// New returns a server without meetings.
func New(cfg Config) (*Server, error) {
	if cfg.Secret == "" || cfg.URL == "" {
		return nil, errors.New("bbbtest: a server needs a secret and a URL")
	}
	if cfg.Profile == "" {
		cfg.Profile = V30
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), sessions: map[string]*person{}}
	s.mux.HandleFunc("GET "+apiPath, s.root)
	s.mux.HandleFunc("GET "+apiPath+"/{$}", s.root)
	both := func(name string, do func(http.ResponseWriter, *call)) {
		s.mux.HandleFunc("GET "+apiPath+"/"+name, s.checked(name, do))
		s.mux.HandleFunc("POST "+apiPath+"/"+name, s.checked(name, do))
	}
	both("create", s.create)
	both("isMeetingRunning", s.isMeetingRunning)
	both("end", s.end)
	both("getMeetingInfo", s.getMeetingInfo)
	both("getMeetings", s.getMeetings)
	both("getSessions", s.getSessions)
	s.mux.HandleFunc("GET "+apiPath+"/join", s.checked("join", s.join))
	s.mux.HandleFunc(apiPath+"/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, breach{"unsupportedRequest", "This request is not supported."})
	})
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // ServeMux would let GET answer it; the API does not
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// root tells the version to whoever asks: balancers take it as a sign of life.
func (s *Server) root(w http.ResponseWriter, _ *http.Request) {
	kids := []node{el("version", "2.0"), el("apiVersion", "2.0"), el("bbbVersion", "")}
	if s.cfg.Profile == V30 {
		host := strings.TrimPrefix(s.cfg.URL, "http")
		kids = append(kids, el("graphqlWebsocketUrl", "ws"+host+"/graphql"), el("html5PluginSdkVersion", "0.0.79"), el("graphqlApiUrl", s.cfg.URL+"/api/rest"))
	}
	success(w, kids...)
}

// call is one request whose checksum was right.
type call struct {
	name string
	http *http.Request
	p    params
	now  time.Time
}

// checked verifies the checksum, then the media type, before any field is looked at.
func (s *Server) checked(name string, do func(http.ResponseWriter, *call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if name != "getMeetingInfo" {
			w.Header().Set("Cache-Control", "no-cache")
		}
		c := &call{name: name, http: r, now: s.cfg.Now()}
		if b := s.verify(c); b != nil {
			if name == "join" {
				s.refuse(w, c, *b)
				return
			}
			fail(w, *b)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pass(c.now)
		do(w, c)
	}
}

func (s *Server) verify(c *call) *breach {
	var err error
	if c.p, err = read(c.http); err != nil {
		c.p = params{url.Values{}}
	}
	sum := c.p.get("checksum")
	if sum == "" {
		return &breach{"checksumError", "You must provide the checksum"}
	}
	query := withoutChecksum(c.http.URL.RawQuery, sum)
	ok := signed(c.name, query, sum, s.cfg.Secret)
	if !ok && c.http.URL.RawQuery == "" { // all in a form: signed over what the form says, newer documents say over nothing
		ok = signed(c.name, queryOf(c.p.values), sum, s.cfg.Secret)
	}
	if !ok {
		return &breach{"checksumError", "Checksums do not match"}
	}
	if !typeFits(c.http, c.name) {
		return &breach{"unsupportedContentType", "POST request Content-Type is missing or unsupported"}
	}
	return nil
}

// letters are what ids are drawn from.
func drawn(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(b)))[:n]
}

func drawnNumber(below int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(below))
	if err != nil {
		panic(err) // the system has no randomness
	}
	return n.Int64()
}
