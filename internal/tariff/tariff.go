// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/money"
)

// Level is one version of a service level: what it asks and what it allows.
type Level struct {
	ID            id.Level     `json:"id"`
	Key           string       `json:"key"`          // stable name, such as "level-1"
	Version       int          `json:"version"`      // from 1, without gaps
	Position      int          `json:"position"`     // order on the price list
	Contribution  money.Amount `json:"contribution"` // a month, net of tax
	SetUp         money.Amount `json:"set_up"`       // once, net of tax; same currency
	ByQuotation   bool         `json:"by_quotation"` // the contribution is agreed each time; Contribution is zero
	MinimumMonths int          `json:"minimum_months"`
	DecisionKey   string       `json:"decision"`
	ValidFrom     instant.Date `json:"valid_from"` // first day in force; it ends when the next version begins
	Limits        Limits       `json:"limits"`
}

// IsFree reports whether the level asks nothing.
func (l Level) IsFree() bool { return l.Contribution.IsZero() && !l.ByQuotation }

// Entitlement is what a member may use at an instant: a snapshot that holds until ValidUntil, or
// until a change is told on membership.TopicEntitlement.
type Entitlement struct {
	Member     id.Member           `json:"member"`
	Level      string              `json:"level"`   // key; "" when suspended or closed
	LevelID    id.Level            `json:"-"`       // the version that counts; none like Level
	Version    int                 `json:"version"` // of the level; 0 like Level
	Standing   membership.Standing `json:"standing"`
	Limits     Limits              `json:"limits"`      // all zero when not Allowed
	Overridden []string            `json:"overridden"`  // names of the limits an override replaced, sorted; never nil
	Allowed    bool                `json:"allowed"`     // false when suspended or closed: every entry is refused
	ValidUntil instant.Instant     `json:"valid_until"` // none means until a change is told
	Zone       string              `json:"zone"`        // of the member: its days begin there
}

// plain returns what of a level compares with ==.
func (l Level) plain() any {
	return [...]any{l.ID, l.Key, l.Version, l.Position, l.Contribution, l.SetUp, l.ByQuotation, l.MinimumMonths, l.DecisionKey, l.ValidFrom}
}
