// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"meetcoop/internal/fault"
)

// classify turns a driver's error into a fault by its code, never by its text. Faults pass.
// Capability code may rely on: Conflict store.unique, Conflict store.reference, Invalid store.check,
// Unavailable store.unavailable. A caller that has gone (context.Canceled) stays what it is.
func classify(err error) error {
	if err == nil || fault.As(err) != nil {
		return err
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
			return fault.Wrap(err, fault.Conflict, "store.unique")
		case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return fault.Wrap(err, fault.Conflict, "store.reference")
		case sqlite3.SQLITE_CONSTRAINT_CHECK, sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_CONSTRAINT_DATATYPE:
			return fault.Wrap(err, fault.Invalid, "store.check")
		}
		switch lite.Code() & 0xff { // the primary code: https://www.sqlite.org/rescode.html
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL:
			return fault.Wrap(err, fault.Unavailable, "store.unavailable")
		}
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code { // https://www.postgresql.org/docs/15/errcodes-appendix.html
		case "23505":
			return fault.Wrap(err, fault.Conflict, "store.unique")
		case "23503":
			return fault.Wrap(err, fault.Conflict, "store.reference")
		case "23514", "23502":
			return fault.Wrap(err, fault.Invalid, "store.check")
		}
		switch pg.Code[:2] {
		case "08", "53", "57": // connection, resources, operator (shutdown, cancel)
			return fault.Wrap(err, fault.Unavailable, "store.unavailable")
		}
		if pg.Code == "25P03" { // idle in transaction for too long: this process was stopped
			return fault.Wrap(err, fault.Unavailable, "store.unavailable")
		}
		return err
	}
	var netErr net.Error
	var connErr *pgconn.ConnectError
	if errors.As(err, &netErr) || errors.As(err, &connErr) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, errClosed) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	return err
}

// contended reports whether trying the same transaction again may help.
func contended(err error) bool {
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		primary := lite.Code() & 0xff
		return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "40P01" // serialization failure, deadlock
	}
	return false
}

func uniqueInPostgres(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
