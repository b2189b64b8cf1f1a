// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/telemetry"
)

// The demo federation is invented: names, people and figures. It is built through the services, so that it obeys every rule, on clocks
// that stand where its history begins.

// demoBegins is how long before the present the demo was founded.
const demoBegins = 120 * 24 * time.Hour

// noteSeeded is set when the seed is whole; a seed that was cut off goes on where it stopped.
const noteSeeded = "app.demo_seeded"

// demoMember is one member of the federation with its people and rooms.
type demoMember struct {
	name, slug, form, country, zone string
	lang                            locale.Tag
	kind                            membership.Kind
	individual                      bool
	steward                         string
	level                           string
	covered                         int // days from the present to the end of the paid time; 0: granted without end, negative: late
	people                          []demoPerson
	rooms                           []string // the first belongs to the first person
	busy                            int      // meetings a week, for the history
	usual                           int      // people in a usual meeting
}

type demoPerson struct {
	name, email string
	roles       []membership.Role
}

var (
	ownerHost = []membership.Role{membership.RoleOwner, membership.RoleHost}
	manager   = []membership.Role{membership.RoleManager}
	billing   = []membership.Role{membership.RoleBilling}
	host      = []membership.Role{membership.RoleHost}
	plain     = []membership.Role{membership.RoleMember}
)

