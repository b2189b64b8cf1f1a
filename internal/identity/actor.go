// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// ActorKind says what stands behind an act.
type ActorKind string

// The kinds of actor. The zero value is no actor and has no right.
const (
	ActorAnonymous ActorKind = "anonymous" // a browser without a session
	ActorPerson    ActorKind = "person"    // a signed-in person
	ActorOperator  ActorKind = "operator"  // whoever may run the command line on the machine
	ActorSystem    ActorKind = "system"    // the program itself: jobs, the calendar
)

// Door says through which face an act came in.
type Door string

// The doors that exist.
const (
	DoorPortal  Door = "portal"
	DoorGateway Door = "gateway"
	DoorCLI     Door = "cli"
	DoorJob     Door = "job"
)

// Actor is who asks. It is an explicit argument of every verb that needs a right, never part of a context.
type Actor struct {
	Kind          ActorKind
	Person        id.Person  // "" unless Kind is ActorPerson
	Session       id.Session // "" unless Kind is ActorPerson
	Door          Door
	PlatformAdmin bool // holds the platform role admin now
}

// Anonymous returns the actor of a browser without a session.
func Anonymous() Actor { return Actor{Kind: ActorAnonymous, Door: DoorPortal} }

// Operator returns the actor of the command line.
func Operator() Actor { return Actor{Kind: ActorOperator, Door: DoorCLI} }

// System returns the actor of jobs and start-up.
func System() Actor { return Actor{Kind: ActorSystem, Door: DoorJob} }

// SignedIn returns nil for a person with a session, else Unauthenticated (session.none).
func (a Actor) SignedIn() error {
	if a.Kind != ActorPerson || a.Person == "" {
		return fault.New(fault.Unauthenticated, "session.none")
	}
	return nil
}

// Runs returns nil for the command line and the program itself, else Forbidden (identity.operator_only).
func (a Actor) Runs() error {
	if a.Kind != ActorOperator && a.Kind != ActorSystem {
		return fault.New(fault.Forbidden, "identity.operator_only")
	}
	return nil
}
