// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"strconv"
	"sync"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	unknownSize  = 15        // people expected where nothing is known (gateway.md P1)
	newestSizes  = 8         // meetings of an id that are looked at
	mostExpected = 1_000_000 // what a client's hint may say at most
	unitsChanged = 3         // load units by which what a server carries must differ to be written
)

// expected is how many people are thought to come to a new meeting: what the client says (meta_bbb-meeting-size-hint), else the largest of
// the last meetings of this id.
func (s *Service) expected(ctx context.Context, c id.Connection, external string, asked bbb.Query) (int, error) {
	if hint, err := strconv.Atoi(asked.Metadata()["bbb-meeting-size-hint"]); err == nil && hint > 0 {
		return min(hint, mostExpected), nil
	}
	most, known := 0, false
	err := s.deps.DB.Peek(ctx, func(r store.Reader) (err error) {
		most, known, err = fleet.Largest(ctx, r, c, external, newestSizes)
		return err
	})
	if err == nil && !known {
		most = unknownSize
	}
	return most, err
}

// expecting is expected, asked once: beside what else a create asks, unless the meeting seems to run and nobody will want to know.
func (s *Service) expecting(ctx context.Context, c id.Connection, external string, asked bbb.Query) func() (int, error) {
	once := sync.OnceValues(func() (int, error) { return s.expected(ctx, c, external, asked) })
	if s.board.find(c, external) == nil {
		go func() { _, _ = once() }() // whoever wants it gets the error too
	}
	return once
}

// weigh notes what a complete list weighs beside our meetings and seats, when that has changed by more than a little.
func (s *Service) weigh(ctx context.Context, srv *server, w *watch, list []bbb.Meeting, now instant.Instant) error {
	all := make([]fleet.Listed, 0, len(list))
	for _, info := range list {
		if info.EndTime != 0 || info.ForciblyEnded {
			continue
		}
		m := fleet.Listed{People: people(info), Voices: info.Voice, Cameras: info.Video}
		if c := s.board.on(srv.ID, info.ExternalID); c != nil {
			m.Ours, m.Expected, m.Age = true, c.Expected, now.Sub(c.StartedAt)
		}
		all = append(all, m)
	}
	units := fleet.Weight(all)
	if d := units - w.weighed; w.weighed >= 0 && d > -unitsChanged && d < unitsChanged && (units == 0) == (w.weighed == 0) {
		return nil
	}
	if err := s.deps.Fleet.Weigh(ctx, srv.ID, units); err != nil {
		return err
	}
	w.weighed = units
	return nil
}
