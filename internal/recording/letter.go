// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"slices"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/mail"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// mostNamed is how many recordings a letter names; of more it tells the number.
const mostNamed = 20

// shownTitle is how many bytes of a title a letter shows: titles come from applications and may be long.
const shownTitle = 160

// announceAll writes the letters about recordings that will be removed: one for each member and reader, whatever the number of recordings.
func (s *Service) announceAll(ctx context.Context) error {
	var members []id.Member
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		members, err = unannounced(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := s.announce(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// announce writes the letters of one member. That they are told of and that the letters exist is one transaction: no restart and no second
// node loses one or writes it twice.
func (s *Service) announce(ctx context.Context, member id.Member) error {
	now := s.deps.Now()
	var count, letters int
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		all, err := announced(ctx, tx, member)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(v Recording) bool { return v.State == Deleted || v.KeepUntil.IsZero() }) // it came to nothing since
		count, letters = len(all), 0
		if count == 0 {
			return nil
		}
		m, err := membership.Get(ctx, tx, member)
		if err != nil {
			return err
		}
		e, err := tariff.Entitled(ctx, tx, member, now)
		if err != nil {
			return err
		}
		to, err := readers(ctx, tx, m)
		if err != nil {
			return err
		}
		for _, why := range []Announcement{AnnounceShortened, AnnounceExpires} {
			some := slices.DeleteFunc(slices.Clone(all), func(v Recording) bool { return v.Announce != why })
			for _, reader := range to {
				if len(some) == 0 {
					break
				}
				if err := mail.Enqueue(ctx, tx, now, s.endLetter(why, m, some, e.Limits.RetentionDays, reader)); err != nil {
					return err
				}
				letters++
			}
		}
		return nil
	})
	if err == nil && count > 0 {
		s.metrics.letters.Add(float64(letters))
		s.deps.Log.InfoContext(ctx, "recordings announced", "member", member, "recordings", count, "letters", letters)
	}
	return err
}

// reader is who gets a letter about a member's recordings.
type reader struct {
	address string
	tag     locale.Tag
	zone    *time.Location
	reason  string // key of why they get it
}

// readers are the owners of a member, each at their primary address, and its contacts for contributions (identity.md 2.4: notices before
// deletion). Nobody is written to twice. It joins r.
func readers(ctx context.Context, r store.Reader, m membership.Member) ([]reader, error) {
	var out []reader
	seen := map[string]bool{}
	add := func(v reader) {
		if a, ok := identity.ParseAddress(v.address); ok && !seen[a.Key()] {
			seen[a.Key()] = true
			out = append(out, v)
		}
	}
	people, err := membership.People(ctx, r, m.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range people {
		if !a.Has(membership.RoleOwner) {
			continue
		}
		p, err := identity.GetPerson(ctx, r, a.Person)
		if err != nil {
			return nil, err
		}
		emails, err := identity.EmailsOf(ctx, r, a.Person)
		if err != nil {
			return nil, err
		}
		if p.Status == identity.StatusActive && len(emails) > 0 {
			add(reader{emails[0].Address, p.Locale, p.Location(), "letter.recording.reason_owner"})
		}
	}
	contacts, err := membership.Contacts(ctx, r, m.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		if c.Kind == membership.ContactBilling {
			add(reader{c.Address, m.Locale, m.Location(), "letter.recording.reason_contact"})
		}
	}
	return out, nil
}

// endLetter tells when recordings are removed, and why. What goes first stands first in some. It has no effect.
func (s *Service) endLetter(why Announcement, m membership.Member, some []Recording, days tariff.Limit, to reader) mail.Letter {
	p := s.deps.Catalog.Printer(to.tag, to.zone)
	key := "letter.recording." + string(why)
	keeps, _ := days.Int()
	params := map[string]any{"Member": m.Name, "Days": keeps, "First": p.Date(some[0].KeepUntil.In(to.zone))}
	lines := []string{p.N(key+".text", keeps, params)}
	for _, v := range some[:min(mostNamed, len(some))] {
		lines = append(lines, p.T("letter.recording.line", map[string]any{
			"Title": mail.Cut(v.Title(), shownTitle), "Met": p.Date(instantOf(v.StartedMS).In(to.zone)), "Until": p.Date(v.KeepUntil.In(to.zone)),
		}))
	}
	if more := len(some) - mostNamed; more > 0 {
		lines = append(lines, p.N("letter.recording.more", more))
	}
	l := mail.Render(p, mail.LetterInput{
		Kind:    "recording_" + string(why),
		Subject: p.N(key+".subject", len(some), params),
		Lead:    p.N(key+".lead", len(some), params),
		Button:  mail.Button{Label: p.T("letter.recording.button"), URL: s.deps.PublicURL + "/m/" + m.Slug + "/recordings?sort=end"},
		Lines:   append(lines, p.T("letter.recording.note")),
		Reason:  p.T(to.reason, params),
	})
	l.To, l.Locale = to.address, to.tag
	return l
}

// KeptUntil is when age removes a recording, by the retention in force; none is never. For what is in the trash it is when its files go.
func KeptUntil(r Recording, days tariff.Limit, now instant.Instant) instant.Instant {
	switch {
	case r.State == Deleted:
		return r.DeletedAt.Add(trashFor)
	case r.Mode != Stored || r.Member == "":
		return instant.Instant{} // its server decides
	}
	return age(now, r, days, 0).until
}
