// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/money"
)

// DefineInput is the file form of new levels or new versions of levels.
type DefineInput struct {
	Decision  string       `json:"decision"`   // key of the decision that adopts them
	ValidFrom instant.Date `json:"valid_from"` // first day in force
	Levels    []LevelInput `json:"levels"`     // new ones in the order of the price list
}

// LevelInput is one level in a file. What is absent is unlimited, none, or the default named here.
type LevelInput struct {
	Key           string       `json:"key"`
	Version       int          `json:"version,omitempty"`  // 0 is the next one
	Position      *int         `json:"position,omitempty"` // on the price list; absent: as before, or at its end
	Contribution  money.Amount `json:"contribution"`
	SetUp         money.Amount `json:"set_up,omitzero"` // absent is none
	ByQuotation   bool         `json:"by_quotation,omitempty"`
	MinimumMonths int          `json:"minimum_months,omitempty"`
	Limits        LimitsInput  `json:"limits"`
}

// LimitsInput are the limits of a level in a file.
type LimitsInput struct {
	Seats             *Limit        `json:"seats,omitempty"`
	Participants      *Limit        `json:"participants,omitempty"`
	Rooms             *Limit        `json:"rooms,omitempty"`
	RunningRooms      *Limit        `json:"running_rooms,omitempty"`
	Hosts             *Limit        `json:"hosts,omitempty"`
	Connections       *Limit        `json:"connections,omitempty"`
	Duration          Span          `json:"duration,omitzero"`
	Recording         bool          `json:"recording,omitempty"`
	Branding          bool          `json:"branding,omitempty"`
	RetentionDays     *Limit        `json:"retention_days,omitempty"`
	StorageBytes      *Limit        `json:"storage_bytes,omitempty"`
	Enforcement       string        `json:"enforcement,omitempty"`    // "hard" (default), "create" or "grace N%"
	DurationScope     DurationScope `json:"duration_scope,omitempty"` // default: member where nothing is contributed, else meeting
	DurationPause     Span          `json:"duration_pause,omitzero"`  // default 30m
	DurationPerDay    Span          `json:"duration_per_day,omitzero"`
	ModeratorsReserve int           `json:"moderators_reserve,omitempty"`
	Tags              []string      `json:"tags,omitempty"`
}

// The bounds of what a file or an override may say. Anything outside is a slip of the keyboard.
const (
	maxCount    = 1_000_000
	maxDays     = 36_500
	maxBytes    = 1 << 50
	minDuration = time.Minute
	maxDuration = 31 * 24 * time.Hour
	maxTags     = 20
	maxLevels   = 100
	// DefaultPause is how long nobody may meet before a sitting counts as over (gateway.md L3).
	DefaultPause = 30 * time.Minute
)

// ReadFile reads levels from JSON. Invalid (level.file, with Line and Problem) for broken JSON, an
// unknown name, or anything behind the end. For a value of the wrong kind Line is where its level begins.
func ReadFile(data []byte) (DefineInput, error) {
	var in DefineInput
	dec := json.NewDecoder(bytes.NewReader(data))
	err := strictly(dec, &in)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return in, nil
		}
		err = errors.New("something stands behind the end")
	}
	line := 1 + bytes.Count(data[:min(wrongAt(data, dec, err), len(data))], []byte("\n"))
	return DefineInput{}, fault.Wrap(err, fault.Invalid, "level.file", fault.Params{"Line": line, "Problem": strings.TrimPrefix(err.Error(), "json: ")})
}

func strictly(dec *json.Decoder, v any) error {
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// wrongAt returns the place in data that err is about. The decoder tells it for some errors only.
func wrongAt(data []byte, dec *json.Decoder, err error) int {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(syntax.Offset)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return max(bytes.Index(data, []byte(name)), 0)
	}
	var parts struct {
		Levels []json.RawMessage `json:"levels"`
	}
	if json.Unmarshal(data, &parts) == nil {
		for _, raw := range parts.Levels {
			if strictly(json.NewDecoder(bytes.NewReader(raw)), new(LevelInput)) != nil {
				return max(bytes.Index(data, raw), 0)
			}
		}
	}
	return int(dec.InputOffset())
}

// Validate returns Invalid (input.invalid) with every wrong field, named "levels[2].seats" and so on.
func (in DefineInput) Validate() error {
	var c fault.Check
	c.Field(in.Decision != "", "decision", "level.decision_missing")
	c.Field(!in.ValidFrom.IsZero(), "valid_from", "level.valid_from_missing")
	c.Field(len(in.Levels) > 0 && len(in.Levels) <= maxLevels, "levels", "level.levels_missing", fault.Params{"Limit": maxLevels})
	seen := map[string]bool{}
	for i, l := range in.Levels {
		at := "levels[" + strconv.Itoa(i) + "]."
		c.Field(!seen[l.Key], at+"key", "level.key_twice", fault.Params{"Level": l.Key})
		seen[l.Key] = true
		l.check(&c, at)
	}
	return c.Err()
}