var demoMembers = []demoMember{
	{name: "Hilado", slug: "hilado", form: "workers' cooperative", country: "ES", zone: "Europe/Madrid", lang: locale.Spanish, kind: membership.KindOperational, level: "organisation", people: []demoPerson{
		{"Alba Serra", "alba@hilado.example", ownerHost}, {"Bruno Vidal", "bruno@hilado.example", []membership.Role{membership.RoleManager, membership.RoleHost}}, {"Carme Pons", "carme@hilado.example", billing}},
		rooms: []string{"Weekly round", "Board", "Open door"}, busy: 6, usual: 7},
	{name: "Common Loom", slug: "common-loom", form: "co-operative society", country: "GB", zone: "Europe/London", lang: locale.English, kind: membership.KindOperational, level: "organisation", people: []demoPerson{
		{"Daisy Okafor", "daisy@common-loom.example", ownerHost}, {"Ewan Reid", "ewan@common-loom.example", []membership.Role{membership.RoleManager, membership.RoleHost}}, {"Farah Aziz", "farah@common-loom.example", billing}},
		rooms: []string{"Commons", "Support desk"}, busy: 5, usual: 6},
	{name: "Nordväv", slug: "nordvav", form: "ekonomisk förening", country: "SE", zone: "Europe/Stockholm", lang: locale.Swedish, kind: membership.KindOperational, level: "organisation", people: []demoPerson{
		{"Gustav Lind", "gustav@nordvav.example", ownerHost}, {"Hedda Berg", "hedda@nordvav.example", []membership.Role{membership.RoleManager, membership.RoleHost}}, {"Ivar Holm", "ivar@nordvav.example", billing}},
		rooms: []string{"Veckomöte", "Styrelse"}, busy: 4, usual: 5},

	{name: "La Fresca", slug: "la-fresca", form: "associació", country: "ES", zone: "Europe/Madrid", lang: locale.Catalan, steward: "hilado", level: "level-2", covered: 40, people: []demoPerson{
		{"Jana Puig", "jana@la-fresca.example", ownerHost}, {"Kilian Roca", "kilian@la-fresca.example", host}}, rooms: []string{"Assemblea", "Grup de terra", "Acollida"}, busy: 5, usual: 9},
	{name: "Riverside Tenants", slug: "riverside-tenants", form: "informal group", country: "GB", zone: "Europe/London", lang: locale.English, steward: "common-loom", level: "level-1", covered: 12, people: []demoPerson{
		{"Lena Marsh", "lena@riverside.example", ownerHost}, {"Milo Grant", "milo@riverside.example", plain}}, rooms: []string{"Tenants' meeting", "Repairs"}, busy: 2, usual: 8},
	{name: "Solhöjden", slug: "solhojden", form: "stiftelse", country: "SE", zone: "Europe/Stockholm", lang: locale.Swedish, steward: "nordvav", level: "level-3", covered: 75, people: []demoPerson{
		{"Nils Dahl", "nils@solhojden.example", ownerHost}, {"Olivia Sand", "olivia@solhojden.example", host}}, rooms: []string{"Kursrum", "Handledning", "Öppet hus"}, busy: 8, usual: 14},
	{name: "Werkstatt Nord", slug: "werkstatt-nord", form: "Genossenschaft", country: "DE", zone: "Europe/Berlin", lang: locale.German, steward: "hilado", level: "organisation", covered: 55, people: []demoPerson{
		{"Paula Winter", "paula@werkstatt-nord.example", ownerHost}, {"Quentin Maas", "quentin@werkstatt-nord.example", manager}}, rooms: []string{"Plenum", "Technik", "Lager"}, busy: 9, usual: 17},
	{name: "Atelier des Halles", slug: "atelier-des-halles", form: "société coopérative", country: "FR", zone: "Europe/Paris", lang: locale.French, steward: "hilado", level: "level-2", covered: -6, people: []demoPerson{
		{"Rosa Blanc", "rosa@halles.example", ownerHost}, {"Simon Leroy", "simon@halles.example", plain}}, rooms: []string{"Atelier", "Conseil"}, busy: 3, usual: 6},
	{name: "De Wissel", slug: "de-wissel", form: "vereniging", country: "NL", zone: "Europe/Amsterdam", lang: locale.Dutch, steward: "nordvav", level: "level-3", covered: -40, people: []demoPerson{
		{"Tess de Wit", "tess@dewissel.example", ownerHost}, {"Umar Bakker", "umar@dewissel.example", plain}}, rooms: []string{"Ledenraad", "Buurttafel"}, busy: 2, usual: 5},
	{name: "Ayuntamiento de Valdeflor", slug: "valdeflor", form: "public body", country: "ES", zone: "Europe/Madrid", lang: locale.Spanish, steward: "hilado", level: "organisation", covered: 100, people: []demoPerson{
		{"Vera Campos", "vera@valdeflor.example", ownerHost}, {"Wences Gil", "wences@valdeflor.example", billing}}, rooms: []string{"Pleno abierto", "Oficina"}, busy: 4, usual: 22},
	{name: "Tidewater Foods Ltd", slug: "tidewater-foods", form: "company", country: "GB", zone: "Europe/London", lang: locale.English, steward: "common-loom", people: []demoPerson{
		{"Xenia Cole", "xenia@tidewater.example", ownerHost}, {"Yusuf Shah", "yusuf@tidewater.example", plain}}, rooms: []string{"Kitchen table"}, busy: 1, usual: 3},

	{name: "Zoe Martin", slug: "zoe-martin", country: "FR", zone: "Europe/Paris", lang: locale.French, individual: true, steward: "hilado", people: []demoPerson{{"Zoe Martin", "zoe@people.example", ownerHost}}, rooms: []string{"Chez Zoe"}, busy: 1, usual: 3},
	{name: "Anders Ek", slug: "anders-ek", country: "SE", zone: "Europe/Stockholm", lang: locale.Swedish, individual: true, steward: "nordvav", level: "level-1", covered: 20, people: []demoPerson{{"Anders Ek", "anders@people.example", ownerHost}}, rooms: []string{"Anders rum"}, busy: 2, usual: 4},
	{name: "Blanca Ruiz", slug: "blanca-ruiz", country: "ES", zone: "Europe/Madrid", lang: locale.Spanish, individual: true, steward: "hilado", people: []demoPerson{{"Blanca Ruiz", "blanca@people.example", ownerHost}}, rooms: []string{"Sala de Blanca"}, busy: 1, usual: 2},
	{name: "Colm Byrne", slug: "colm-byrne", country: "GB", zone: "Europe/London", lang: locale.English, individual: true, steward: "common-loom", people: []demoPerson{{"Colm Byrne", "colm@people.example", ownerHost}}, rooms: []string{"Colm's room"}, busy: 1, usual: 3},
	{name: "Dora Klein", slug: "dora-klein", country: "DE", zone: "Europe/Berlin", lang: locale.German, individual: true, steward: "hilado", people: []demoPerson{{"Dora Klein", "dora@people.example", ownerHost}}, rooms: []string{"Doras Raum"}, busy: 1, usual: 2},
}

