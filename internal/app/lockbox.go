// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/seal"
	"meetcoop/internal/store"
)

// What a database says of the master key its secrets are sealed with.
const (
	noteKey        = "app.master_key"         // its fingerprint
	noteWrappedKey = "app.master_key_wrapped" // the key itself, for whoever has the password of the database
)

// lockbox opens the master key when it is first needed: most commands never need it, and must not make one. Several processes on
// one PostgreSQL need the same key. Unless a file was named, the first leaves it in the database, wrapped with the password they
// all connect with, which a copy of the database does not hold (ADR 14). It is safe for concurrent use.
type lockbox struct {
	path     string
	named    bool   // by the operator: nothing is wrapped then
	password string // of the database; "" keeps the key in its file
	db       *store.DB
	now      instant.Clock

	mu  sync.Mutex
	key *seal.Key
}

const lockboxPatience = 15 * time.Second

// newLockbox returns a closed one.
func newLockbox(cfg Config, db *store.DB, now instant.Clock) *lockbox {
	l := &lockbox{path: cfg.masterKey(), named: cfg.MasterKeyFile != "", db: db, now: now}
	if u, err := url.Parse(cfg.DatabaseURL); err == nil && u.User != nil {
		l.password, _ = u.User.Password()
	}
	return l
}

// shares reports whether other processes may find the key in the database.
func (l *lockbox) shares() bool { return !l.named && l.db.Engine() == store.Postgres }

// open returns the key. Conflict (app.master_key_other) when the database was used with another one.
func (l *lockbox) open() (*seal.Key, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key != nil {
		return l.key, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockboxPatience)
	defer cancel()
	_, err := os.Stat(l.path)
	fresh := errors.Is(err, fs.ErrNotExist)
	k, err := l.agree(ctx)
	if fresh && l.shares() && fault.CodeOf(err) == "app.master_key_other" {
		// Another process made the first key while we made ours, which nothing was sealed with.
		if err := os.Remove(l.path); err != nil {
			return nil, err
		}
		k, err = l.agree(ctx)
	}
	if err == nil {
		l.key = k
	}
	return k, err
}

// agree reads the key file, or makes it, and compares it with what the database says.
func (l *lockbox) agree(ctx context.Context) (*seal.Key, error) {
	if err := l.fetch(ctx); err != nil {
		return nil, err
	}
	k, err := seal.Load(l.path)
	if err != nil {
		return nil, err
	}
	var known, there string
	err = l.db.Read(ctx, func(r store.Reader) (err error) {
		if known, err = store.Note(ctx, r, noteKey); err != nil {
			return err
		}
		there, err = store.Note(ctx, r, noteWrappedKey)
		return err
	})
	if err != nil || (known == k.Fingerprint() && (there != "" || !l.shares())) {
		return k, err
	}
	wrapped := ""
	if l.shares() {
		if wrapped, err = k.Wrap(l.password); err != nil {
			return nil, err
		}
	}
	now := l.now()
	return k, l.db.Write(ctx, func(tx store.Tx) error {
		switch known, err := store.Note(ctx, tx, noteKey); {
		case err != nil:
			return err
		case known != "" && known != k.Fingerprint():
			return fault.New(fault.Conflict, "app.master_key_other")
		}
		if err := store.SetNote(ctx, tx, now, noteKey, k.Fingerprint()); err != nil || wrapped == "" {
			return err
		}
		return store.SetNote(ctx, tx, now, noteWrappedKey, wrapped)
	})
}

// fetch writes the key file of a process that has none yet from what the first process left in the database.
func (l *lockbox) fetch(ctx context.Context) error {
	if _, err := os.Stat(l.path); !errors.Is(err, fs.ErrNotExist) || !l.shares() {
		return nil
	}
	var wrapped string
	err := l.db.Read(ctx, func(r store.Reader) (err error) {
		wrapped, err = store.Note(ctx, r, noteWrappedKey)
		return err
	})
	if err != nil || wrapped == "" {
		return err
	}
	k, err := seal.Unwrap(l.password, wrapped)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "app.master_key_other") // the password has changed since: the file must be brought along
	}
	if err := k.Save(l.path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
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
