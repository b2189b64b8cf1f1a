// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"sync"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Version returns a number that rises, in the same transaction, with whatever changes what a member may use;
// 0 until the first change. It joins r.
type Version func(ctx context.Context, r store.Reader, member id.Member) (int64, error)

// maxCached bounds the memory of a Cache to some 20 MB.
const maxCached = 20_000

// Cache answers Entitled from memory for one query instead of five. Because the version is read in the caller's
// transaction, an answer is never older than the snapshot it is asked in, whichever node made the change. It is
// safe for concurrent use.
type Cache struct {
	version Version

	mu       sync.RWMutex
	byMember map[id.Member]cached
}

type cached struct {
	entitlement Entitlement
	version     int64
	at          instant.Instant // it holds from here until entitlement.ValidUntil
}

// NewCache returns an empty cache.
func NewCache(v Version) *Cache {
	return &Cache{version: v, byMember: map[id.Member]cached{}}
}

// Entitled is the function of this name, remembered. Callers share the slices of the answer and leave them alone.
func (c *Cache) Entitled(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Entitlement, error) {
	version, err := c.version(ctx, r, member)
	if err != nil {
		return Entitlement{}, err
	}
	c.mu.RLock()
	found, ok := c.byMember[member]
	c.mu.RUnlock()
	if ok && found.version == version && found.holds(now) {
		return found.entitlement, nil
	}
	e, err := Entitled(ctx, r, member, now)
	if err != nil {
		return e, err
	}
	if _, writing := r.(store.Tx); writing {
		return e, nil // it may be rolled back, and its number be given to another change
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.byMember { // any one; it is read again when it comes
		if len(c.byMember) < maxCached {
			break
		}
		delete(c.byMember, old)
	}
	c.byMember[member] = cached{e, version, now}
	return e, nil
}

func (c cached) holds(now instant.Instant) bool {
	until := c.entitlement.ValidUntil
	return !now.Before(c.at) && (until.IsZero() || now.Before(until))
}