// seedDemo fills an empty demo. Each step is safe to repeat, so that a seed cut off by kill -9 is completed at the next start.
func (c *core) seedDemo(ctx context.Context) error {
	done, err := readNote(ctx, c.db, noteSeeded)
	if err != nil || done == "yes" {
		return err
	}
	began := instant.Of(c.now().Time().Add(-demoBegins).Truncate(24 * time.Hour))
	past, err := newCore(c.cfg, c.log, c.db, func() instant.Instant { return began }, telemetry.NewRegistry(version()))
	if err != nil {
		return err
	}
	if err := past.found(ctx, instant.NewDate(2020, time.July, 1)); err != nil {
		return err
	}
	for _, m := range demoMembers {
		if err := past.seedMember(ctx, m, c.now()); err != nil {
			return fmt.Errorf("seed %s: %w", m.slug, err)
		}
	}
	if err := c.seedServers(ctx); err != nil {
		return err
	}
	now := c.now()
	return c.db.Write(ctx, func(tx store.Tx) error { return store.SetNote(ctx, tx, now, noteSeeded, "yes") })
}

func readNote(ctx context.Context, db *store.DB, name string) (v string, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		v, err = store.Note(ctx, r, name)
		return err
	})
	return v, err
}

// seedMember makes one member with everything of it. The note beside it tells whether that was done before.
func (c *core) seedMember(ctx context.Context, d demoMember, present instant.Instant) error {
	note := noteSeeded + "." + d.slug
	if done, err := readNote(ctx, c.db, note); err != nil || done == "yes" {
		return err
	}
	m, err := c.seedRegister(ctx, d, present)
	if err != nil {
		return err
	}
	people := make([]id.Person, 0, len(d.people))
	for _, p := range d.people {
		person, err := c.seedPerson(ctx, m, p, d)
		if err != nil {
			return err
		}
		people = append(people, person)
	}
	for i, name := range d.rooms {
		owner := people[0]
		if i%2 == 1 && len(d.people) > 1 && slices.Contains(d.people[1].roles, membership.RoleHost) {
			owner = people[1]
		}
		if err := c.seedRoom(ctx, m, owner, name, d, present); err != nil {
			return fmt.Errorf("room %s: %w", name, err)
		}
	}
	now := c.now()
	return c.db.Write(ctx, func(tx store.Tx) error { return store.SetNote(ctx, tx, now, note, "yes") })
}

// seedRegister puts the member into the register, and records the contribution that makes its standing.
func (c *core) seedRegister(ctx context.Context, d demoMember, present instant.Instant) (membership.Member, error) {
	var m membership.Member
	err := c.db.Read(ctx, func(r store.Reader) error {
		found, ok, err := membership.FindBySlug(ctx, r, d.slug)
		if ok {
			m = found
		}
		return err
	})
	if err != nil || m.ID != "" {
		return m, err
	}
	in := membership.CreateInput{
		Name: d.name, Slug: d.slug, Kind: d.kind, Individual: d.individual, LegalForm: d.form, Country: d.country, Zone: d.zone, Locale: d.lang, Steward: d.steward,
	}
	if d.covered == 0 {
		in.Level = d.level
	}
	if m, err = c.members.Create(ctx, identity.System(), in); err != nil || d.covered == 0 {
		return m, err
	}
	today := present.In(m.Location())
	from, until := c.now().In(m.Location()), today.AddDays(d.covered)
	return m, c.db.Write(ctx, func(tx store.Tx) error {
		return c.members.RecordFact(ctx, tx, c.now(), identity.System(), membership.Fact{
			Member: m.ID, Source: "demo:" + d.slug, Kind: membership.FactCovered, Level: d.level, From: from, Until: until, HappenedAt: c.now(),
		})
	})
}

