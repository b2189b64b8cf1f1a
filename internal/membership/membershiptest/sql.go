// SPDX-License-Identifier: AGPL-3.0-or-later

package membershiptest

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
)

// insertPerson writes the rows that signing up would: these tests begin where identity's end.
func insertPerson(ctx context.Context, tx store.Tx, p id.Person, name string, a identity.Address) error {
	_, err := tx.Exec(ctx, `
INSERT INTO person (id, subject, name, locale, zone, theme, status, created_at) VALUES ($1, $2, $3, 'en', 'Europe/Madrid', 'system', 'active', $4)`,
		string(p), string(p), name, Start)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO person_email (id, person, address, address_key, verified_at, is_primary) VALUES ($1, $2, $3, $4, $5, TRUE)`,
		string(id.NewEmail()), string(p), a.String(), a.Key(), Start)
	return err
}
