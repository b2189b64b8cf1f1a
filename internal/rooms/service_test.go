// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/rooms/roomstest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if !errors.Is(err, fault.New(kind, code)) {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestRoomIsCreatedChangedArchivedAndRestored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		member, owner := w.Organisation("level-1")
		made := w.Room(owner, member, rooms.Settings{})

		settings := rooms.Settings{AccessCode: "haus7", WaitingRoom: true, MayStart: rooms.StartSignedIn, MayEnter: rooms.EnterPeople, MuteOnEntry: true}
		saved, err := w.Rooms.Update(ctx, owner, made.ID, rooms.UpdateInput{Name: "  Board \u00a0 meeting ", Settings: settings, Version: made.Version})
		if err != nil || saved.Name != "Board meeting" || saved.Settings != settings || saved.Version != 2 {
			t.Fatalf("%+v, %v", saved, err)
		}
		_, err = w.Rooms.Update(ctx, owner, made.ID, rooms.UpdateInput{Name: "Other", Settings: made.Settings, Version: made.Version})
		wantFault(t, err, fault.Conflict, "rooms.stale")
		_, err = w.Rooms.Update(ctx, owner, made.ID, rooms.UpdateInput{Name: "\u202eOther", Settings: made.Settings, Version: saved.Version})
		wantFault(t, err, fault.Invalid, "input.invalid") // a wrong name keeps the settings from being saved
		if _, err := w.Rooms.Update(ctx, owner, made.ID, rooms.UpdateInput{Settings: settings}); err != nil {
			t.Fatal(err) // without a name and a version
		}
		if _, err := w.Rooms.Pin(ctx, owner, made.ID, true); err != nil {
			t.Fatal(err)
		}
		got, role, err := w.Rooms.FindBySlug(ctx, owner, made.Slug)
		if err != nil {
			t.Fatal(err)
		}
		want := made
		want.Name, want.Settings, want.Pinned, want.Version = "Board meeting", settings, true, 4
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(made.CreatedAt)); diff != "" || role != rooms.RoleModerator {
			t.Errorf("role %s, room (-want +got):\n%s", role, diff)
		}

		if err := w.Rooms.Archive(ctx, owner, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Rooms.Archive(ctx, owner, made.ID); err != nil {
			t.Errorf("archiving twice: %v", err)
		}
		_, err = w.Rooms.Update(ctx, owner, made.ID, rooms.UpdateInput{Settings: settings})
		wantFault(t, err, fault.Conflict, "rooms.archived")
		if list, err := w.Rooms.ListFor(ctx, owner); err != nil || len(list) != 0 {
			t.Errorf("list after archiving: %v, %v", list, err)
		}
		if list, err := w.Rooms.Archived(ctx, owner); err != nil || len(list) != 1 {
			t.Errorf("archived: %v, %v", list, err)
		}
		if err := w.Rooms.Restore(ctx, owner, made.ID); err != nil {
			t.Fatal(err)
		}
		if again, _, err := w.Rooms.FindBySlug(ctx, owner, made.Slug); err != nil || again.Archived() {
			t.Errorf("restored: %+v, %v", again, err)
		}
	})
}

func TestWrongInputIsReportedFieldByField(t *testing.T) {
	w := roomstest.New(t, storetest.New(t, store.SQLite))
	member, owner := w.Organisation("level-1")
	_, err := w.Rooms.Create(t.Context(), owner, rooms.CreateInput{Member: member, Name: "<b>\u202e</b>", Settings: rooms.Settings{AccessCode: "a b", MayStart: "x"}})
	var fields []string
	for _, f := range fault.As(err).Fields {
		fields = append(fields, f.Name+" "+f.Code)
	}
	if diff := cmp.Diff([]string{"name person.name_characters", "access_code rooms.access_code", "may_start input.choice", "may_enter input.choice"}, fields); diff != "" {
		t.Error(diff)
	}
}

func TestAtTheLimitOneOfManyWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		member, owner := w.Organisation("level-1") // 5 rooms
		for range 4 {
			w.Room(owner, member, rooms.Settings{})
		}
		archived := w.Room(owner, member, rooms.Settings{})
		if err := w.Rooms.Archive(ctx, owner, archived.ID); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, refused := 0, 0
		for i := range 8 {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = w.Rooms.Create(ctx, owner, rooms.CreateInput{Member: member, Name: "One more"})
				} else {
					err = w.Rooms.Restore(ctx, owner, archived.ID)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made++
				case fault.CodeOf(err) == "rooms.limit":
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := w.Rooms.ListFor(ctx, owner)
		if err != nil || len(list) != 5 {
			t.Errorf("%d rooms under a limit of 5 (%d made, %d refused): %v", len(list), made, refused, err)
		}
		_, err = w.Rooms.Create(ctx, owner, rooms.CreateInput{Member: member, Name: "Sixth"})
		wantFault(t, err, fault.LimitReached, "rooms.limit")
		if p := fault.As(err).Params; p["Limit"] != 5 || p["Used"] != 5 {
			t.Errorf("parameters %v", p)
		}
	})
}

func TestOnlyHostsOfTheMemberOpenRooms(t *testing.T) {
	w := roomstest.New(t, storetest.New(t, store.SQLite))
	member, _ := w.Organisation("organisation")
	plain, stranger := w.Human("Plain Member"), w.Human("Stranger")
	w.Add(member, plain, membership.RoleMember)
	in := rooms.CreateInput{Member: member, Name: "Round"}
	_, err := w.Rooms.Create(t.Context(), plain, in)
	wantFault(t, err, fault.Forbidden, "member.forbidden")
	_, err = w.Rooms.Create(t.Context(), stranger, in)
	wantFault(t, err, fault.NotFound, "member.unknown")
	_, err = w.Rooms.Create(t.Context(), identity.Anonymous(), in)
	wantFault(t, err, fault.Unauthenticated, "session.none")
}

func TestUnknownAndArchivedLinksAnswerAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		if _, role, err := w.Rooms.FindBySlug(ctx, identity.Anonymous(), room.Slug); err != nil || role != rooms.RoleViewer {
			t.Fatalf("a guest by link: %s, %v", role, err)
		}
		if err := w.Rooms.Archive(ctx, owner, room.ID); err != nil {
			t.Fatal(err)
		}
		stranger := w.Human("Stranger")
		for name, slug := range map[string]string{"archived": room.Slug, "unknown": "amber-oak-river-10", "malformed": "'; drop"} {
			for who, actor := range map[string]identity.Actor{"guest": identity.Anonymous(), "stranger": stranger, "operator": identity.Operator()} {
				_, _, err := w.Rooms.FindBySlug(ctx, actor, slug)
				if !errors.Is(err, fault.New(fault.NotFound, "room.unknown")) {
					t.Errorf("%s asks for an %s link: %v", who, name, err)
				}
			}
		}
		if got, _, err := w.Rooms.FindBySlug(ctx, owner, room.Slug); err != nil || !got.Archived() {
			t.Errorf("the owner: %+v, %v", got, err)
		}
	})
}

func TestWhoIsWhatInARoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		member, owner := w.Organisation("organisation")
		colleague, cohost, byMail, stranger := w.Human("Colleague"), w.Human("Co Host"), w.Human("By Mail"), w.Human("Stranger")
		w.Add(member, colleague, membership.RoleMember)
		w.Add(member, cohost, membership.RoleMember)
		room := w.Room(owner, member, rooms.Settings{MayStart: rooms.StartHosts, MayEnter: rooms.EnterInvited})
		if err := w.Rooms.AddPerson(ctx, owner, room.ID, rooms.AddPersonInput{Person: cohost.Person, Role: rooms.RoleModerator}); err != nil {
			t.Fatal(err)
		}
		w.Clock.Pass(time.Minute)
		mail := roomstest.AddressOf("By Mail")
		if err := w.Rooms.AddPerson(ctx, owner, room.ID, rooms.AddPersonInput{Address: strings.ToUpper(mail), Role: rooms.RoleViewer}); err != nil {
			t.Fatal(err)
		}
		wantFault(t, w.Rooms.AddPerson(ctx, owner, room.ID, rooms.AddPersonInput{Person: stranger.Person, Role: rooms.RoleViewer}), fault.NotFound, "person.unknown")
		wantFault(t, w.Rooms.AddPerson(ctx, cohost, room.ID, rooms.AddPersonInput{Address: "x@people.example", Role: rooms.RoleViewer}), fault.Forbidden, "rooms.owner_only")
		wantFault(t, w.Rooms.AddPerson(ctx, colleague, room.ID, rooms.AddPersonInput{Address: "x@people.example", Role: rooms.RoleViewer}), fault.NotFound, "room.unknown")

		people := map[string]identity.Actor{
			"owner": owner, "co-host": cohost, "by mail": byMail, "colleague": colleague, "stranger": stranger, "guest": identity.Anonymous(), "operator": identity.Operator(),
		}
		for enter, want := range map[rooms.Enter]map[string]rooms.Role{
			rooms.EnterInvited: {"owner": "moderator", "co-host": "moderator", "by mail": "viewer", "colleague": "none", "stranger": "none", "guest": "none", "operator": "none"},
			rooms.EnterPeople:  {"owner": "moderator", "co-host": "moderator", "by mail": "viewer", "colleague": "viewer", "stranger": "none", "guest": "none", "operator": "none"},
			rooms.EnterAnyone:  {"owner": "moderator", "co-host": "moderator", "by mail": "viewer", "colleague": "viewer", "stranger": "viewer", "guest": "viewer", "operator": "viewer"},
		} {
			room, err := w.Rooms.Update(ctx, owner, room.ID, rooms.UpdateInput{Settings: rooms.Settings{MayStart: rooms.StartHosts, MayEnter: enter}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]rooms.Role{}
			for name, actor := range people {
				_, role, err := w.Rooms.FindBySlug(ctx, actor, room.Slug)
				if err != nil {
					t.Fatal(err)
				}
				got[name] = role
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", enter, diff)
			}
		}

		view := func(actor identity.Actor) (v rooms.View, err error) {
			err = w.DB.Read(ctx, func(r store.Reader) (err error) {
				v, err = w.Rooms.View(ctx, r, actor, room.Slug, w.Clock.Now())
				return err
			})
			return v, err
		}
		seen, err := view(cohost)
		listed := seen.People
		if err != nil || seen.Role != rooms.RoleModerator || seen.Entitlement.Member != member || len(listed) != 2 || listed[0].Name != "co.host" || listed[1].Address != mail || listed[1].Name != "" {
			t.Errorf("people: %+v, %v", listed, err)
		}
		if v, err := view(byMail); err != nil || v.Role != rooms.RoleViewer || v.People != nil {
			t.Errorf("somebody invited by address sees %+v, %v", v, err)
		}
		if list, err := w.Rooms.ListFor(ctx, byMail); err != nil || len(list) != 1 || list[0].Role != rooms.RoleViewer || list[0].Own {
			t.Errorf("list of somebody invited by address: %+v, %v", list, err)
		}
		if _, err := w.Rooms.Update(ctx, owner, room.ID, rooms.UpdateInput{Settings: rooms.DefaultSettings()}); err != nil {
			t.Fatal(err)
		}
		if err := w.Rooms.RemovePerson(ctx, owner, room.ID, listed[0].Subject); err != nil {
			t.Fatal(err)
		}
		if _, role, err := w.Rooms.FindBySlug(ctx, cohost, room.Slug); err != nil || role != rooms.RoleViewer {
			t.Errorf("co-host taken off the list is %s, %v", role, err)
		}
	})
}

func TestAnOwnerWhoLeftTheMemberIsAStranger(t *testing.T) {
	w := roomstest.New(t, storetest.New(t, store.SQLite))
	ctx := t.Context()
	member, owner := w.Organisation("organisation")
	host := w.Human("Host")
	w.Add(member, host, membership.RoleHost)
	room := w.Room(host, member, rooms.Settings{MayStart: rooms.StartHosts, MayEnter: rooms.EnterPeople})
	w.Leave(member, owner, host)
	if _, role, err := w.Rooms.FindBySlug(ctx, host, room.Slug); err != nil || role != rooms.RoleNone {
		t.Errorf("%s, %v", role, err)
	}
	_, err := w.Rooms.Update(ctx, host, room.ID, rooms.UpdateInput{Name: "Mine", Settings: room.Settings})
	wantFault(t, err, fault.NotFound, "room.unknown")
}

