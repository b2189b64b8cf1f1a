// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// TLSConfig says where certificates come from: from files, or for a domain by ACME (Let's Encrypt,
// challenge tls-alpn-01, RFC 8737: port 443 must reach this server).
type TLSConfig struct {
	CertFile, KeyFile string // PEM; both or neither
	Domain            string // for ACME, when there are no files
	CacheDir          string // where ACME's account and certificates are kept, 0700
}

func (c TLSConfig) build(log *slog.Logger) (*tls.Config, error) {
	if c.CertFile != "" || c.KeyFile != "" {
		files := &certFiles{cert: c.CertFile, key: c.KeyFile, log: log, now: time.Now}
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}, nil
	}
	if c.Domain == "" || c.CacheDir == "" {
		return nil, errors.New("TLS needs certificate files, or a domain and a directory")
	}
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.CacheDir), HostPolicy: autocert.HostWhitelist(c.Domain)}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: m.GetCertificate, NextProtos: []string{"h2", "http/1.1", acme.ALPNProto}}, nil
}

// lookEvery is how often the files are looked at, at most: renewals come once in months.
const lookEvery = 10 * time.Second

// certFiles serves a certificate from files and notices when they are replaced.
type certFiles struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	changed [2]time.Time // of the files, when current was read
	looked  time.Time
}

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookEvery {
		f.looked = now
		if changed, err := f.times(); err == nil && changed != f.changed {
			if err := f.load(); err != nil {
				f.log.Error("new certificate cannot be read; serving the old one", "err", err) // perhaps half written: looked at again
			} else {
				f.log.Info("certificate renewed")
			}
		}
	}
	return f.current, nil
}

func (f *certFiles) load() error {
	changed, err := f.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.current, f.changed = &pair, changed
	return nil
}

func (f *certFiles) times() (out [2]time.Time, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = info.ModTime()
	}
	return out, nil
}
