// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"encoding/json"
	"io"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
)

// DecisionCmd is the noun decision.
type DecisionCmd struct {
	Record DecisionRecord `cmd:"" help:"Record a decision from a JSON file: key, title, link, decided_on."`
	List   DecisionList   `cmd:"" help:"List decisions."`
}

// DecisionRecord is decision record.
type DecisionRecord struct {
	File string `arg:"" help:"JSON file, - for standard input."`
}

// Run records the decision.
func (c *DecisionRecord) Run(r *Run) error {
	data, err := readFile(r, c.File)
	if err != nil {
		return err
	}
	var in decision.RecordInput
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fault.Wrap(err, fault.Invalid, "cli.json", fault.Params{"File": c.File, "Problem": err.Error()})
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	d, err := s.Decisions.Record(r.Context, identity.Operator(), in)
	if err != nil {
		return err
	}
	return r.done(d, "the decision %s is recorded", d.Key)
}

// DecisionList is decision list.
type DecisionList struct{}

// Run prints the decisions.
func (c *DecisionList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	found, err := s.Decisions.List(r.Context)
	if err != nil {
		return err
	}
	return r.print(found, func(w io.Writer) {
		line(w, "KEY", "DECIDED", "TITLE", "LINK")
		for _, d := range found {
			line(w, d.Key, d.DecidedOn, d.Title, d.Link)
		}
	})
}
