// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// orNull stores "" as NULL.
func orNull[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// --- members ---

const memberColumns = `m.id, m.slug, m.name, m.kind, m.individual, m.legal_form, m.country, m.zone, m.locale, m.created_at`

func (m *Member) dest() []any {
	return []any{&m.ID, &m.Slug, &m.Name, &m.Kind, &m.Individual, &m.LegalForm, &m.Country, &m.Zone, &m.Locale, &m.CreatedAt}
}

func scanMember(s store.Scanner) (Member, error) {
	var m Member
	err := s.Scan(m.dest()...)
	return m, err
}

// Find returns the member with this id, and whether there is one.
func Find(ctx context.Context, r store.Reader, member id.Member) (Member, bool, error) {
	return store.Find(ctx, r, scanMember, `SELECT `+memberColumns+` FROM member m WHERE m.id = $1`, string(member))
}

// Get returns the member with this id; NotFound (member.unknown).
func Get(ctx context.Context, r store.Reader, member id.Member) (Member, error) {
	return known(Find(ctx, r, member))
}

// FindBySlug returns the member with this slug, and whether there is one.
func FindBySlug(ctx context.Context, r store.Reader, slug string) (Member, bool, error) {
	return store.Find(ctx, r, scanMember, `SELECT `+memberColumns+` FROM member m WHERE m.slug = $1`, slug)
}

// GetBySlug returns the member with this slug; NotFound (member.unknown).
func GetBySlug(ctx context.Context, r store.Reader, slug string) (Member, error) {
	return known(FindBySlug(ctx, r, slug))
}

func known(m Member, ok bool, err error) (Member, error) {
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "member.unknown")
	}
	return m, err
}

// ListInput narrows List. The zero value lists everybody.
type ListInput struct {
	Kind    Kind      // none means both
	Steward id.Member // none means any
	Search  string    // part of the name or slug, without case and accents
}

// List returns the members, by name without case and accents. It asks no right: faces call Service.List.
func List(ctx context.Context, r store.Reader, in ListInput) ([]Member, error) {
	return store.All(ctx, r, scanMember, `
SELECT `+memberColumns+` FROM member m
WHERE ($1 = '' OR m.kind = $1)
  AND ($2 = '' OR EXISTS (SELECT 1 FROM stewardship s WHERE s.member = m.id AND s.until_at IS NULL AND s.steward = $2))
  AND ($3 = '' OR m.name_folded LIKE $4 ESCAPE '!' OR m.slug LIKE $4 ESCAPE '!')
ORDER BY m.name_folded, m.id`,
		string(in.Kind), string(in.Steward), in.Search, "%"+escapeLike(foldName(in.Search))+"%")
}

// CountOperational returns how many operational members there are besides the house.
func CountOperational(ctx context.Context, r store.Reader) (int, error) {
	var n int
	err := r.QueryRow(ctx, `SELECT COUNT(*) FROM member WHERE kind = 'operational' AND slug <> $1`, HouseSlug).Scan(&n)
	return n, err
}

func slugsLike(ctx context.Context, r store.Reader, base string) ([]string, error) {
	// '.' is the character after '-', so this is the range of everything that begins with "base-".
	return store.All(ctx, r, store.Value[string], `SELECT slug FROM member WHERE slug = $1 OR (slug >= $2 AND slug < $3)`, base, base+"-", base+".")
}

func insertMember(ctx context.Context, tx store.Tx, m Member) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
INSERT INTO member (id, slug, name, name_folded, kind, individual, legal_form, country, zone, locale, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		string(m.ID), m.Slug, m.Name, foldName(m.Name), string(m.Kind), m.Individual, m.LegalForm, m.Country, m.Zone, string(m.Locale), m.CreatedAt))
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO member_count (member, owners, hosts) VALUES ($1, 0, 0)`, string(m.ID))
	return true, err
}

// --- contacts ---

func scanContact(s store.Scanner) (Contact, error) {
	var c Contact
	err := s.Scan(&c.Kind, &c.Address)
	return c, err
}

// Contacts returns where mail for the member goes.
func Contacts(ctx context.Context, r store.Reader, member id.Member) ([]Contact, error) {
	return store.All(ctx, r, scanContact, `SELECT kind, address FROM contact WHERE member = $1 ORDER BY kind, address`, string(member))
}

func replaceContacts(ctx context.Context, tx store.Tx, member id.Member, contacts []Contact) error {
	if _, err := tx.Exec(ctx, `DELETE FROM contact WHERE member = $1`, string(member)); err != nil {
		return err
	}
	for _, c := range contacts {
		if _, err := tx.Exec(ctx, `INSERT INTO contact (member, kind, address) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, string(member), string(c.Kind), c.Address); err != nil {
			return err
		}
	}
	return nil
}

