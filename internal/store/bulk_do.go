// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import "context"

// Do is Exec for rows whose number tells nothing: on PostgreSQL they travel with the next statement that is waited for, or with the
// COMMIT. It joins tx.
func (b *Bulk) Do(ctx context.Context, tx Tx, args []any) error {
	texts := b.texts[tx.Engine()]
	for i := firstSize(tx.Engine()); i < len(bulkSizes); i++ {
		for n := bulkSizes[i] * b.cols; len(args) >= n; args = args[n:] {
			if _, err := tx.Exec(ctx, texts[i], args[:n]...); err != nil {
				return err
			}
		}
	}
	return nil
}
