// SPDX-License-Identifier: AGPL-3.0-or-later

package decision

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// Founding is the key under which the operator decides alone while no operational member exists.
const Founding = "founding"

// Decision is something the cooperative has decided.
type Decision struct {
	ID         id.Decision     `json:"id"`
	Key        string          `json:"key"` // stable name, such as "2020-07-levels"
	Title      string          `json:"title"`
	Link       string          `json:"link"` // http or https address of the minutes; may be empty
	DecidedOn  instant.Date    `json:"decided_on"`
	Founding   bool            `json:"founding"` // recorded while no operational member existed
	RecordedAt instant.Instant `json:"recorded_at"`
}

// RecordInput is the file form of a decision.
type RecordInput struct {
	Key       string       `json:"key"`
	Title     string       `json:"title"`
	Link      string       `json:"link"`
	DecidedOn instant.Date `json:"decided_on"`
}

// The bounds of a decision's texts: bytes of a key and of a link, characters of a title.
const (
	maxKey   = 60
	maxTitle = 200
	maxLink  = 500
)

// Validate returns Invalid (input.invalid) with every wrong field. today is the latest day on which
// somebody somewhere can have decided.
func (in *RecordInput) Validate(today instant.Date) error {
	in.Title = strings.TrimSpace(in.Title)
	var c fault.Check
	c.Field(validKey(in.Key), "key", "decision.key")
	c.Field(in.Title != "", "title", "decision.title_missing")
	c.Field(utf8.ValidString(in.Title) && utf8.RuneCountInString(in.Title) <= maxTitle && !strings.ContainsFunc(in.Title, hidden), "title", "decision.title", fault.Params{"Limit": maxTitle})
	c.Field(in.Link == "" || validLink(in.Link), "link", "decision.link")
	c.Field(!in.DecidedOn.IsZero() && !in.DecidedOn.After(today), "decided_on", "decision.day")
	return c.Err()
}

func validKey(s string) bool {
	if s == "" || len(s) > maxKey || s == Founding {
		return false
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '.' && c != '_') {
			return false
		}
	}
	return true
}

func validLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxLink && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
