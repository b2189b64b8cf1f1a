// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/seal"
	"meetcoop/internal/store"
)

// noteKey is the fingerprint of the master key that a database's secrets are sealed with.
const noteKey = "app.master_key"

// lockbox opens the master key when it is first needed: most commands never need it, and must not make one. It is safe for
// concurrent use.
type lockbox struct {
	path string
	db   *store.DB
	now  instant.Clock

	mu  sync.Mutex
	key *seal.Key
}

const lockboxPatience = 10 * time.Second

// open returns the key. Conflict (app.master_key_other) when the database was used with another one.
func (l *lockbox) open() (*seal.Key, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key != nil {
		return l.key, nil
	}
	k, err := seal.Load(l.path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockboxPatience)
	defer cancel()
	now := l.now()
	err = l.db.Write(ctx, func(tx store.Tx) error {
		switch known, err := store.Note(ctx, tx, noteKey); {
		case err != nil:
			return err
		case known == "":
			return store.SetNote(ctx, tx, now, noteKey, k.Fingerprint())
		case known != k.Fingerprint():
			return fault.New(fault.Conflict, "app.master_key_other")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.key = k
	return k, nil
}

// Seal implements the Sealer of membership and fleet.
func (l *lockbox) Seal(purpose, text string) (string, error) {
	k, err := l.open()
	if err != nil {
		return "", err
	}
	return k.Seal(purpose, text)
}

// Open implements the Sealer of membership and fleet.
func (l *lockbox) Open(purpose, sealed string) (string, error) {
	k, err := l.open()
	if err != nil {
		return "", err
	}
	return k.Open(purpose, sealed)
}
