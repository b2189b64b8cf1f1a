// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cli is the operator's face: verbs on nouns, each of which calls one verb of a capability and prints the
// outcome, as a table or as one JSON document. It holds no rule. Package app parses the command line, builds what
// the verbs stand on, and turns their errors into exit codes.
//
// It works on the same database beside a running server: what it changes is in force there within a second.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"meetcoop/internal/admission"
	"meetcoop/internal/decision"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// Services are what the verbs call.
type Services struct {
	DB        *store.DB
	Now       instant.Clock
	Identity  *identity.Service
	Members   *membership.Service
	Decisions *decision.Service
	Levels    *tariff.Service
	Gate      *admission.Gate
	Fleet     *fleet.Service

	Recordings func() (*recording.Service, error) // opened by verbs that need it, as it needs the master key
	PublicURL  string                             // without a slash at the end
	Catalog    *locale.Catalog
}

// Run is one command under way.
type Run struct {
	Context context.Context
	Open    func() (*Services, error) // connects to the database; called by verbs that need it
	In      io.Reader
	Out     io.Writer
	JSON    bool
	DryRun  bool // transactions are rolled back after they succeeded
}

// Commands are the nouns; package app adds its own beside them.
type Commands struct {
	Member      MemberCmd      `cmd:"" help:"Members of the cooperative."`
	Level       LevelCmd       `cmd:"" help:"Service levels, and what single members may use."`
	Decision    DecisionCmd    `cmd:"" help:"Decisions that levels and policies rest on."`
	Person      PersonCmd      `cmd:"" help:"People with an account."`
	Usage       UsageCmd       `cmd:"" help:"What is used now."`
	Audit       AuditCmd       `cmd:"" help:"Who changed what."`
	Server      ServerCmd      `cmd:"" help:"Where meetings run."`
	Recording   RecordingCmd   `cmd:"" help:"Recordings of meetings."`
	Container   ContainerCmd   `cmd:"" help:"Greenlights that serve many members."`
	ServiceUser ServiceUserCmd `cmd:"" name:"service-user" help:"Recorders and other helpers that take no seat."`
	Connection  ConnectionCmd  `cmd:"" help:"Endpoints of the BigBlueButton API for members' applications."`
}

// print writes v as JSON, or text, a tab-separated table whose first line is its head.
func (r *Run) print(v any, text func(w io.Writer)) error {
	if r.JSON {
		enc := json.NewEncoder(r.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(r.Out, 0, 4, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// done says what was changed, or would have been.
func (r *Run) done(v any, format string, args ...any) error {
	return r.print(v, func(w io.Writer) {
		line := fmt.Sprintf(format, args...)
		if r.DryRun {
			line = "dry run, nothing was changed: " + line
		}
		_, _ = fmt.Fprintln(w, line) // the flush reports what went wrong
	})
}

func line(w io.Writer, cells ...any) {
	words := make([]string, len(cells))
	for i, c := range cells {
		words[i] = fmt.Sprint(c)
		if words[i] == "" {
			words[i] = "-"
		}
	}
	_, _ = fmt.Fprintln(w, strings.Join(words, "\t")) // the flush reports what went wrong
}

// memberBySlug finds the member an operator names.
func (s *Services) memberBySlug(ctx context.Context, slug string) (m membership.Member, err error) {
	err = s.DB.Read(ctx, func(r store.Reader) error {
		m, err = membership.GetBySlug(ctx, r, slug)
		return err
	})
	return m, err
}

// used is a figure against its limit, as usage show and member show print it.
type used struct {
	Used  int          `json:"used"`
	Limit tariff.Limit `json:"limit"`
}

func (u used) String() string {
	return fmt.Sprintf("%d of %s", u.Used, u.Limit)
}
