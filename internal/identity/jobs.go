// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/jobs"
	"meetcoop/internal/mail"
	"meetcoop/internal/store"
)

// The kinds of job of this package.
const (
	letterKind jobs.Kind = "identity.letter"
	deviceKind jobs.Kind = "identity.device"
)

type letterArgs struct {
	Challenge id.Challenge `json:"challenge"`
}

type deviceArgs struct {
	Session id.Session `json:"session"`
}

// letterPolicy gives up when the challenge has died anyway.
var letterPolicy = jobs.Policy{
	Retries: []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute},
	Timeout: 30 * time.Second,
}

// Work registers the jobs and the duty of this package. Call it before the runner starts.
func (s *Service) Work(r *jobs.Runner) {
	r.Handle(letterKind, letterPolicy, s.letterJob)
	r.Handle(deviceKind, letterPolicy, s.deviceJob)
	r.Every("identity.forget", time.Hour, func(ctx context.Context) error {
		f, err := s.Forget(ctx)
		if err == nil && f != (Forgotten{}) {
			s.Log.InfoContext(ctx, "identity data forgotten", "challenges", f.Challenges, "sessions", f.Sessions, "buckets", f.Buckets)
		}
		return err
	})
}

func (s *Service) letterJob(ctx context.Context, j jobs.Job) error {
	var args letterArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	return s.answer(ctx, args.Challenge)
}

func (s *Service) deviceJob(ctx context.Context, j jobs.Job) error {
	var args deviceArgs
	if err := j.Decode(&args); err != nil {
		return err
	}
	return s.tellDevice(ctx, args.Session)
}

// answer looks whether anybody has the address of a challenge, arms it accordingly and writes the letter, all
// in one transaction: run twice, it writes one. The secrets exist in the letter only.
func (s *Service) answer(ctx context.Context, ch id.Challenge) error {
	keys, err := s.keys(ctx)
	if err != nil {
		return err
	}
	now, token, code := s.Now(), NewToken(), newCode()
	return s.DB.Write(ctx, func(tx store.Tx) error {
		c, ok, err := findChallenge(ctx, tx, ch)
		if err != nil || !ok || !c.mailedAt.IsZero() || !c.consumedAt.IsZero() || !c.expiresAt.After(now) {
			return err // done before, or too late to help anybody
		}
		person, known, err := findPersonByKey(ctx, tx, c.key)
		if err != nil {
			return err
		}
		if !known && c.purpose == PurposeSignIn {
			if err := armChallenge(ctx, tx, c.id, "", "", now); err != nil {
				return err
			}
			return mail.Enqueue(ctx, tx, now, s.letter("unknown", c.address, c.locale, letterFacts{URL: s.PublicURL + "/signup"}))
		}
		// Whoever guesses codes for an address takes the code away from its letters, never the link
		// (identity design, 6.1): its owner is not locked out.
		guesses, err := limits{keys, s.factor}.used(ctx, tx, now, wrongCodes, c.key)
		if err != nil {
			return err
		}
		f := letterFacts{URL: s.link(token), Code: code, Note: "letter.note_code"}
		mac := codeMAC(keys, c.id, code)
		if guesses >= wrongCodes.limit || c.browserHash == "" {
			f.Code, f.Note, mac = "", "letter.note_link", ""
		}
		if err := armChallenge(ctx, tx, c.id, hashToken(token), mac, now); err != nil {
			return err
		}
		kind, tag := string(c.purpose), c.locale
		if known {
			tag, f.Zone = person.Locale, person.Location()
			if c.purpose == PurposeSignUp {
				kind = "known"
			}
		}
		return mail.Enqueue(ctx, tx, now, s.letter(kind, c.address, tag, f))
	})
}

// tellDevice tells all proven addresses of a person about a sign-in from a browser we had not seen.
func (s *Service) tellDevice(ctx context.Context, session id.Session) error {
	now := s.Now()
	return s.DB.Write(ctx, func(tx store.Tx) error {
		row, ok, err := findSessionNotice(ctx, tx, session)
		if err != nil || !ok || row.person.Status == StatusErased {
			return err
		}
		emails, err := listEmails(ctx, tx, row.person.ID)
		if err != nil {
			return err
		}
		device := row.device
		if device == "" {
			device = s.Catalog.Printer(row.person.Locale, nil).T("session.device_unknown")
		}
		for _, e := range emails {
			l := s.letter("device", e.Address, row.person.Locale, letterFacts{
				URL: s.PublicURL + "/account", Zone: row.person.Location(), Params: map[string]any{"Device": device, "When": row.startedAt},
			})
			if err := mail.Enqueue(ctx, tx, now, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// IsRate reports whether err is one of the rate limits, which faces answer with 429 and Retry-After.
func IsRate(err error) (retryAfter time.Duration, ok bool) {
	f := fault.As(err)
	if f == nil || f.Kind != fault.LimitReached {
		return 0, false
	}
	retryAfter, ok = f.Params["RetryAfter"].(time.Duration)
	return retryAfter, ok
}
