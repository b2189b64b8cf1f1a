// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
)

// received is one letter as the server has it.
type received struct {
	tls      bool
	auth     string
	from, to string
	data     string
}

// smtpServer speaks as much SMTP (RFC 5321) as a client of ours needs.
type smtpServer struct {
	addr      string
	roots     *tls.Config
	inbox     chan received
	noTLS     bool              // do not offer STARTTLS
	implicit  bool              // TLS from the first byte
	replies   map[string]string // verb: what to answer instead
	certified tls.Certificate
}

func newSMTPServer(t *testing.T, change func(*smtpServer)) *smtpServer {
	t.Helper()
	s := &smtpServer{inbox: make(chan received, 10), replies: map[string]string{}}
	s.certified, s.roots = certificate(t)
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s.addr = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *smtpServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var got received
	secure := func() {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.certified}})
		got.tls = true
	}
	if s.implicit {
		secure()
	}
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		verb := strings.ToUpper(line[:min(4, len(line))])
		if reply, ok := s.replies[verb]; ok {
			say(reply)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-test")
			if !got.tls && !s.noTLS {
				say("250-STARTTLS")
			}
			say("250-AUTH PLAIN LOGIN")
			say("250 8BITMIME")
		case "STAR":
			say("220 go")
			secure()
			in = bufio.NewReader(conn)
		case "AUTH":
			secret, _ := base64.StdEncoding.DecodeString(line[strings.LastIndex(line, " ")+1:])
			got.auth = string(secret)
			say("235 yes")
		case "MAIL":
			got.from = line
			say("250 yes")
		case "RCPT":
			got.to = line
			say("250 yes")
		case "DATA":
			say("354 go")
			var data strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				data.WriteString(strings.TrimPrefix(l, "."))
			}
			got.data = data.String()
			s.inbox <- got
			say("250 yes")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 yes")
		}
	}
}

func certificate(t *testing.T) (tls.Certificate, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, &tls.Config{RootCAs: roots}
}

func letter() Mail {
	return Mail{ID: id.NewMail(), CreatedAt: instant.Of(time.Date(2027, 1, 12, 9, 0, 0, 0, time.UTC)), State: StateQueued, Letter: Letter{
		Kind: "signin", To: "ada@example.org", Locale: "ca", Subject: "Entra a l'Ateneu – el teu enllaç", Text: "Hola, Ada\n\nhttp://x.example/y\n.\nfi", HTML: "<p>Hola, Ada</p>",
	}}
}

