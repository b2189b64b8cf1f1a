// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"encoding/json"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const connectionColumns = `id, member, name, COALESCE(tenant_name, ''), COALESCE(level, ''), refusal, join_mode, params, created_at, revoked_at, tags, hook_algorithm,
	COALESCE(origin, ''), adopts`

func scanConnection(s store.Scanner) (Connection, error) {
	var c Connection
	var params, tags string
	err := s.Scan(&c.ID, &c.Member, &c.Name, &c.TenantName, &c.Level, &c.Refusal, &c.JoinMode, &params, &c.CreatedAt, &c.RevokedAt, &tags, &c.HookAlgorithm,
		&c.Origin, &c.Adopts)
	if err == nil {
		err = json.Unmarshal([]byte(params), &c.Params)
	}
	if err == nil {
		err = json.Unmarshal([]byte(tags), &c.Tags)
	}
	return c, err
}

// ConnectionsOf returns the API connections of a member, those in use first, by name. It joins r.
func ConnectionsOf(ctx context.Context, r store.Reader, member id.Member) ([]Connection, error) {
	return store.All(ctx, r, scanConnection, `SELECT `+connectionColumns+` FROM connection WHERE member = $1 AND kind = 'api'
		ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, name`, string(member))
}

// AllConnections returns every API connection that was not revoked. It joins r.
func AllConnections(ctx context.Context, r store.Reader) ([]Connection, error) {
	return store.All(ctx, r, scanConnection, `SELECT `+connectionColumns+` FROM connection WHERE kind = 'api' AND revoked_at IS NULL ORDER BY id`)
}

// ConnectionByID returns an API connection. NotFound (connection.unknown). It joins r.
func ConnectionByID(ctx context.Context, r store.Reader, c id.Connection) (Connection, error) {
	v, ok, err := store.Find(ctx, r, scanConnection, `SELECT `+connectionColumns+` FROM connection WHERE id = $1 AND kind = 'api'`, string(c))
	if err == nil && !ok {
		err = errNoConnection
	}
	return v, err
}

// ConnectionByName returns the API connection whose endpoint has, or had, a name. NotFound (connection.unknown). It joins r.
func ConnectionByName(ctx context.Context, r store.Reader, name string) (Connection, error) {
	c, ok, err := store.Find(ctx, r, store.Value[id.Connection], `SELECT connection FROM connection_name WHERE name = $1`, name)
	if err == nil && !ok {
		err = errNoConnection
	}
	if err != nil {
		return Connection{}, err
	}
	return ConnectionByID(ctx, r, c)
}

// ConnectionNames returns all names under which connections in use are found. It joins r.
func ConnectionNames(ctx context.Context, r store.Reader, c id.Connection) ([]string, error) {
	return store.All(ctx, r, store.Value[string], `SELECT name FROM connection_name WHERE connection = $1 ORDER BY name`, string(c))
}

func insertConnection(ctx context.Context, tx store.Tx, c Connection) (bool, error) {
	tags, err := json.Marshal(c.Tags)
	if err != nil {
		return false, err
	}
	n, err := store.Affected(tx.Exec(ctx, `INSERT INTO connection (id, member, kind, name, tenant_name, level, refusal, join_mode, params, created_at, tags, hook_algorithm, origin, adopts)
		VALUES ($1, $2, 'api', $3, $4, $5, $6, $7, '[]', $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		string(c.ID), string(c.Member), c.Name, orNull(c.TenantName), orNull(c.Level), string(c.Refusal), string(c.JoinMode), c.CreatedAt, string(tags), string(c.HookAlgorithm),
		orNull(c.Origin), c.Adopts))
	return n == 1, err
}

// updateConnection writes what may be changed of a connection, other than its rules. It is false when another one has the tenant name.
func updateConnection(ctx context.Context, tx store.Tx, c Connection) (bool, error) {
	tags, err := json.Marshal(c.Tags)
	if err != nil {
		return false, err
	}
	if c.TenantName != "" {
		other, err := connectionByTenant(ctx, tx, c.TenantName)
		if err != nil || other.ID != "" && other.ID != c.ID {
			return false, err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE connection SET tenant_name = $1, level = $2, refusal = $3, join_mode = $4, tags = $5, hook_algorithm = $6, origin = $7, adopts = $8 WHERE id = $9`,
		orNull(c.TenantName), orNull(c.Level), string(c.Refusal), string(c.JoinMode), string(tags), string(c.HookAlgorithm), orNull(c.Origin), c.Adopts, string(c.ID))
	return err == nil, err
}

func insertConnectionName(ctx context.Context, tx store.Tx, name string, c id.Connection) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `INSERT INTO connection_name (name, connection) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, string(c)))
	return n == 1, err
}

