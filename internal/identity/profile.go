// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// GetPerson returns a person. NotFound (person.unknown). It joins the transaction of r, if it is one.
func GetPerson(ctx context.Context, r store.Reader, person id.Person) (Person, error) {
	return found(findPerson(ctx, r, person))
}

// GetPersonByEmail returns who has proven the address. NotFound (person.unknown), also for what is no address.
func GetPersonByEmail(ctx context.Context, r store.Reader, email string) (Person, error) {
	a, ok := ParseAddress(email)
	if !ok {
		return Person{}, fault.New(fault.NotFound, "person.unknown")
	}
	return found(findPersonByKey(ctx, r, a.Key()))
}

func found(p Person, ok bool, err error) (Person, error) {
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "person.unknown")
	}
	return p, err
}

// People returns those of the persons that exist, by id.
func People(ctx context.Context, r store.Reader, ids []id.Person) (map[id.Person]Person, error) {
	list, err := loadPeople(ctx, r, ids)
	out := make(map[id.Person]Person, len(list))
	for _, p := range list {
		out[p.ID] = p
	}
	return out, err
}

// Listed is a person with the address that letters go to.
type Listed struct {
	Person
	Address string // the primary one; "" for an erased person
}

// ListPeople returns up to limit persons after one, the oldest first; "" begins with the first.
func ListPeople(ctx context.Context, r store.Reader, after id.Person, limit int) ([]Listed, error) {
	return listPeople(ctx, r, after, limit)
}

// EmailsOf returns a person's proven addresses, the primary one first.
func EmailsOf(ctx context.Context, r store.Reader, person id.Person) ([]Email, error) {
	return listEmails(ctx, r, person)
}

// Addresses returns the actor's own addresses, the primary one first.
func (s *Service) Addresses(ctx context.Context, actor Actor) ([]Email, error) {
	if err := actor.SignedIn(); err != nil {
		return nil, err
	}
	var list []Email
	err := s.DB.Read(ctx, func(r store.Reader) (err error) {
		list, err = listEmails(ctx, r, actor.Person)
		return err
	})
	return list, err
}

// UpdateProfile changes what the actor says about themselves and returns the person as it is now. Saving
// what is there already changes and audits nothing. Invalid as ProfileInput.Validate.
func (s *Service) UpdateProfile(ctx context.Context, actor Actor, in ProfileInput) (Person, error) {
	if err := actor.SignedIn(); err != nil {
		return Person{}, err
	}
	if err := in.Validate(); err != nil {
		return Person{}, err
	}
	name, _ := CleanName(in.Name)
	tag, _ := locale.Parse(string(in.Locale))
	now := s.Now()
	var after Person
	err := s.DB.Write(ctx, func(tx store.Tx) error {
		before, err := GetPerson(ctx, tx, actor.Person)
		if err != nil {
			return err
		}
		after = before
		after.Name, after.Locale, after.Zone, after.Theme = name, tag, in.Zone, in.Theme
		var fields []string
		for _, f := range []struct {
			name    string
			changed bool
		}{{"name", after.Name != before.Name}, {"locale", after.Locale != before.Locale}, {"zone", after.Zone != before.Zone}, {"theme", after.Theme != before.Theme}} {
			if f.changed {
				fields = append(fields, f.name)
			}
		}
		if len(fields) == 0 {
			return nil
		}
		if err := updateProfile(ctx, tx, after); err != nil {
			return err
		}
		if err := changed(ctx, tx, now, actor.Person); err != nil {
			return err
		}
		e := Event{Actor: actor, Action: "person.profile", Object: string(actor.Person), Detail: map[string]string{"fields": strings.Join(fields, " ")}}
		return Audit(ctx, tx, now, e)
	})
	s.cache.drop(actor.Person)
	return after, err
}
