// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// Birth is a person who has just proven an address and exists from now on.
type Birth struct {
	Person       id.Person
	Name         string
	Organisation string // passes CleanTitle; "" for somebody who comes as an individual
	Level        string // key of the service level the person came for; "" for none, not checked
	Locale       locale.Tag
	Zone         string // IANA name
}

// Newcomer makes what a person who signed up needs: member, affiliation, first room. It is called in the
// transaction of the birth, so an error undoes the whole; it may run more than once, as store.Write says.
type Newcomer interface {
	PersonBorn(ctx context.Context, tx store.Tx, now instant.Instant, birth Birth) error
}

// Acceptance is an invitation whose link was followed by the owner of the invited address.
type Acceptance struct {
	Person id.Person
	Ref    string // as given to Invite
	Key    string // of the invited address
	New    bool   // the person was born by this; Newcomer is not called for them
}

// Invitee turns an accepted invitation into the place that was offered, in the transaction of the
// acceptance. It checks again what the invitation may still give; its fault is shown to the person, and
// the link stays good.
type Invitee interface {
	InvitationAccepted(ctx context.Context, tx store.Tx, now instant.Instant, acceptance Acceptance) error
}

// Deps are what the service stands on. All are required but Demo.
type Deps struct {
	DB        *store.DB
	Now       instant.Clock
	Log       *slog.Logger
	Catalog   *locale.Catalog
	PublicURL string // absolute links begin with it; without a trailing slash
	Newcomer  Newcomer
	Invitee   Invitee
	Registry  prometheus.Registerer
	Demo      bool // limits are a hundred times as wide, as one machine plays everybody
}

// Service holds the verbs of this package. It is safe for concurrent use.
type Service struct {
	Deps
	factor int64
	host   string // of PublicURL, as letters name the site
	cache  *cache
	count  counters

	secret struct {
		sync.Mutex
		root []byte // nil until read
	}
}

// New returns the service, or an error that names what is missing. Call Start where sessions are checked often.
func New(d Deps) (*Service, error) {
	var missing []string
	for name, absent := range map[string]bool{
		"DB": d.DB == nil, "Now": d.Now == nil, "Log": d.Log == nil, "Catalog": d.Catalog == nil, "PublicURL": d.PublicURL == "",
		"Newcomer": d.Newcomer == nil, "Invitee": d.Invitee == nil, "Registry": d.Registry == nil,
	} {
		if absent {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, errors.New("identity: missing " + strings.Join(missing, ", "))
	}
	u, err := url.Parse(d.PublicURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("identity: PublicURL is no absolute URL")
	}
	s := &Service{Deps: d, factor: 1, host: u.Host, cache: newCache()}
	s.PublicURL = strings.TrimSuffix(d.PublicURL, "/")
	if d.Demo {
		s.factor = generosity
	}
	s.count, err = newCounters(d.Registry)
	return s, err
}

// secretName is the row of table instance that holds the root of the MAC keys.
const secretName = "identity.secret"

// keys returns the MAC keys of the instance. Whoever needs them first draws the secret; all nodes on
// the database use the one that was stored first. Must not be called inside a transaction.
func (s *Service) keys(ctx context.Context) (keyring, error) {
	s.secret.Lock()
	defer s.secret.Unlock()
	if s.secret.root != nil {
		return keyring{s.secret.root}, nil
	}
	var stored string
	drawn, now := NewToken(), s.Now()
	err := s.DB.Read(ctx, func(r store.Reader) (err error) {
		stored, _, err = readInstance(ctx, r, secretName)
		return err
	})
	if err == nil && stored == "" {
		err = s.DB.Write(ctx, func(tx store.Tx) error {
			if err := keepInstance(ctx, tx, now, secretName, hex.EncodeToString([]byte(drawn))); err != nil {
				return err
			}
			var err error
			stored, _, err = readInstance(ctx, tx, secretName)
			return err
		})
	}
	if err != nil {
		return keyring{}, err
	}
	root, err := hex.DecodeString(stored)
	if err != nil || len(root) < tokenBytes {
		return keyring{}, errors.New("identity: the instance secret in the database is broken")
	}
	s.secret.root = root
	return keyring{root}, nil
}

// refusedDomainsName is the row of table instance that lists domains nobody may sign up with.
const refusedDomainsName = "identity.refused_domains"

// RefusedDomains returns the mail domains nobody may sign up with, sorted.
func RefusedDomains(ctx context.Context, r store.Reader) ([]string, error) {
	list, _, err := readInstance(ctx, r, refusedDomainsName)
	return strings.Fields(list), err
}

// RefuseDomains replaces the list of domains nobody may sign up with; each counts with all its subdomains.
// People who have an account there already keep it. Forbidden for anybody but an operator; Invalid
// (identity.domain_invalid, parameter Domain).
func (s *Service) RefuseDomains(ctx context.Context, actor Actor, list []string) error {
	if err := actor.Runs(); err != nil {
		return err
	}
	clean, err := sortedDomains(list)
	if err != nil {
		return err
	}
	now := s.Now()
	return s.DB.Write(ctx, func(tx store.Tx) error {
		if err := putInstance(ctx, tx, now, refusedDomainsName, strings.Join(clean, "\n")); err != nil {
			return err
		}
		return Audit(ctx, tx, now, Event{Actor: actor, Action: "identity.refuse_domains", Object: "instance"})
	})
}
