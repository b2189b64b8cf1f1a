// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"crypto/sha1" // #nosec G505: the contract offers it, and servers before 2.4 know nothing else
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"meetcoop/internal/fault"
)

// Limits of one server and of one call (gateway.md F3).
const (
	CallTimeout    = 8 * time.Second // of a whole call, unless it names another
	connectTimeout = 2 * time.Second // for the connection, and again for TLS
	answerTimeout  = 5 * time.Second // from the last byte of the request to the first of the answer
	maxInFlight    = 32
	maxProbes      = 4 // beside the others: a poll must not fail because people are busy
	maxWait        = time.Second
	maxHeader      = 64 << 10
)

// NewTransport returns the connections to all servers. There is one per process, closed by whoever made it with
// CloseIdleConnections. It goes through no proxy, speaks HTTP/1.1 and asks for no compression, so that what an answer
// may be at most is what is sent.
func NewTransport() *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		MaxConnsPerHost:        2 * maxInFlight,
		MaxIdleConnsPerHost:    maxInFlight,
		IdleConnTimeout:        30 * time.Second, // nginx closes after 60 to 75 s: we are first, so that no call meets a connection that just ended
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		Protocols:              &protocols,
	}
}

// Config describes one server.
type Config struct {
	URL       string            // of its API, "https://host/bigbluebutton/api"; http too; a slash at the end does not matter
	Secret    string            // never empty: that server would take calls of anybody
	SHA1      bool              // sign with SHA-1 for servers that take nothing better; SHA-256 otherwise
	Transport http.RoundTripper // NewTransport, shared by all; required
	Now       func() time.Time  // none is time.Now; for the breaker
}

// Client is our side of one server. It is safe for concurrent use and needs no end.
type Client struct {
	base      url.URL // without a slash at the end
	secret    string
	sha1      bool
	transport http.RoundTripper
	breaker   breaker
	calls     chan struct{} // one place per call in flight
	probes    chan struct{}
	waiting   atomic.Int64
	sent      atomic.Uint64
	failures  atomic.Uint64
}

// New returns the client of a server, closed breaker and all, without calling it. It is Invalid with the fields url and secret
// (bbb.url, bbb.secret) when these cannot be meant.
func New(cfg Config) (*Client, error) {
	if cfg.Transport == nil {
		return nil, errors.New("bbb: a client needs a transport")
	}
	var check fault.Check
	CheckAddress(&check, cfg.URL)
	CheckSecret(&check, cfg.Secret)
	if err := check.Err(); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return &Client{
		base:      *u,
		secret:    cfg.Secret,
		sha1:      cfg.SHA1,
		transport: cfg.Transport,
		breaker:   breaker{now: cfg.Now},
		calls:     make(chan struct{}, maxInFlight),
		probes:    make(chan struct{}, maxProbes),
	}, nil
}

// CheckAddress notes bbb.url for the field url when an address cannot be that of the API of a server.
func CheckAddress(check *fault.Check, address string) {
	u, err := url.Parse(address)
	check.Field(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" &&
		!u.ForceQuery && u.Fragment == "" && u.Opaque == "" && !strings.Contains(address, "#"), "url", "bbb.url")
}

// CheckSecret notes bbb.secret for the field secret when a text cannot be the secret of a server.
func CheckSecret(check *fault.Check, secret string) {
	check.Field(strings.TrimSpace(secret) == secret && secret != "", "secret", "bbb.secret")
}

// Sign returns the URL of a call with its checksum, as a browser is sent to it. query is raw, without checksum, and stays
// as it is byte for byte. The call "" (the root) is not signed.
func (c *Client) Sign(call, query string) string { return c.signed(call, query).String() }

func (c *Client) signed(call, query string) *url.URL {
	u := c.base
	u.RawQuery = query
	if call == "" {
		return &u
	}
	u.Path += "/" + call
	if u.RawPath != "" {
		u.RawPath += "/" + call
	}
	sum := "checksum=" + c.checksum(call, query)
	if query != "" {
		sum = query + "&" + sum
	}
	u.RawQuery = sum
	return &u
}

// checksum is the hexadecimal digest of the call's name, the raw query and the secret, one after the other (spec, section 1).
func (c *Client) checksum(call, query string) string {
	text := []byte(call + query + c.secret)
	if c.sha1 {
		sum := sha1.Sum(text) // #nosec G401
		return hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// State is a moment of a client, for metrics.
type State struct {
	Breaker   Breaker
	OpenUntil time.Time // when the next call goes through; zero while closed
	Opened    uint64    // how often the breaker opened, since New
	InFlight  int       // calls, probes among them
	Waiting   int       // calls that wait for a place
	Sent      uint64    // calls that got a place and passed the breaker, since New
	Failures  uint64    // those of them that count against the server
}

// State returns how the client is doing now.
func (c *Client) State() State {
	s := State{InFlight: len(c.calls) + len(c.probes), Waiting: int(c.waiting.Load()), Sent: c.sent.Load(), Failures: c.failures.Load()}
	s.Breaker, s.OpenUntil, s.Opened = c.breaker.state()
	return s
}
