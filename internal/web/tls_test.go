// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair makes a self-signed certificate with the given serial number.
func pair(t *testing.T, name string, serial int64) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(80 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, path string, content []byte, at time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

func TestACertificateIsRenewedWhileServing(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	files := &certFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), log: quiet, now: func() time.Time { return now }}
	if err := files.load(); err == nil {
		t.Error("loaded from nothing")
	}
	serial := func() int64 {
		t.Helper()
		c, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	install := func(n int64, age time.Duration) {
		t.Helper()
		c, k := pair(t, "meet.example", n)
		write(t, files.cert, c, now.Add(-age))
		write(t, files.key, k, now.Add(-age))
	}
	install(1, time.Hour)
	if err := files.load(); err != nil {
		t.Fatal(err)
	}
	if serial() != 1 {
		t.Error("not the first")
	}
	install(2, time.Minute)
	now = now.Add(lookEvery)
	if serial() != 2 {
		t.Error("the renewed certificate is not served")
	}
	write(t, files.cert, []byte("half"), now)
	now = now.Add(lookEvery)
	if serial() != 2 {
		t.Error("a broken file ended the service")
	}
	install(3, 0)
	now = now.Add(lookEvery)
	if serial() != 3 {
		t.Error("not recovered")
	}
}

// trusting returns a client that knows meet.example by its self-signed certificate.
func trusting(certPEM []byte) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "meet.example"}, ForceAttemptHTTP2: true}}
}

func TestHTTPSFromFiles(t *testing.T) {
	dir := t.TempDir()
	c := TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	if _, err := NewServer(t.Context(), ServerConfig{Listen: "127.0.0.1:0", Handler: ok, Log: quiet, TLS: &c}); err == nil {
		t.Error("started without certificate")
	}
	certPEM, keyPEM := pair(t, "meet.example", 1)
	write(t, c.CertFile, certPEM, time.Now())
	write(t, c.KeyFile, keyPEM, time.Now())
	s, err := NewServer(t.Context(), ServerConfig{Listen: "127.0.0.1:0", Handler: ok, Log: quiet, TLS: &c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	client := trusting(certPEM)
	res, err := client.Get("https://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, res); got != "ok" || res.ProtoMajor != 2 {
		t.Errorf("%q over HTTP/%d", got, res.ProtoMajor)
	}
	if _, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is answered")
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestACMEServesItsDomainFromTheCacheAndNoOther(t *testing.T) {
	dir := t.TempDir()
	certPEM, keyPEM := pair(t, "meet.example", 7)
	write(t, filepath.Join(dir, "meet.example"), bytes.Join([][]byte{keyPEM, certPEM}, nil), time.Now()) // the form of autocert's cache
	config, err := TLSConfig{Domain: "meet.example", CacheDir: dir}.build(quiet)
	if err != nil {
		t.Fatal(err)
	}
	hello := func(name string) *tls.ClientHelloInfo {
		return &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedVersions: []uint16{tls.VersionTLS13}}
	}
	c, err := config.GetCertificate(hello("meet.example"))
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := x509.ParseCertificate(c.Certificate[0]); err != nil || leaf.SerialNumber.Int64() != 7 {
		t.Errorf("certificate %v, %v", leaf, err)
	}
	if _, err := config.GetCertificate(hello("evil.example")); err == nil {
		t.Error("a certificate for a foreign name")
	}
	if _, err := (TLSConfig{}).build(quiet); err == nil {
		t.Error("TLS from nothing")
	}
}