// lockConnections counts the connections in use on the row on which writers for the member collide.
func lockConnections(ctx context.Context, tx store.Tx, member id.Member) (int, error) {
	if _, err := tx.Exec(ctx, `UPDATE member_count SET owners = owners WHERE member = $1`, string(member)); err != nil {
		return 0, err
	}
	n, _, err := store.Find(ctx, tx, store.Value[int], `SELECT COUNT(*) FROM connection WHERE member = $1 AND kind = 'api' AND revoked_at IS NULL`, string(member))
	return n, err
}

func updateParams(ctx context.Context, tx store.Tx, c Connection) error {
	doc, err := json.Marshal(c.Params)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE connection SET params = $1 WHERE id = $2`, string(doc), string(c.ID))
	return err
}

func revokeConnection(ctx context.Context, tx store.Tx, c id.Connection, now instant.Instant) error {
	if _, err := tx.Exec(ctx, `UPDATE connection SET revoked_at = $1, tenant_name = NULL, origin = NULL WHERE id = $2`, now, string(c)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM connection_secret WHERE connection = $1`, string(c))
	return err
}

type secretRow struct {
	Secret
	sealed string
}

func scanSecret(s store.Scanner) (secretRow, error) {
	var v secretRow
	err := s.Scan(&v.ID, &v.sealed, &v.CreatedAt, &v.ExpiresAt, &v.UsedAt)
	return v, err
}

func secretsOf(ctx context.Context, r store.Reader, c id.Connection, now instant.Instant) ([]secretRow, error) {
	return store.All(ctx, r, scanSecret, `SELECT id, sealed, created_at, expires_at, used_at FROM connection_secret
		WHERE connection = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC`, string(c), now)
}

// LastUses returns by connection of a member about when a client last signed with a secret that is still kept; those of which none
// was used are left out. It joins r.
func LastUses(ctx context.Context, r store.Reader, member id.Member) (map[id.Connection]instant.Instant, error) {
	out := map[id.Connection]instant.Instant{}
	_, err := store.All(ctx, r, func(s store.Scanner) (struct{}, error) {
		var c id.Connection
		var at instant.Instant
		err := s.Scan(&c, &at)
		out[c] = at
		return struct{}{}, err
	}, `SELECT s.connection, MAX(s.used_at) FROM connection_secret s JOIN connection c ON c.id = s.connection
		WHERE c.member = $1 AND s.used_at IS NOT NULL GROUP BY s.connection`, string(member))
	return out, err
}

func insertSecret(ctx context.Context, tx store.Tx, s Secret, c id.Connection, sealed string) error {
	_, err := tx.Exec(ctx, `INSERT INTO connection_secret (id, connection, sealed, created_at) VALUES ($1, $2, $3, $4)`, string(s.ID), string(c), sealed, s.CreatedAt)
	return err
}

// expireSecrets lets the newest end at until and deletes those that have ended. Older ones keep the time they were given: a second
// rotation in one overlap must not cut short what was promised for the first.
func expireSecrets(ctx context.Context, tx store.Tx, c id.Connection, now, until instant.Instant) error {
	if _, err := tx.Exec(ctx, `DELETE FROM connection_secret WHERE connection = $1 AND expires_at <= $2`, string(c), now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE connection_secret SET expires_at = $1 WHERE connection = $2 AND expires_at IS NULL`, until, string(c))
	return err
}

func useSecret(ctx context.Context, tx store.Tx, s id.Secret, now instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE connection_secret SET used_at = $1 WHERE id = $2`, now, string(s))
	return err
}

type containerRow struct {
	Container
	sealed string
}

func scanContainer(s store.Scanner) (containerRow, error) {
	var c containerRow
	err := s.Scan(&c.ID, &c.Member, &c.Name, &c.sealed, &c.CreatedAt, &c.RevokedAt)
	return c, err
}

