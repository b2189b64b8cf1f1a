// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"meetcoop/internal/fault"
	"meetcoop/internal/jobs"
)

// SMTP carries letters to a mail server, one connection per letter.
type SMTP struct {
	client func() (*gomail.Client, error)
	from   *netmail.Address
	domain string // right side of Message-IDs
}

const smtpTimeout = 20 * time.Second // of connecting, and of each command after that

// NewSMTP reads smtp://user:pass@host:port (STARTTLS, port 587; required unless host is loopback,
// where it is used if offered) or smtps://... (TLS from the first byte, port 465), user and password
// optional and percent-encoded. from is the sender: an address, or a name with one in angle brackets.
// roots may be nil for the system's. Invalid (mail.smtp_url, mail.sender).
func NewSMTP(smtpURL, from string, roots *tls.Config) (*SMTP, error) {
	wrong := fault.New(fault.Invalid, "mail.smtp_url")
	u, err := url.Parse(smtpURL)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, wrong // the cause would repeat the password
	}
	sender, err := netmail.ParseAddress(from)
	if err != nil || CheckAddress(sender.Address) != nil {
		return nil, fault.New(fault.Invalid, "mail.sender")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if roots != nil {
		config = roots.Clone()
	}
	config.ServerName = u.Hostname()
	options := []gomail.Option{gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(config), gomail.WithoutNoop()}
	port := 587
	switch u.Scheme {
	case "smtps":
		port = 465
		options = append(options, gomail.WithSSL())
	case "smtp":
		policy := gomail.TLSMandatory
		if loopback(u.Hostname()) {
			policy = gomail.TLSOpportunistic
		}
		options = append(options, gomail.WithTLSPolicy(policy))
	default:
		return nil, wrong
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return nil, wrong
		}
	}
	options = append(options, gomail.WithPort(port))
	if name := u.User.Username(); name != "" {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(name), gomail.WithPassword(password))
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	options = append(options, gomail.WithHELO(helo(domain)))
	s := &SMTP{from: sender, domain: domain, client: func() (*gomail.Client, error) { return gomail.NewClient(u.Hostname(), options...) }}
	if _, err := s.client(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "mail.smtp_url")
	}
	return s, nil
}

// helo is what we call ourselves: the sender's domain, as the machine's name may be nobody's business.
func helo(domain string) string {
	if domain == "" {
		return "localhost"
	}
	return domain
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Keeps is false: the receiver has the letter.
func (s *SMTP) Keeps() bool { return false }

// Send hands the letter to the server.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return jobs.Park(errors.New(strings.ReplaceAll(err.Error(), m.To, "<recipient>")))
	}
	client, err := s.client()
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	// go-mail looks at ctx while it connects, and keeps deadlines after that. A program that stops
	// does not wait for a silent server: the goroutine ends with its deadlines.
	done := make(chan error, 1)
	go func() { done <- client.DialAndSendWithContext(ctx, msg) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	told := fmt.Errorf("smtp: %s", strings.ReplaceAll(err.Error(), m.To, "<recipient>"))
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode()/100 == 5 &&
		(refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPData || refused.Reason == gomail.ErrSMTPDataClose) {
		return jobs.Park(told) // this receiver or this letter is refused; a wrong sender or password is mended by the operator
	}
	return told
}

func (s *SMTP) message(m Mail) (*gomail.Msg, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.CreatedAt.Time())
	msg.SetMessageIDWithValue(string(m.ID) + "@" + s.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")   // RFC 3834, section 5
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")    // the same for Exchange ([MS-OXCMAIL] 2.2.3.2.14)
	msg.SetGenHeader("Content-Language", string(m.Locale)) // RFC 3282
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}
