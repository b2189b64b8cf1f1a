// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
)

const (
	// LiveKit's own clearing away of rooms. It comes long after our timers (5 min without
	// anybody, 1 min after the last one) and only catches what we forgot; the proxy makes the
	// room again for whoever is still admitted.
	emptyTimeout     = 10 * time.Minute
	departureTimeout = 3 * time.Minute

	defaultMemoryMax = 1 << 30
)

// Config is what an Engine needs. PublicURL, Now and Log are required.
type Config struct {
	PublicURL *url.URL // where pages are served; entries point there
	Now       instant.Clock
	Log       *slog.Logger
	Registry  prometheus.Registerer // may be nil: no metrics

	// External names a LiveKit that somebody else runs. Nil means embedded: the fields below count.
	External *External

	// Command starts the child. Empty means this very program with the one argument "engine".
	Command []string
	// MediaListen is the UDP address of media. The zero value is 127.0.0.1 and a port that is
	// free at each start; port 0 is a free port too.
	MediaListen netip.AddrPort
	// MediaTCP, where UDP is blocked: the zero value is off. LiveKit binds it on all addresses
	// whatever it is told, so it must be the unspecified address, and MediaListen must be open.
	MediaTCP netip.AddrPort
	// MediaIP is told to browsers instead of the address of MediaListen. The zero value: do not.
	MediaIP netip.Addr
	// MaxPeople in one meeting, told by Capabilities; 0: no limit.
	MaxPeople int
	// MemoryMax is the child's resident memory in bytes above which it is restarted; 0: 1 GiB.
	MemoryMax int64
	// Debug passes everything LiveKit says to Log; it may hold addresses of people.
	Debug bool
}

// External is a LiveKit by address.
type External struct {
	URL *url.URL // http(s) or ws(s); never told to a page
	Credentials
}

// Credentials sign for one LiveKit. They print as nothing useful, on purpose.
type Credentials struct {
	Key    string
	Secret string
}

// String hides the secret.
func (c Credentials) String() string { return "key " + c.Key }

// GoString hides the secret.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secret.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

func newCredentials() Credentials {
	key, secret := make([]byte, 8), make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	_, _ = rand.Read(secret)
	return Credentials{Key: "mc" + hex.EncodeToString(key), Secret: base64.RawURLEncoding.EncodeToString(secret)}
}

// check reports all settings that cannot work, under the names an operator writes.
func (c Config) check() error {
	var bad fault.Check
	bad.Field(c.PublicURL != nil && c.PublicURL.Host != "" && (c.PublicURL.Scheme == "http" || c.PublicURL.Scheme == "https"),
		"public-url", "engine.public_url")
	if c.External != nil {
		u := c.External.URL
		bad.Field(u != nil && u.Host != "" && knownScheme(u.Scheme), "livekit-url", "engine.livekit_url")
		bad.Field(c.External.Key != "", "livekit-key", "engine.livekit_key")
		bad.Field(c.External.Secret != "", "livekit-secret", "engine.livekit_key")
		return bad.Err()
	}
	bad.Field(!c.MediaTCP.IsValid() || c.MediaTCP.Addr().IsUnspecified(), "media-tcp", "engine.media_tcp_address")
	bad.Field(!c.MediaTCP.IsValid() || c.MediaTCP.Port() != 0, "media-tcp", "engine.media_tcp_port")
	bad.Field(!c.MediaTCP.IsValid() || !c.mediaAddr().IsLoopback(), "media-tcp", "engine.media_tcp_loopback")
	bad.Field(!c.MediaIP.IsValid() || !c.mediaAddr().IsLoopback(), "media-ip", "engine.media_ip_loopback")
	bad.Field(c.MaxPeople >= 0, "engine-max-people", "engine.max_people_negative")
	return bad.Err()
}

func (c Config) mediaAddr() netip.Addr {
	if !c.MediaListen.IsValid() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return c.MediaListen.Addr().Unmap()
}

func knownScheme(s string) bool {
	return s == "http" || s == "https" || s == "ws" || s == "wss"
}

// withScheme returns u with plain or secure of its own kind: https stays secure as wss.
func withScheme(u *url.URL, plain, secure string) *url.URL {
	out := *u
	out.Scheme = plain
	if u.Scheme == "https" || u.Scheme == "wss" {
		out.Scheme = secure
	}
	return &out
}

// EntryURL returns the address at which a page served from public finds the signalling:
// ws for http, wss for https, on the same host.
func EntryURL(public *url.URL) string {
	u := withScheme(public, "ws", "wss")
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}