// parts reads the two bodies of a multipart letter.
func parts(t *testing.T, m *netmail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %s, %v", kind, err)
	}
	out := map[string]string{}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		out[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestSMTPHandsTheLetterOverAsItWasWritten(t *testing.T) {
	for name, c := range map[string]struct {
		scheme string
		server func(*smtpServer)
		tls    bool
	}{
		"STARTTLS where it is offered":      {"smtp", nil, true},
		"plain on loopback where it is not": {"smtp", func(s *smtpServer) { s.noTLS = true }, false},
		"TLS from the first byte":           {"smtps", func(s *smtpServer) { s.implicit = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSMTPServer(t, c.server)
			user, auth := "coop:p%40ss@", "\x00coop\x00p@ss"
			if !c.tls {
				user, auth = "", "" // a password never goes over an open line: see the next test
			}
			transport, err := NewSMTP(c.scheme+"://"+user+server.addr, `"Ateneu" <post@coop.example>`, server.roots)
			if err != nil {
				t.Fatal(err)
			}
			m := letter()
			if err := transport.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			got := <-server.inbox
			if got.tls != c.tls || got.auth != auth || !strings.Contains(got.from, "<post@coop.example>") || !strings.Contains(got.to, "<ada@example.org>") {
				t.Errorf("envelope: %+v", got)
			}
			msg, err := netmail.ReadMessage(strings.NewReader(got.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
			if err != nil || subject != m.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			for header, want := range map[string]string{
				"From": `"Ateneu" <post@coop.example>`, "To": "<ada@example.org>", "Auto-Submitted": "auto-generated",
				"Message-Id": "<" + string(m.ID) + "@coop.example>", "Date": "Tue, 12 Jan 2027 09:00:00 +0000", "Content-Language": "ca",
			} {
				if got := msg.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			bodies := parts(t, msg)
			if strings.TrimSpace(bodies["text/plain"]) != m.Text || strings.TrimSpace(bodies["text/html"]) != m.HTML {
				t.Errorf("bodies: %q", bodies)
			}
		})
	}
}

func TestSMTPTellsHopelessFromPassing(t *testing.T) {
	for name, c := range map[string]struct {
		verb, reply string
		hopeless    bool
	}{
		"no such receiver": {"RCPT", "550 5.1.1 <ada@example.org> is nobody", true},
		"grey-listed":      {"RCPT", "451 4.7.1 come back later", false},
		"refused content":  {"DATA", "554 5.7.1 spam", true},
		"wrong password":   {"AUTH", "535 5.7.8 no", false},
		"sender not ours":  {"MAIL", "553 5.7.1 not yours", false},
		"out of order":     {"EHLO", "421 4.3.2 closing", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSMTPServer(t, func(s *smtpServer) { s.replies[c.verb] = c.reply })
			transport, err := NewSMTP("smtp://coop:geheim@"+server.addr, "post@coop.example", server.roots)
			if err != nil {
				t.Fatal(err)
			}
			err = transport.Send(t.Context(), letter())
			if err == nil || jobs.Hopeless(err) != c.hopeless {
				t.Errorf("hopeless %v: %v", jobs.Hopeless(err), err)
			}
			if err != nil && (strings.Contains(err.Error(), "ada@example.org") || strings.Contains(err.Error(), "geheim")) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

func TestSMTPSaysNoPasswordOnAnOpenLine(t *testing.T) {
	server := newSMTPServer(t, func(s *smtpServer) { s.noTLS = true })
	transport, err := NewSMTP("smtp://coop:geheim@"+server.addr, "post@coop.example", server.roots)
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Send(t.Context(), letter()); err == nil || len(server.inbox) != 0 {
		t.Errorf("sent: %v", err)
	}
}

func TestSMTPTrustsNoForeignCertificateAndGivesUpInTime(t *testing.T) {
	server := newSMTPServer(t, nil)
	transport, err := NewSMTP("smtp://"+server.addr, "post@coop.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Send(t.Context(), letter()); err == nil || len(server.inbox) != 0 {
		t.Errorf("sent to a server with a certificate of its own: %v", err)
	}

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	transport, err = NewSMTP("smtp://"+silent.Addr().String(), "post@coop.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- transport.Send(ctx, letter()) }()
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("sent to a silent server")
		}
	case <-time.After(smtpTimeout / 2):
		t.Error("Send outlives its context")
	}
}

func TestSMTPSettingsAreCheckedAtStart(t *testing.T) {
	for _, c := range []struct{ url, from, want string }{
		{"smtp://mail.example", "post@coop.example", ""},
		{"smtps://a:b@mail.example:465", "The coop <post@coop.example>", ""},
		{"http://mail.example", "post@coop.example", "mail.smtp_url"},
		{"smtp://", "post@coop.example", "mail.smtp_url"},
		{"mail.example:25", "post@coop.example", "mail.smtp_url"},
		{"smtp://a:geheim%zz@mail.example", "post@coop.example", "mail.smtp_url"},
		{"smtp://mail.example:0", "post@coop.example", "mail.smtp_url"},
		{"smtp://mail.example/?x=y", "post@coop.example", "mail.smtp_url"},
		{"smtp://mail.example", "nobody", "mail.sender"},
		{"smtp://mail.example", "post@coop.example\r\nBcc: x@y.example", "mail.sender"},
	} {
		_, err := NewSMTP(c.url, c.from, nil)
		code := ""
		if err != nil {
			code = fault.CodeOf(err)
		}
		if code != c.want {
			t.Errorf("%s from %q: %v, want %q", c.url, c.from, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
	if s := fmt.Sprint(loopback("localhost"), loopback("127.0.0.9"), loopback("::1"), loopback("mail.example")); s != "true true true false" {
		t.Error(s)
	}
}