// --- connections and stewardship ---

func insertPortalConnection(ctx context.Context, tx store.Tx, c id.Connection, member id.Member, now instant.Instant) error {
	_, err := tx.Exec(ctx, `INSERT INTO connection (id, member, kind, name, created_at) VALUES ($1, $2, 'portal', 'portal', $3)`, string(c), string(member), now)
	return err
}

// PortalConnection returns the built-in connection on which a member's portal rooms are external ids.
// It is neither counted nor listed. NotFound (member.unknown).
func PortalConnection(ctx context.Context, r store.Reader, member id.Member) (id.Connection, error) {
	c, ok, err := store.Find(ctx, r, store.Value[id.Connection], `SELECT id FROM connection WHERE member = $1 AND kind = 'portal'`, string(member))
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "member.unknown")
	}
	return c, err
}

func insertStewardship(ctx context.Context, tx store.Tx, s Stewardship) error {
	_, err := tx.Exec(ctx, `INSERT INTO stewardship (id, steward, member, from_at, reason) VALUES ($1, $2, $3, $4, $5)`,
		string(s.ID), string(s.Steward), string(s.Member), s.From, s.Reason)
	return err
}

func closeStewardship(ctx context.Context, tx store.Tx, member id.Member, now instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE stewardship SET until_at = $2 WHERE member = $1 AND until_at IS NULL`, string(member), now)
	return err
}

// StewardOf returns the operational member that looks after member now; NotFound (member.unknown).
func StewardOf(ctx context.Context, r store.Reader, member id.Member) (Member, error) {
	return known(store.Find(ctx, r, scanMember, `
SELECT `+memberColumns+` FROM stewardship s JOIN member m ON m.id = s.steward WHERE s.member = $1 AND s.until_at IS NULL`, string(member)))
}

func scanStewardship(s store.Scanner) (Stewardship, error) {
	var v Stewardship
	err := s.Scan(&v.ID, &v.Steward, &v.Member, &v.From, &v.Until, &v.Reason)
	return v, err
}

// Stewardships returns who looked after a member, oldest first.
func Stewardships(ctx context.Context, r store.Reader, member id.Member) ([]Stewardship, error) {
	return store.All(ctx, r, scanStewardship, `SELECT id, steward, member, from_at, until_at, reason FROM stewardship WHERE member = $1 ORDER BY from_at, id`, string(member))
}

// --- affiliations ---

// The name of an active person is the person's own; an invitation has the name it was given.
const affiliationColumns = `a.id, a.member, COALESCE(a.person, ''), COALESCE(a.address, ''), COALESCE(p.name, a.name), a.status, a.source, COALESCE(a.invited_by, ''), a.created_at, a.accepted_at, a.ended_at`

const affiliationFrom = ` FROM affiliation a LEFT JOIN person p ON p.id = a.person `

func (a *Affiliation) dest() []any {
	return []any{&a.ID, &a.Member, &a.Person, &a.Address, &a.Name, &a.Status, &a.Source, &a.InvitedBy, &a.CreatedAt, &a.AcceptedAt, &a.EndedAt}
}

func scanAffiliation(s store.Scanner) (Affiliation, error) {
	var a Affiliation
	err := s.Scan(a.dest()...)
	return a, err
}

type roleRow struct {
	affiliation id.Affiliation
	role        Role
}

func scanRole(s store.Scanner) (roleRow, error) {
	var v roleRow
	err := s.Scan(&v.affiliation, &v.role)
	return v, err
}

// withRoles fills in the roles that query finds for the affiliations.
func withRoles(ctx context.Context, r store.Reader, list []Affiliation, query string, args ...any) ([]Affiliation, error) {
	rows, err := store.All(ctx, r, scanRole, query, args...)
	if err != nil {
		return nil, err
	}
	roles := map[id.Affiliation][]Role{}
	for _, v := range rows {
		roles[v.affiliation] = append(roles[v.affiliation], v.role)
	}
	for i := range list {
		list[i].Roles = inOrder(roles[list[i].ID])
	}
	return list, nil
}

// inOrder sorts roles as Roles does and drops what several sources gave.
func inOrder(held []Role) []Role {
	out := []Role{}
	for _, r := range Roles {
		if slices.Contains(held, r) {
			out = append(out, r)
		}
	}
	return out
}

// People returns the people of a member, those invited included, by the time they came; ended
// affiliations are left out. It asks no right: faces call Service.People.
func People(ctx context.Context, r store.Reader, member id.Member) ([]Affiliation, error) {
	list, err := store.All(ctx, r, scanAffiliation, `SELECT `+affiliationColumns+affiliationFrom+`WHERE a.member = $1 AND a.status <> 'ended' ORDER BY a.id`, string(member))
	if err != nil {
		return nil, err
	}
	return withRoles(ctx, r, list, `
SELECT x.affiliation, x.role FROM affiliation_role x JOIN affiliation a ON a.id = x.affiliation WHERE a.member = $1 AND a.status <> 'ended'`, string(member))
}

// scanPlace reads a place with one of its roles, "" when it has none.
func scanPlace(s store.Scanner) (Place, error) {
	var p Place
	var role Role
	err := s.Scan(append(append(p.Affiliation.dest(), p.In.dest()...), &role)...)
	p.Roles = []Role{role}
	return p, err
}

// Affiliations returns the active places of a person, each with its member, oldest first. One query.
func Affiliations(ctx context.Context, r store.Reader, person id.Person) ([]Place, error) {
	rows, err := store.All(ctx, r, scanPlace, `SELECT `+affiliationColumns+`, `+memberColumns+`, COALESCE(x.role, '')`+affiliationFrom+`
JOIN member m ON m.id = a.member LEFT JOIN affiliation_role x ON x.affiliation = a.id
WHERE a.person = $1 AND a.status = 'active' ORDER BY a.id`, string(person))
	if err != nil {
		return nil, err
	}
	places := []Place{}
	for _, p := range rows {
		if n := len(places); n > 0 && places[n-1].ID == p.ID {
			places[n-1].Roles = append(places[n-1].Roles, p.Roles...)
		} else {
			places = append(places, p)
		}
	}
	for i := range places {
		places[i].Roles = inOrder(places[i].Roles)
	}
	return places, nil
}

// RolesOf returns the active roles of a person in a member, in the order of Roles; none is empty.
func RolesOf(ctx context.Context, r store.Reader, member id.Member, person id.Person) ([]Role, error) {
	held, err := store.All(ctx, r, store.Value[Role], `
SELECT x.role FROM affiliation a JOIN affiliation_role x ON x.affiliation = a.id WHERE a.member = $1 AND a.person = $2 AND a.status = 'active'`, string(member), string(person))
	return inOrder(held), err
}

// stewards reports whether person is owner or manager of the member's steward.
func stewards(ctx context.Context, r store.Reader, member id.Member, person id.Person) (bool, error) {
	var n int
	err := r.QueryRow(ctx, `
SELECT COUNT(*) FROM stewardship s
JOIN affiliation a ON a.member = s.steward AND a.person = $2 AND a.status = 'active'
JOIN affiliation_role x ON x.affiliation = a.id AND x.role IN ('owner', 'manager')
WHERE s.member = $1 AND s.until_at IS NULL`, string(member), string(person)).Scan(&n)
	return n > 0, err
}

func findAffiliation(ctx context.Context, r store.Reader, member id.Member, a id.Affiliation) (Affiliation, error) {
	return oneAffiliation(ctx, r, `a.member = $1 AND a.id = $2`, string(member), string(a))
}

func findPersonIn(ctx context.Context, r store.Reader, member id.Member, person id.Person) (Affiliation, error) {
	return oneAffiliation(ctx, r, `a.member = $1 AND a.person = $2`, string(member), string(person))
}

func findInvited(ctx context.Context, r store.Reader, member id.Member, addressKey string) (Affiliation, error) {
	return oneAffiliation(ctx, r, `a.member = $1 AND a.address_key = $2`, string(member), addressKey)
}

// findOffered returns the invitation bound to an address, or the place that person made of it.
func findOffered(ctx context.Context, r store.Reader, a id.Affiliation, addressKey string, person id.Person) (Affiliation, error) {
	return oneAffiliation(ctx, r, `a.id = $1 AND (a.address_key = $2 OR a.person = $3)`, string(a), addressKey, string(person))
}

// oneAffiliation returns the open affiliation that where finds, with its roles; NotFound (people.unknown).
func oneAffiliation(ctx context.Context, r store.Reader, where string, args ...any) (Affiliation, error) {
	a, ok, err := store.Find(ctx, r, scanAffiliation, `SELECT `+affiliationColumns+affiliationFrom+`WHERE a.status <> 'ended' AND `+where, args...)
	if err != nil {
		return a, err
	}
	if !ok {
		return a, fault.New(fault.NotFound, "people.unknown")
	}
	one, err := withRoles(ctx, r, []Affiliation{a}, `SELECT affiliation, role FROM affiliation_role WHERE affiliation = $1`, string(a.ID))
	if err != nil {
		return a, err
	}
	return one[0], nil
}

// invitedAs returns the open invitations bound to an address key, oldest first.
func invitedAs(ctx context.Context, r store.Reader, addressKey string) ([]Affiliation, error) {
	list, err := store.All(ctx, r, scanAffiliation, `SELECT `+affiliationColumns+affiliationFrom+`WHERE a.address_key = $1 AND a.status = 'invited' ORDER BY a.id`, addressKey)
	if err != nil || len(list) == 0 {
		return list, err
	}
	return withRoles(ctx, r, list, `
SELECT x.affiliation, x.role FROM affiliation_role x JOIN affiliation a ON a.id = x.affiliation WHERE a.address_key = $1 AND a.status = 'invited'`, addressKey)
}

func insertAffiliation(ctx context.Context, tx store.Tx, a Affiliation, addressKey string) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
INSERT INTO affiliation (id, member, person, address, address_key, name, status, source, invited_by, created_at, accepted_at, end_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '') ON CONFLICT DO NOTHING`,
		string(a.ID), string(a.Member), orNull(a.Person), orNull(a.Address), orNull(addressKey), a.Name, string(a.Status), string(a.Source),
		orNull(a.InvitedBy), a.CreatedAt, a.AcceptedAt))
	return n > 0, err
}

