// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

// LevelCmd is the noun level.
type LevelCmd struct {
	List     LevelList     `cmd:"" help:"List the levels in force."`
	Define   LevelDefine   `cmd:"" help:"Define new versions of levels from a JSON file, on a decision."`
	Assign   LevelAssign   `cmd:"" help:"Grant a member a level."`
	Override LevelOverride `cmd:"" help:"Replace single limits of a member, with a reason."`
}

// LevelList is level list.
type LevelList struct{}

// Run prints the levels.
func (c *LevelList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	levels, err := s.Levels.Levels(r.Context)
	if err != nil {
		return err
	}
	return r.print(levels, func(w io.Writer) {
		line(w, "LEVEL", "VERSION", "FROM", "A MONTH", "SEATS", "PARTICIPANTS", "ROOMS", "RUNNING", "DURATION", "HOSTS", "DECISION")
		for _, l := range levels {
			price := l.Contribution.String()
			if l.ByQuotation {
				price = "by quotation"
			}
			line(w, l.Key, l.Version, l.ValidFrom, price, l.Limits.Seats, l.Limits.Participants, l.Limits.Rooms, l.Limits.RunningRooms, spanText(l.Limits.Duration), l.Limits.Hosts, l.DecisionKey)
		}
	})
}

func spanText(d time.Duration) string {
	if d == 0 {
		return "unlimited"
	}
	return d.String()
}

// LevelDefine is level define.
type LevelDefine struct {
	File string `arg:"" help:"JSON file, - for standard input. docs/operating.md shows one."`
}

// Run defines the levels.
func (c *LevelDefine) Run(r *Run) error {
	data, err := readFile(r, c.File)
	if err != nil {
		return err
	}
	in, err := tariff.ReadFile(data)
	if err != nil {
		return err
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	levels, err := s.Levels.Define(r.Context, identity.Operator(), in)
	if err != nil {
		return err
	}
	return r.done(levels, "%d levels are defined from %s", len(levels), in.ValidFrom)
}

// maxFile bounds what is read from a file named on the command line.
const maxFile = 1 << 20

func readFile(r *Run, name string) ([]byte, error) {
	in := r.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cli.file", fault.Params{"File": name})
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cli.file", fault.Params{"File": name})
	}
	if len(b) > maxFile {
		return nil, fault.New(fault.Invalid, "cli.file_large", fault.Params{"File": name, "Limit": maxFile})
	}
	return b, nil
}

// LevelAssign is level assign.
type LevelAssign struct {
	Member string `required:"" placeholder:"SLUG" help:"The member."`
	Level  string `required:"" placeholder:"LEVEL" help:"Key of the level; free ends an earlier grant."`
	From   string `placeholder:"DATE" help:"First day, YYYY-MM-DD. Default: today."`
}

// Run grants the level.
func (c *LevelAssign) Run(r *Run) error {
	from, err := date("from", c.From)
	if err != nil {
		return err
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	if err := s.Levels.Assign(r.Context, identity.Operator(), tariff.AssignInput{Member: m.ID, Level: c.Level, From: from}); err != nil {
		return err
	}
	return r.done(map[string]any{"member": m.Slug, "level": c.Level, "from": from}, "%s has %s", m.Slug, c.Level)
}

// LevelOverride is level override.
type LevelOverride struct {
	Member            string  `required:"" placeholder:"SLUG" help:"The member."`
	Seats             *int64  `placeholder:"N" help:"People in all meetings together."`
	Participants      *int64  `placeholder:"N" help:"People in one meeting."`
	Rooms             *int64  `placeholder:"N" help:"Rooms owned."`
	RunningRooms      *int64  `name:"running-rooms" placeholder:"N" help:"Meetings at once."`
	Hosts             *int64  `placeholder:"N" help:"People who may open rooms."`
	Connections       *int64  `placeholder:"N" help:"API credentials."`
	Duration          *string `placeholder:"DURATION" help:"Of one meeting, such as 90m."`
	Recording         *string `enum:"on,off" placeholder:"ON|OFF" help:"on or off."`
	Branding          *string `enum:"on,off" placeholder:"ON|OFF" help:"on or off."`
	ModeratorsReserve *int64  `name:"moderators-reserve" placeholder:"N" help:"Seats only moderators may take."`
	Reason            string  `required:"" placeholder:"TEXT" help:"Why; the member reads it."`
	Until             string  `placeholder:"DATE" help:"First day without it, YYYY-MM-DD. Default: open."`
}

// Run replaces the limits.
func (c *LevelOverride) Run(r *Run) error {
	until, err := date("until", c.Until)
	if err != nil {
		return err
	}
	in := tariff.OverrideInput{Reason: c.Reason, Until: until, Fields: tariff.OverrideFields{
		Seats: c.Seats, Participants: c.Participants, Rooms: c.Rooms, RunningRooms: c.RunningRooms, Hosts: c.Hosts, Connections: c.Connections,
		ModeratorsReserve: c.ModeratorsReserve, Recording: onOff(c.Recording), Branding: onOff(c.Branding),
	}}
	if c.Duration != nil {
		d, err := time.ParseDuration(*c.Duration)
		if err != nil {
			return badFlag("duration", err)
		}
		span := tariff.Span(d)
		in.Fields.Duration = &span
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	in.Member = m.ID
	o, err := s.Levels.Override(r.Context, identity.Operator(), in)
	if err != nil {
		return err
	}
	return r.done(o, "the limits of %s are replaced", m.Slug)
}

func onOff(s *string) *bool {
	if s == nil {
		return nil
	}
	on := *s == "on"
	return &on
}

func date(flag, s string) (instant.Date, error) {
	if s == "" {
		return instant.Date{}, nil
	}
	d, err := instant.ParseDate(s)
	if err != nil {
		return instant.Date{}, badFlag(flag, err)
	}
	return d, nil
}

func badFlag(name string, err error) error {
	return fault.Wrap(fmt.Errorf("--%s: %w", name, err), fault.Invalid, "cli.flag", fault.Params{"Flag": name})
}
