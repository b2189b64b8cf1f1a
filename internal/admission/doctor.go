// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"fmt"

	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// Problem is a row that does not say what the rows it counts say.
type Problem struct {
	Member   id.Member
	Meeting  id.Meeting // none for a problem of the member's row
	Column   string
	Stored   int
	Counted  int
	Repaired bool
}

// String returns one line for an operator.
func (p Problem) String() string {
	what := string(p.Member)
	if p.Meeting != "" {
		what += " " + string(p.Meeting)
	}
	done := ""
	if p.Repaired {
		done = ", repaired"
	}
	return fmt.Sprintf("%s: %s is %d, counted %d%s", what, p.Column, p.Stored, p.Counted, done)
}

// CheckInvariants counts seats, people and open meetings anew and returns every row that says something
// else (I1), and every engine above its most people. It changes nothing and sees one moment.
func (g *Gate) CheckInvariants(ctx context.Context) ([]Problem, error) {
	var out []Problem
	err := g.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = miscounts(ctx, r, "")
		return err
	})
	return out, err
}

// RepairCounters sets what CheckInvariants finds wrong to what was counted, member by member under its
// lock, and returns what it did. With dryRun it changes nothing. A difference is a mistake of this
// program, not a routine: report it.
func (g *Gate) RepairCounters(ctx context.Context, dryRun bool) ([]Problem, error) {
	found, err := g.CheckInvariants(ctx)
	if err != nil || dryRun {
		return found, err
	}
	done := map[id.Member]bool{}
	out := []Problem{}
	for _, p := range found {
		if done[p.Member] {
			continue
		}
		done[p.Member] = true
		var now []Problem
		err := g.deps.DB.Gate(ctx, func(tx store.Tx) error {
			if _, err := lockUsage(ctx, tx, []*work{{member: p.Member}}, nil, nil); err != nil {
				return err
			}
			if now, err = miscounts(ctx, tx, p.Member); err != nil || len(now) == 0 {
				return err
			}
			return recount(ctx, tx, p.Member)
		})
		if err != nil {
			return out, err
		}
		for _, q := range now {
			q.Repaired = true
			out = append(out, q)
		}
	}
	return out, nil
}
