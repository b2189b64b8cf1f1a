// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"sync"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Topic is the change feed of persons: its key is a person id, whenever a session, the profile, the status or
// a platform role of that person has changed.
const Topic store.Topic = "identity.person"

func changed(ctx context.Context, tx store.Tx, now instant.Instant, person id.Person) error {
	return store.Changed(ctx, tx, now, Topic, string(person))
}

// Start lets the service remember sessions between requests: from now on it hears of every change, its own
// and other nodes', within a second. Before Start each check reads the database, which the command line is
// content with. The watch ends with the database handle.
func (s *Service) Start(ctx context.Context) error {
	if err := s.DB.Watch(ctx, Topic, func(key string) { s.cache.drop(id.Person(key)) }); err != nil {
		return err
	}
	s.cache.enable()
	return nil
}

// maxCached bounds the memory of the cache to some 50 MB.
const maxCached = 100_000

// cache holds sessions that were open when read, by token hash.
type cache struct {
	mu       sync.RWMutex
	on       bool
	drops    uint64 // counts drops: what was read before one may be old
	byHash   map[string]sessionRow
	byPerson map[id.Person]map[string]struct{}
}

func newCache() *cache {
	return &cache{byHash: map[string]sessionRow{}, byPerson: map[id.Person]map[string]struct{}{}}
}

func (c *cache) enable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = true
}

func (c *cache) get(hash string) (sessionRow, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	row, ok := c.byHash[hash]
	return row, ok
}

// turn is taken before reading the database and handed to put.
func (c *cache) turn() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.drops
}

// put remembers a row unless anything was dropped since its turn: the row may have been read before the
// change whose news came first.
func (c *cache) put(hash string, row sessionRow, turn uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on || c.drops != turn {
		return
	}
	if len(c.byHash) >= maxCached {
		for _, old := range c.byHash { // any one; it is read again when it comes
			c.forget(old.person.ID)
			break
		}
	}
	c.byHash[hash] = row
	of := c.byPerson[row.person.ID]
	if of == nil {
		of = map[string]struct{}{}
		c.byPerson[row.person.ID] = of
	}
	of[hash] = struct{}{}
}

// drop forgets every session of a person.
func (c *cache) drop(person id.Person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	c.forget(person)
}

func (c *cache) forget(person id.Person) {
	for hash := range c.byPerson[person] {
		delete(c.byHash, hash)
	}
	delete(c.byPerson, person)
}
