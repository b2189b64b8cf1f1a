// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"slices"
	"strings"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
)

// The matrix of identity.md section 4 as far as this release goes, written out a second time: one line an
// action, one column a person. o owner, m manager, b billing, h host, p plain member, S owner or manager of
// the steward, I the same when the member is an individual, A platform admin.
var matrix = map[Action]string{
	ActionMemberSee:       "o m b h p S I A",
	ActionRoomOpen:        "h",
	ActionUsageRead:       "o m b h p A",
	ActionStandingRead:    "o m b S I A",
	ActionPeopleSee:       "o m b h I A",
	ActionPeopleManage:    "o m A",
	ActionRolesManage:     "o",
	ActionAuditRead:       "o m S I A",
	ActionContactsManage:  "o b A",
	ActionLevelAssign:     "A",
	ActionLevelLend:       "S I A",
	ActionMemberSuspend:   "I A",
	ActionMemberClose:     "A",
	ActionStewardChange:   "A",
	ActionConnections:     "o m S I A",
	ActionRecordings:      "o m",
	ActionRecordingWatch:  "o m b h p",
	ActionConnectionPlace: "S I A",
	ActionMemberCreate:    "A",
	ActionMemberList:      "A",
	ActionPlatformSee:     "A",
	ActionQuarantine:      "A",
	ActionDecisionRecord:  "",
	ActionLevelDefine:     "",
}

var ofPlatform = []Action{ActionMemberCreate, ActionMemberList, ActionPlatformSee, ActionQuarantine, ActionDecisionRecord, ActionLevelDefine}

func TestEveryActionForEveryActor(t *testing.T) {
	if len(matrix) != len(Actions) || len(rights) != len(Actions) {
		t.Fatalf("%d actions, %d in the matrix, %d in the table", len(Actions), len(matrix), len(rights))
	}
	member := id.NewMember()
	person := identity.Actor{Kind: identity.ActorPerson, Person: id.NewPerson(), Door: identity.DoorPortal}
	admin := person
	admin.PlatformAdmin = true
	columns := map[string]struct {
		actor  identity.Actor
		target Target
	}{
		"o": {person, Target{Member: member, Roles: []Role{RoleOwner}}},
		"m": {person, Target{Member: member, Roles: []Role{RoleManager}}},
		"b": {person, Target{Member: member, Roles: []Role{RoleBilling}}},
		"h": {person, Target{Member: member, Roles: []Role{RoleHost}}},
		"p": {person, Target{Member: member, Roles: []Role{RoleMember}}},
		"S": {person, Target{Member: member, Steward: true}},
		"I": {person, Target{Member: member, Steward: true, Individual: true}},
		"A": {admin, Target{Member: member}},
	}
	outsiders := map[string]identity.Actor{
		"a person of elsewhere": person, "nobody": {}, "a guest": identity.Anonymous(),
		"a guest who says admin": {Kind: identity.ActorAnonymous, PlatformAdmin: true},
	}
	for _, action := range Actions {
		may := strings.Fields(matrix[action])
		platform := slices.Contains(ofPlatform, action)
		for name, c := range columns {
			target := c.target
			if platform {
				target = Target{}
			}
			if got, want := Can(c.actor, action, target), slices.Contains(may, name); got != want {
				t.Errorf("%s by %s: %v, want %v", action, name, got, want)
			}
		}
		for name, actor := range outsiders {
			for _, individual := range []bool{false, true} {
				if Can(actor, action, Target{Member: member, Individual: individual}) {
					t.Errorf("%s by %s", action, name)
				}
			}
		}
		for _, actor := range []identity.Actor{identity.Operator(), identity.System()} {
			if !Can(actor, action, Target{Member: member}) || !Can(actor, action, Target{}) {
				t.Errorf("%s refused to the %s", action, actor.Kind)
			}
		}
	}
	if Can(admin, "member.invent", Target{Member: member}) {
		t.Error("an action in no row was allowed")
	}
}

func TestRolesHeldElsewhereGiveNoRightOnThePlatform(t *testing.T) {
	person := identity.Actor{Kind: identity.ActorPerson, Person: id.NewPerson()}
	for _, action := range ofPlatform {
		if Can(person, action, Target{Roles: Roles, Steward: true, Individual: true}) {
			t.Errorf("%s without a member", action)
		}
	}
}

func TestRefusalsSayNoMoreThanTheActorMayKnow(t *testing.T) {
	person := identity.Actor{Kind: identity.ActorPerson, Person: id.NewPerson()}
	member := id.NewMember()
	for name, c := range map[string]struct {
		actor  identity.Actor
		target Target
		kind   fault.Kind
		code   string
	}{
		"outside":         {person, Target{Member: member}, fault.NotFound, "member.unknown"},
		"inside":          {person, Target{Member: member, Roles: []Role{RoleMember}}, fault.Forbidden, "member.forbidden"},
		"steward":         {person, Target{Member: member, Steward: true}, fault.Forbidden, "member.forbidden"},
		"without session": {identity.Anonymous(), Target{Member: member}, fault.Unauthenticated, "session.none"},
		"on the platform": {person, Target{}, fault.Forbidden, "member.forbidden"},
	} {
		err := Check(c.actor, ActionLevelDefine, c.target)
		if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNobodyGivesARoleAboveTheOwnOne(t *testing.T) {
	person := identity.Actor{Kind: identity.ActorPerson, Person: id.NewPerson()}
	for _, c := range []struct {
		held, given Role
		code        string
	}{
		{RoleOwner, RoleOwner, ""}, {RoleOwner, RoleManager, ""}, {RoleOwner, RoleBilling, ""}, {RoleOwner, RoleHost, ""},
		{RoleManager, RoleHost, ""}, {RoleManager, RoleMember, ""},
		{RoleManager, RoleManager, "people.role_above_own"}, {RoleManager, RoleOwner, "people.role_above_own"}, {RoleManager, RoleBilling, "people.role_above_own"},
		{RoleHost, RoleMember, "member.forbidden"}, {RoleBilling, RoleHost, "member.forbidden"}, {RoleMember, RoleOwner, "member.forbidden"},
	} {
		err := mayGive(person, c.given, Target{Member: id.NewMember(), Roles: []Role{c.held}})
		if code := fault.CodeOf(err); (err != nil || c.code != "") && code != c.code {
			t.Errorf("%s gives %s: %v", c.held, c.given, err)
		}
	}
}

func BenchmarkCan(b *testing.B) {
	person := identity.Actor{Kind: identity.ActorPerson, Person: id.NewPerson()}
	target := Target{Member: id.NewMember(), Roles: []Role{RoleMember}}
	for b.Loop() {
		Can(person, ActionUsageRead, target)
	}
}