func insertRole(ctx context.Context, tx store.Tx, a id.Affiliation, role Role, source Source) error {
	_, err := tx.Exec(ctx, `INSERT INTO affiliation_role (affiliation, role, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, string(a), string(role), string(source))
	return err
}

func deleteRole(ctx context.Context, tx store.Tx, a id.Affiliation, role Role) error {
	_, err := tx.Exec(ctx, `DELETE FROM affiliation_role WHERE affiliation = $1 AND role = $2`, string(a), string(role))
	return err
}

// accept turns an invitation into an active place. The address is dropped: the person has it.
func accept(ctx context.Context, tx store.Tx, a id.Affiliation, person id.Person, now instant.Instant) error {
	_, err := tx.Exec(ctx, `
UPDATE affiliation SET status = 'active', person = $2, address = NULL, address_key = NULL, name = '', accepted_at = $3 WHERE id = $1 AND status = 'invited'`, string(a), string(person), now)
	return err
}

func endAffiliation(ctx context.Context, tx store.Tx, a id.Affiliation, reason string, now instant.Instant) error {
	_, err := tx.Exec(ctx, `
UPDATE affiliation SET status = 'ended', address = NULL, address_key = NULL, name = '', ended_at = $2, end_reason = $3 WHERE id = $1 AND status <> 'ended'`, string(a), now, reason)
	return err
}

// Counts says how many owners and hosts a member has.
type Counts struct {
	Owners int `json:"owners"`
	Hosts  int `json:"hosts"`
}

func scanCounts(s store.Scanner) (Counts, error) {
	var c Counts
	err := s.Scan(&c.Owners, &c.Hosts)
	return c, err
}

// CountsOf returns the member's counts; NotFound (member.unknown).
func CountsOf(ctx context.Context, r store.Reader, member id.Member) (Counts, error) {
	c, ok, err := store.Find(ctx, r, scanCounts, `SELECT owners, hosts FROM member_count WHERE member = $1`, string(member))
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "member.unknown")
	}
	return c, err
}

// addHost takes a host place unless limit (negative: none) is reached; false when it is.
func addHost(ctx context.Context, tx store.Tx, member id.Member, limit int) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
UPDATE member_count SET hosts = hosts + 1 WHERE member = $1 AND (CAST($2 AS BIGINT) < 0 OR hosts < CAST($2 AS BIGINT))`, string(member), limit))
	return n > 0, err
}

func dropHost(ctx context.Context, tx store.Tx, member id.Member) error {
	_, err := tx.Exec(ctx, `UPDATE member_count SET hosts = hosts - 1 WHERE member = $1`, string(member))
	return err
}

func addOwner(ctx context.Context, tx store.Tx, member id.Member) error {
	_, err := tx.Exec(ctx, `UPDATE member_count SET owners = owners + 1 WHERE member = $1`, string(member))
	return err
}

// dropOwner reports false, and changes nothing, when the member would be left without one.
func dropOwner(ctx context.Context, tx store.Tx, member id.Member) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE member_count SET owners = owners - 1 WHERE member = $1 AND owners > 1`, string(member)))
	return n > 0, err
}

func escapeLike(s string) string {
	out := make([]byte, 0, len(s))
	for _, c := range []byte(s) {
		if c == '!' || c == '%' || c == '_' {
			out = append(out, '!')
		}
		out = append(out, c)
	}
	return string(out)
}
