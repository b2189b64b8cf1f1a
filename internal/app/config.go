// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"meetcoop/internal/fault"
)

// Config is every setting of the program. Each field is a flag (--public-url), a variable
// (MEETCOOP_PUBLIC_URL) and a line of the settings file (MEETCOOP_PUBLIC_URL=...); what is marked
// secret may also be given as MEETCOOP_..._FILE, the path of a file that holds it. A flag wins over a
// variable, a variable over the file.
type Config struct {
	Listen      string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address of the portal."`
	PublicURL   string `name:"public-url" placeholder:"URL" help:"The only source of absolute links. Default: http://<listen>."`
	Data        string `default:"./data" type:"path" placeholder:"DIR" help:"Directory of the SQLite file and certificates."`
	DatabaseURL string `name:"database-url" placeholder:"URL" secret:"" help:"postgres://...; empty keeps everything in SQLite below --data."`
	OpsListen   string `name:"ops-listen" default:"127.0.0.1:9090" placeholder:"ADDR" help:"Address of /metrics, /healthz, /readyz and profiles."`
	SMTPURL     string `name:"smtp-url" placeholder:"URL" secret:"" help:"smtp(s)://user:pass@host:port. Required unless --demo, which keeps letters on a page."`
	MailFrom    string `name:"mail-from" placeholder:"ADDRESS" help:"Sender of letters. Default: meetcoop@<host of the public URL>."`

	Engine          string `enum:"embedded,livekit,none" default:"embedded" placeholder:"ENGINE" help:"Where meetings run: embedded, livekit (an external one) or none."`
	LivekitURL      string `name:"livekit-url" placeholder:"URL" help:"The external LiveKit."`
	LivekitKey      string `name:"livekit-key" placeholder:"KEY" help:"Its API key."`
	LivekitSecret   string `name:"livekit-secret" placeholder:"SECRET" secret:"" help:"Its API secret."`
	MediaListen     string `name:"media-listen" placeholder:"ADDR" help:"UDP address and port of the embedded engine's media. Default: loopback only, a free port."`
	MediaTCP        string `name:"media-tcp" placeholder:"ADDR" help:"TCP address and port for media where UDP is blocked. Default: off."`
	MediaIP         string `name:"media-ip" placeholder:"IP" help:"Address told to browsers when it differs from --media-listen."`
	EngineMaxPeople int    `name:"engine-max-people" default:"50" placeholder:"N" help:"People on the embedded engine; half as many in one meeting."`

	MasterKeyFile string `name:"master-key-file" type:"path" placeholder:"FILE" help:"Key that encrypts stored secrets; made when missing, the same on all nodes. Default: <data>/master.key."`

	SeatLease     time.Duration  `name:"seat-lease" default:"75s" placeholder:"DURATION" help:"How long an admitted person may take to connect before the seat is free again."`
	LobbyLease    time.Duration  `name:"lobby-lease" default:"5m" placeholder:"DURATION" help:"The same for a guest who waits in the lobby of a BigBlueButton meeting."`
	SeatHold      time.Duration  `name:"seat-hold" default:"15s" placeholder:"DURATION" help:"How long the seat of somebody gone from a BigBlueButton meeting is kept: a reload does not ask again."`
	PollInterval  time.Duration  `name:"poll-interval" default:"10s" placeholder:"DURATION" help:"How often BigBlueButton servers are asked what runs."`
	DetachAfter   time.Duration  `name:"detach-after" default:"30s" placeholder:"DURATION" help:"How long a server is silent before its meetings are moved."`
	CallbackAllow []netip.Prefix `name:"callback-allow" placeholder:"CIDR" help:"Private networks that callbacks of API clients may reach."`

	MetricsCompat bool   `name:"metrics-compat" help:"Show BigBlueButton servers under the metric names of bigbluebutton-exporter too."`
	GatewayDomain string `name:"gateway-domain" placeholder:"DOMAIN" help:"The API at <connection>.<domain>/bigbluebutton/api too, beside the path form."`

	RecordingsURL string `name:"recordings-url" placeholder:"URL" help:"An origin of its own for playback pages. Default: the public URL, with pages from servers in a sandbox."`

	QuarantineRecordings int `name:"quarantine-recordings" default:"200" placeholder:"N" help:"Recordings of unknown owner that one server may have here."`
	QuarantineGB         int `name:"quarantine-gb" default:"20" placeholder:"N" help:"Gigabytes that these may take together."`

	TLSDomain    string         `name:"tls-domain" placeholder:"NAME" help:"Serve HTTPS for this name with a certificate by ACME."`
	TLSCert      string         `name:"tls-cert" type:"path" placeholder:"FILE" help:"Serve HTTPS with this certificate chain (PEM)."`
	TLSKey       string         `name:"tls-key" type:"path" placeholder:"FILE" help:"Its private key (PEM)."`
	TrustedProxy []netip.Prefix `name:"trusted-proxy" placeholder:"CIDR" help:"Networks whose forwarded client address is believed."`

	LogLevel  string `name:"log-level" enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `name:"log-format" enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`

	ClockOffset time.Duration `name:"clock-offset" default:"0s" placeholder:"DURATION" help:"Run in the future (demo only)."`
	Dev         bool          `help:"Assets and templates from disk, and /dev/components."`
	Demo        bool          `help:"Fill an empty database with an invented federation."`
}

// gatewayDomain is a name in DNS, in small letters, without a port.
var gatewayDomain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Check reports every setting that is wrong or does not go with another one, all at once. It is not named Validate, which the parser would
// call for every command: only a server needs all of them.
func (c Config) Check() error {
	var check fault.Check
	_, _, err := net.SplitHostPort(c.Listen)
	check.Field(err == nil, "listen", "config.address")
	_, _, err = net.SplitHostPort(c.OpsListen)
	check.Field(err == nil, "ops-listen", "config.address")
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
		check.Field(ok, "public-url", "config.public_url")
		check.Field(!ok || u.Scheme == "https" || isLoopback(u.Hostname()), "public-url", "config.public_url_plain")
	}
	if c.RecordingsURL != "" {
		u, err := url.Parse(c.RecordingsURL)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil && u.Host != c.BaseURL().Host
		check.Field(ok, "recordings-url", "config.recordings_url")
	}
	check.Field(c.GatewayDomain == "" || gatewayDomain.MatchString(c.GatewayDomain), "gateway-domain", "config.gateway_domain")
	check.Field((c.TLSCert == "") == (c.TLSKey == ""), "tls-cert", "config.tls_pair")
	check.Field(c.TLSDomain == "" || c.TLSCert == "", "tls-domain", "config.tls_both")
	host, _, _ := net.SplitHostPort(c.Listen) // wrong ones were reported above
	check.Field(isLoopback(host) || c.https() || len(c.TrustedProxy) > 0, "listen", "config.plain_http")
	check.Field(c.SMTPURL != "" || c.Demo, "smtp-url", "config.smtp_missing")
	check.Field(c.ClockOffset == 0 || c.Demo, "clock-offset", "config.demo_only")
	check.Field(c.ClockOffset >= 0, "clock-offset", "config.clock_back")
	external := c.LivekitURL != "" && c.LivekitKey != "" && c.LivekitSecret != ""
	check.Field(c.Engine != "livekit" || external, "livekit-url", "config.livekit_missing")
	check.Field(c.Engine == "livekit" || (c.LivekitURL == "" && c.LivekitKey == "" && c.LivekitSecret == ""), "livekit-url", "config.livekit_unused")
	for name, addr := range map[string]string{"media-listen": c.MediaListen, "media-tcp": c.MediaTCP} {
		if addr != "" {
			_, err := netip.ParseAddrPort(addr)
			check.Field(err == nil, name, "config.address_ip")
		}
	}
	if c.MediaIP != "" {
		_, err := netip.ParseAddr(c.MediaIP)
		check.Field(err == nil, "media-ip", "config.ip")
	}
	check.Field(c.EngineMaxPeople >= 2 && c.EngineMaxPeople <= 10000, "engine-max-people", "config.range", fault.Params{"Least": 2, "Most": 10000})
	check.Field(c.QuarantineRecordings >= 1 && c.QuarantineRecordings <= 1_000_000, "quarantine-recordings", "config.range", fault.Params{"Least": 1, "Most": 1_000_000})
	check.Field(c.QuarantineGB >= 1 && c.QuarantineGB <= 1_000_000, "quarantine-gb", "config.range", fault.Params{"Least": 1, "Most": 1_000_000})
	for name, d := range map[string]time.Duration{"lobby-lease": c.LobbyLease, "seat-hold": c.SeatHold, "poll-interval": c.PollInterval, "detach-after": c.DetachAfter} {
		check.Field(d >= time.Second && d <= time.Hour, name, "config.range", fault.Params{"Least": "1s", "Most": "1h"})
	}
	check.Field(c.SeatLease >= time.Second && c.SeatLease <= time.Hour, "seat-lease", "config.range", fault.Params{"Least": "1s", "Most": "1h"})
	return check.Err()
}

// masterKey is the path of the key that encrypts stored secrets.
func (c Config) masterKey() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.Data, "master.key")
}

// callbacks are the networks beside the public ones that callbacks may reach. On a machine that only serves itself that is
// the machine.
func (c Config) callbacks() []netip.Prefix {
	allow := c.CallbackAllow
	if isLoopback(c.BaseURL().Hostname()) {
		allow = append(slices.Clip(allow), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return allow
}

func (c Config) https() bool { return c.TLSDomain != "" || (c.TLSCert != "" && c.TLSKey != "") }

// BaseURL returns the public URL without a slash at its end.
func (c Config) BaseURL() *url.URL {
	if c.PublicURL != "" {
		u, err := url.Parse(strings.TrimRight(c.PublicURL, "/"))
		if err == nil {
			return u
		}
	}
	scheme, host := "http", c.Listen
	if c.https() {
		scheme = "https"
	}
	if c.TLSDomain != "" {
		host = c.TLSDomain
	}
	if h, p, err := net.SplitHostPort(host); err == nil && (h == "" || h == "0.0.0.0" || h == "::") {
		host = net.JoinHostPort("127.0.0.1", p)
	}
	return &url.URL{Scheme: scheme, Host: host}
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