func TestRoomsBeyondASmallerLevelFallAsleep(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		member, owner := w.Organisation("level-1")
		used := func(r rooms.Room) {
			w.Clock.Pass(time.Hour)
			if err := db.Write(ctx, func(tx store.Tx) error { return rooms.Used(ctx, tx, w.Clock.Now(), r.ID) }); err != nil {
				t.Fatal(err)
			}
		}
		a, b, c, d := w.Room(owner, member, rooms.Settings{}), w.Room(owner, member, rooms.Settings{}), w.Room(owner, member, rooms.Settings{}), w.Room(owner, member, rooms.Settings{})
		used(b)
		used(a)
		if _, err := w.Rooms.Pin(ctx, owner, c.ID, true); err != nil {
			t.Fatal(err)
		}
		names := map[id.Room]string{a.ID: "a", b.ID: "b", c.ID: "c", d.ID: "d"}
		for limit, want := range map[int64]string{1: "c", 2: "ca", 3: "cab", 4: "cabd"} {
			w.Override(t, member, tariff.OverrideFields{Rooms: &limit})
			awake := ""
			list, err := w.Rooms.ListFor(ctx, owner)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				if !r.Dormant {
					awake += names[r.ID]
				}
				found, _, err := w.Rooms.FindBySlug(ctx, owner, r.Slug)
				if err != nil || found.Dormant != r.Dormant {
					t.Errorf("by link dormant %v, in the list %v: %v", found.Dormant, r.Dormant, err)
				}
			}
			if len(awake) != len(want) || strings.Trim(awake, want) != "" {
				t.Errorf("limit %d keeps %q awake, want %q", limit, awake, want)
			}
		}
	})
}

func TestANewcomerFindsAFirstRoomInTheirLanguage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := roomstest.New(t, db)
		for i, c := range []struct {
			name, organisation string
			tag                locale.Tag
			want               string
		}{
			{"Ana Puig", "", locale.Catalan, "Ana Puig: primera sala"},
			{"Bo Ek", "Föreningen", locale.Swedish, "Föreningen: första rummet"},
			{strings.Repeat("x", 80), "", locale.German, "Mein erster Raum"},
		} {
			born := w.Human(fmt.Sprintf("Newcomer %d", i))
			err := db.Write(ctx, func(tx store.Tx) error {
				return w.PersonBorn(ctx, tx, w.Clock.Now(), identity.Birth{Person: born.Person, Name: c.name, Organisation: c.organisation, Locale: c.tag, Zone: "Europe/Madrid"})
			})
			if err != nil {
				t.Fatal(err)
			}
			list, err := w.Rooms.ListFor(ctx, born)
			if err != nil || len(list) != 1 || list[0].Name != c.want || list[0].Dormant || !rooms.ValidSlug(list[0].Slug) {
				t.Errorf("%+v, %v", list, err)
			}
		}
	})
}

func TestEveryChangeIsAudited(t *testing.T) {
	w := roomstest.New(t, storetest.New(t, store.SQLite))
	ctx := t.Context()
	member, owner := w.Organisation("level-1")
	room := w.Room(owner, member, rooms.Settings{})
	for _, do := range []func() error{
		func() error {
			_, err := w.Rooms.Update(ctx, owner, room.ID, rooms.UpdateInput{Name: "Board", Settings: rooms.DefaultSettings()})
			return err
		},
		func() error {
			return w.Rooms.AddPerson(ctx, owner, room.ID, rooms.AddPersonInput{Address: "x@people.example", Role: rooms.RoleViewer})
		},
		func() error { return w.Rooms.RemovePerson(ctx, owner, room.ID, "mail:x@people.example") },
		func() error { return w.Rooms.RemovePerson(ctx, owner, room.ID, "mail:x@people.example") },
		func() error { return w.Rooms.Archive(ctx, owner, room.ID) },
		func() error { return w.Rooms.Restore(ctx, owner, room.ID) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := w.DB.Read(ctx, func(r store.Reader) error {
		list, err := identity.AuditList(ctx, r, identity.AuditFilter{Object: string(room.ID)})
		for _, e := range list {
			got = append(got, e.Action)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"room.restore", "room.archive", "room.person_remove", "room.person_add", "room.settings", "room.create"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