func (l LevelInput) check(c *fault.Check, at string) {
	c.Field(validWord(l.Key, 40), at+"key", "level.key")
	c.Field(l.Version >= 0, at+"version", "level.version")
	c.Field(l.Position == nil || *l.Position >= 0 && *l.Position <= maxCount, at+"position", "level.count", fault.Params{"Least": 0, "Most": maxCount})
	c.Field(l.Contribution.Currency.Known() && l.Contribution.Sign() >= 0, at+"contribution", "level.contribution")
	c.Field(l.SetUp == money.Amount{} || l.SetUp.Currency == l.Contribution.Currency && l.SetUp.Sign() >= 0, at+"set_up", "level.set_up")
	c.Field(!l.ByQuotation || l.Contribution.IsZero(), at+"by_quotation", "level.by_quotation")
	costs := l.ByQuotation || !l.Contribution.IsZero() || !l.SetUp.IsZero()
	c.Field(l.Key != membership.DefaultPolicy.FreeLevel || !costs, at+"contribution", "level.free_costs")
	c.Field(l.MinimumMonths >= 0 && l.MinimumMonths <= 60, at+"minimum_months", "level.minimum_months")

	in := l.Limits
	checkCount(c, at+"seats", in.Seats, 1, maxCount)
	checkCount(c, at+"participants", in.Participants, 1, maxCount)
	checkCount(c, at+"rooms", in.Rooms, 1, maxCount)
	checkCount(c, at+"running_rooms", in.RunningRooms, 1, maxCount)
	checkCount(c, at+"hosts", in.Hosts, 1, maxCount)
	checkCount(c, at+"connections", in.Connections, 0, maxCount)
	checkCount(c, at+"retention_days", in.RetentionDays, 0, maxDays)
	checkCount(c, at+"storage_bytes", in.StorageBytes, 0, maxBytes)
	checkSpan(c, at+"duration", in.Duration, maxDuration)
	checkSpan(c, at+"duration_pause", in.DurationPause, 24*time.Hour)
	checkSpan(c, at+"duration_per_day", in.DurationPerDay, 24*time.Hour)
	_, _, ok := parseEnforcement(in.Enforcement)
	c.Field(ok, at+"enforcement", "level.enforcement")
	switch in.DurationScope {
	case "", ScopeMeeting, ScopeRoom, ScopeMember:
	default:
		c.Field(false, at+"duration_scope", "level.duration_scope")
	}
	c.Field(reserveFits(in.ModeratorsReserve, in.Seats), at+"moderators_reserve", "level.moderators_reserve")
	tags := len(in.Tags) <= maxTags && !slices.ContainsFunc(in.Tags, func(t string) bool { return !validWord(t, 40) })
	c.Field(tags, at+"tags", "level.tags", fault.Params{"Limit": maxTags})
}

// reserveFits is J4 of gateway.md: the reserve lies below the seats.
func reserveFits(reserve int, seats *Limit) bool {
	if reserve < 0 || reserve >= maxCount {
		return false
	}
	return seats == nil || *seats < 0 || Limit(reserve) < *seats
}

func checkCount(c *fault.Check, name string, l *Limit, least, most Limit) {
	if l == nil || *l == Unlimited {
		return
	}
	c.Field(*l >= least && *l <= most, name, "level.count", fault.Params{"Least": int64(least), "Most": int64(most)})
}

func checkSpan(c *fault.Check, name string, s Span, most time.Duration) {
	if s == 0 {
		return
	}
	d := time.Duration(s)
	c.Field(d >= minDuration && d <= most && d%time.Second == 0, name, "level.duration", fault.Params{"Least": minDuration, "Most": most})
}

// parseEnforcement reads "hard", "create" and "grace 10%"; "" is hard.
func parseEnforcement(s string) (Enforcement, int, bool) {
	switch s {
	case "", string(EnforceHard):
		return EnforceHard, 0, true
	case string(EnforceCreate):
		return EnforceCreate, 0, true
	}
	number, ok := strings.CutPrefix(s, "grace ")
	number, percent := strings.CutSuffix(number, "%")
	n, err := strconv.Atoi(number)
	if !ok || !percent || err != nil || n < 1 || n > 100 || strconv.Itoa(n) != number {
		return "", 0, false
	}
	return EnforceGrace, n, true
}

// validWord is a lower-case name of letters, digits and inner hyphens.
func validWord(s string, most int) bool {
	if s == "" || len(s) > most || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' })
}

// level makes the row of a valid input. ID and Version are the caller's.
func (l LevelInput) level(position int, d decision.Decision, from instant.Date) Level {
	out := Level{
		Key: l.Key, Position: position, Contribution: l.Contribution, SetUp: l.SetUp, ByQuotation: l.ByQuotation,
		MinimumMonths: l.MinimumMonths, DecisionKey: d.Key, ValidFrom: from,
	}
	if out.SetUp.Currency == "" {
		out.SetUp = money.Zero(l.Contribution.Currency)
	}
	in := l.Limits
	m := Limits{
		Seats: orUnlimited(in.Seats), Participants: orUnlimited(in.Participants), Rooms: orUnlimited(in.Rooms),
		RunningRooms: orUnlimited(in.RunningRooms), Hosts: orUnlimited(in.Hosts), Connections: orUnlimited(in.Connections),
		Duration: time.Duration(in.Duration), Recording: in.Recording, Branding: in.Branding,
		RetentionDays: orUnlimited(in.RetentionDays), StorageBytes: orUnlimited(in.StorageBytes),
		DurationScope: in.DurationScope, DurationPause: time.Duration(in.DurationPause), DurationPerDay: time.Duration(in.DurationPerDay),
		ModeratorsReserve: in.ModeratorsReserve, Tags: slices.Clone(in.Tags),
	}
	m.Enforcement, m.GracePercent, _ = parseEnforcement(in.Enforcement)
	if m.DurationScope == "" {
		m.DurationScope = ScopeMeeting
		if out.IsFree() {
			m.DurationScope = ScopeMember
		}
	}
	if m.DurationPause == 0 {
		m.DurationPause = DefaultPause
	}
	slices.Sort(m.Tags)
	m.Tags = slices.Compact(m.Tags)
	if m.Tags == nil {
		m.Tags = []string{}
	}
	out.Limits = m
	return out
}

func orUnlimited(l *Limit) Limit {
	if l == nil {
		return Unlimited
	}
	return *l
}
