// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"meetcoop/internal/fault"
)

// Lock is held by this process until Release or its end, however that comes.
type Lock struct{ file *os.File }

// Release gives the lock back. Releasing twice is harmless.
func (l *Lock) Release() { _ = l.file.Close() } // closing is what unlocks; nothing was written

// LockDataDir makes this process the only one that serves from dir, which is created when missing.
// The command line works beside it and does not ask. Conflict (store.locked) when another process
// serves from it already.
func LockDataDir(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	file, err := os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	if err := flock(file); err != nil {
		_ = file.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.New(fault.Conflict, "store.locked", fault.Params{"Dir": dir})
		}
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	return &Lock{file}, nil
}

func flock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// lockForMigration waits until no other process migrates the SQLite file. The lock is on its
// directory: locking the file itself would upset SQLite's own locks (https://www.sqlite.org/howtocorrupt.html, 2.2).
func lockForMigration(ctx context.Context, path string) (*Lock, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for {
		err := flock(dir)
		if err == nil {
			return &Lock{dir}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = dir.Close() // the error of locking tells more
			return nil, fmt.Errorf("lock %s: %w", filepath.Dir(path), err)
		}
		select {
		case <-ctx.Done():
			_ = dir.Close() // the caller has gone
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