const containerColumns = `id, member, name, sealed, created_at, revoked_at`

func openContainers(ctx context.Context, r store.Reader) ([]containerRow, error) {
	return store.All(ctx, r, scanContainer, `SELECT `+containerColumns+` FROM container WHERE revoked_at IS NULL ORDER BY id`)
}

// Containers returns every container, those in use first, by name. It joins r.
func Containers(ctx context.Context, r store.Reader) ([]Container, error) {
	rows, err := store.All(ctx, r, scanContainer, `SELECT `+containerColumns+` FROM container ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, name`)
	out := make([]Container, len(rows))
	for i, row := range rows {
		out[i] = row.Container
	}
	return out, err
}

func containerByName(ctx context.Context, r store.Reader, name string) (Container, bool, error) {
	row, ok, err := store.Find(ctx, r, scanContainer, `SELECT `+containerColumns+` FROM container WHERE name = $1 AND revoked_at IS NULL`, name)
	return row.Container, ok, err
}

func insertContainer(ctx context.Context, tx store.Tx, c Container, sealed string) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `INSERT INTO container (id, member, name, sealed, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		string(c.ID), string(c.Member), c.Name, sealed, c.CreatedAt))
	return n == 1, err
}

func revokeContainer(ctx context.Context, tx store.Tx, c id.Container, now instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE container SET revoked_at = $1, sealed = '' WHERE id = $2`, now, string(c))
	return err
}

// connectionByTenant returns the connection with a tenant name, or none. It joins r.
func connectionByTenant(ctx context.Context, r store.Reader, name string) (Connection, error) {
	c, _, err := store.Find(ctx, r, scanConnection, `SELECT `+connectionColumns+` FROM connection WHERE tenant_name = $1 AND kind = 'api'`, name)
	return c, err
}

// ConnectionByOrigin returns the connection in use that was taken over from a tenant of another load balancer; ok is false when there
// is none. It joins r.
func ConnectionByOrigin(ctx context.Context, r store.Reader, origin string) (c Connection, ok bool, err error) {
	return store.Find(ctx, r, scanConnection, `SELECT `+connectionColumns+` FROM connection WHERE origin = $1 AND kind = 'api' AND revoked_at IS NULL`, origin)
}

func scanServiceUser(s store.Scanner) (ServiceUser, error) {
	var u ServiceUser
	err := s.Scan(&u.Connection, &u.Pattern, &u.CreatedAt)
	return u, err
}

// ServiceUsers returns who are helpers, those of all connections first. It joins r.
func ServiceUsers(ctx context.Context, r store.Reader) ([]ServiceUser, error) {
	return store.All(ctx, r, scanServiceUser, `SELECT connection, pattern, created_at FROM service_user ORDER BY connection, pattern`)
}

func scanNamedServiceUser(s store.Scanner) (NamedServiceUser, error) {
	var u NamedServiceUser
	err := s.Scan(&u.Connection, &u.Pattern, &u.CreatedAt, &u.Name, &u.RevokedAt)
	return u, err
}

// NamedServiceUsers returns who are helpers for people to read, those of all connections first, then by the names of connections. It
// joins r.
func NamedServiceUsers(ctx context.Context, r store.Reader) ([]NamedServiceUser, error) {
	return store.All(ctx, r, scanNamedServiceUser, `SELECT u.connection, u.pattern, u.created_at, COALESCE(c.name, '') AS named, c.revoked_at
		FROM service_user u LEFT JOIN connection c ON c.id = u.connection ORDER BY named, u.pattern`)
}

func insertServiceUser(ctx context.Context, tx store.Tx, u ServiceUser) error {
	_, err := tx.Exec(ctx, `INSERT INTO service_user (connection, pattern, created_at) VALUES ($1, $2, $3)`, string(u.Connection), u.Pattern, u.CreatedAt)
	return err
}

func deleteServiceUser(ctx context.Context, tx store.Tx, c id.Connection, pattern string) (int64, error) {
	return store.Affected(tx.Exec(ctx, `DELETE FROM service_user WHERE connection = $1 AND pattern = $2`, string(c), pattern))
}