func (c *core) seedPerson(ctx context.Context, m membership.Member, p demoPerson, d demoMember) (id.Person, error) {
	var person identity.Person
	now := c.now()
	err := c.db.Write(ctx, func(tx store.Tx) (err error) {
		person, _, err = c.identity.EnsurePerson(ctx, tx, now, identity.EnsureInput{Actor: identity.System(), Email: p.email, Name: p.name, Locale: d.lang, Zone: d.zone})
		return err
	})
	if err != nil {
		return "", err
	}
	_, err = c.members.Add(ctx, identity.System(), membership.AddInput{Member: m.ID, Person: person.ID, Roles: p.roles})
	return person.ID, err
}

func (c *core) seedRoom(ctx context.Context, m membership.Member, owner id.Person, name string, d demoMember, present instant.Instant) error {
	actor := identity.Actor{Kind: identity.ActorPerson, Person: owner, Door: identity.DoorPortal}
	settings := rooms.DefaultSettings()
	settings.WaitingRoom = name == "Board" || name == "Styrelse" || name == "Conseil"
	room, err := c.rooms.Create(ctx, actor, rooms.CreateInput{Member: m.ID, Name: name, Settings: settings})
	if err != nil {
		return err
	}
	return c.seedHistory(ctx, m, room, d, present)
}

// seedServers notes the four BigBlueButton machines of the federation. They are switched off: a demo has none.
func (c *core) seedServers(ctx context.Context) error {
	var known []fleet.Server
	err := c.db.Read(ctx, func(r store.Reader) (err error) {
		known, err = fleet.Servers(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, s := range known {
		have[s.URL] = true
	}
	for i, place := range []string{"es-1", "es-2", "uk-1", "se-1"} {
		u := "https://bbb-" + place + ".example/bigbluebutton/api"
		if have[u] {
			continue
		}
		if _, err := c.fleet.Add(ctx, fleet.AddInput{Name: "bbb-" + place, URL: u, Secret: "demo-has-none", LoadUnits: demoUnits[i], Admin: fleet.AdminDisabled}); err != nil {
			return err
		}
	}
	return nil
}

// demoUnits are load units: 175 for a 16-core machine (https://blog.wirelessmoves.com/2020/04/running-bigbluebutton-week-one.html).
var demoUnits = []int{175, 175, 120, 120}

// printLinks prints a sign-in link for each person of the demo, the levels beside.
func (n *node) printLinks(ctx context.Context, w io.Writer) error {
	_, err := fmt.Fprintf(w, "\nThis is a demo: everybody in it is invented, letters are kept at %s/outbox.\nA link signs in once, in the browser that opens it; each start prints new ones.\n\n", n.cfg.BaseURL())
	if err != nil {
		return err
	}
	for _, d := range demoMembers {
		var ent tariff.Entitlement
		err := n.db.Read(ctx, func(r store.Reader) error {
			m, err := membership.GetBySlug(ctx, r, d.slug)
			if err != nil {
				return err
			}
			ent, err = tariff.Entitled(ctx, r, m.ID, n.now())
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s (%s, %s)\n", d.name, ent.Level, ent.Standing.State); err != nil {
			return err
		}
		for _, p := range d.people {
			link, err := n.identity.SignInLink(ctx, identity.System(), p.email)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "  %-16s %s\n", p.name, link); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprintln(w)
	return err
}
