// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// tenant is a connection with its secrets, as this node remembers it.
type tenant struct {
	connection membership.Connection
	keys       []membership.Secret
	secrets    []string // texts of keys, in their order
	noted      sync.Map // of id.Secret to the hour in which its use was noted
}

// valid returns the secrets that may be signed with now.
func (t *tenant) valid(now instant.Instant) ([]membership.Secret, []string) {
	for i, k := range t.keys {
		if !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
			keys, texts := append([]membership.Secret{}, t.keys[:i]...), append([]string{}, t.secrets[:i]...)
			for j := i + 1; j < len(t.keys); j++ {
				if t.keys[j].ExpiresAt.IsZero() || now.Before(t.keys[j].ExpiresAt) {
					keys, texts = append(keys, t.keys[j]), append(texts, t.secrets[j])
				}
			}
			return keys, texts
		}
	}
	return t.keys, t.secrets
}

// tenants remembers connections by name. What changes is dropped as soon as the change feed tells.
type tenants struct {
	db      *store.DB
	now     instant.Clock
	members *membership.Service

	mu     sync.RWMutex
	byName map[string]*tenant
	age    int // raised when something is dropped, so that a read under way does not bring it back
	nobody *tenant
}

const tenantsMost = 50000

func newTenants(db *store.DB, now instant.Clock, members *membership.Service) *tenants {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails
	return &tenants{db: db, now: now, members: members, byName: map[string]*tenant{}, nobody: &tenant{secrets: []string{hex.EncodeToString(b)}, keys: []membership.Secret{{}}}}
}

// watch follows changes of connections.
func (t *tenants) watch(ctx context.Context) error {
	return t.db.Watch(ctx, membership.TopicConnection, func(key string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.age++
		for name, v := range t.byName {
			if v == t.nobody || v.connection.ID == id.Connection(key) {
				delete(t.byName, name)
			}
		}
	})
}

// find returns the connection an endpoint belongs to; one that does not exist, or was revoked, is nobody's, whose secret nobody
// knows. ok is false for nobody.
func (t *tenants) find(ctx context.Context, name string) (_ *tenant, ok bool, err error) {
	t.mu.RLock()
	v, age := t.byName[name], t.age
	t.mu.RUnlock()
	if v != nil {
		return v, v != t.nobody, nil
	}
	v = &tenant{}
	err = t.db.Read(ctx, func(r store.Reader) (err error) {
		if v.connection, err = membership.ConnectionByName(ctx, r, name); err != nil {
			return err
		}
		v.keys, err = t.members.Keys(ctx, r, v.connection, t.now())
		return err
	})
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil, err == nil && len(v.keys) == 0:
		v = t.nobody
	case err != nil:
		return nil, false, err
	default:
		for _, k := range v.keys {
			v.secrets = append(v.secrets, k.Text)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.age == age {
		for old := range t.byName { // any will do: it is a memory
			if len(t.byName) < tenantsMost {
				break
			}
			delete(t.byName, old)
		}
		t.byName[name] = v
	}
	return v, v != t.nobody, nil
}

// used notes once an hour of each secret that a client signs with it: the one last used signs what clients are sent.
func (t *tenants) used(ctx context.Context, v *tenant, k membership.Secret) {
	now := t.now()
	hour := now.Time().Truncate(time.Hour).Unix()
	if old, _ := v.noted.Swap(k.ID, hour); k.ID == "" || old == any(hour) || now.Sub(k.UsedAt) < time.Hour {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = t.members.NoteUse(ctx, k.ID, now) // only shown; the next hour tries again
	}()
}
