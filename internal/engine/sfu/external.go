// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/livekit/protocol/livekit"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

const (
	// lookEvery is how often an external LiveKit is asked what runs. Its webhooks are faster,
	// but they have to be configured there, and a stranger must be out within a second.
	lookEvery = time.Second
	// missesUntilDown questions in a row without an answer, and it counts as away.
	missesUntilDown = 3
)

func (e *Engine) startExternal(ctx context.Context) error {
	a := newAPI(withScheme(e.cfg.External.URL, "http", "https"), e.creds)
	seen, err := e.look(ctx, a, nil)
	if errors.Is(err, errRefused) {
		e.Stop()
		return err
	}
	if err == nil {
		e.upAt(a)
	} else {
		e.cfg.Log.Error("external engine does not answer", "err", err)
	}
	e.work.Go(func() { e.watch(a, seen) })
	return nil
}

var errRefused = fault.New(fault.Unavailable, "engine.refused")

// watch asks the external LiveKit every second, for the differences and for its health.
func (e *Engine) watch(a *api, seen map[id.Meeting]sighting) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for misses := 0; ; {
		select {
		case <-e.life.Done():
			return
		case <-tick.C:
		}
		now, err := e.look(e.life, a, seen)
		if err != nil {
			misses++
			if misses == missesUntilDown {
				e.cfg.Log.Error("external engine does not answer", "err", err)
				e.down(false)
			}
			continue
		}
		misses, seen = 0, now
		if e.State() != StateUp {
			e.upAt(a)
		}
	}
}

// sighting is one meeting at one look.
type sighting struct {
	sid    string
	people map[id.Participant]*livekit.ParticipantInfo
}

// look lists what runs and emits what differs from before. Events of webhooks have the
// same keys, so hearing and seeing something is one event for whoever folds them.
func (e *Engine) look(ctx context.Context, a *api, before map[id.Meeting]sighting) (map[id.Meeting]sighting, error) {
	var rooms []*livekit.Room
	err := a.call(ctx, "", engine.CallTimeout, func(ctx context.Context) error {
		answer, err := a.rooms.ListRooms(ctx, &livekit.ListRoomsRequest{})
		rooms = answer.GetRooms()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the engine: %w", err)
	}
	now := map[id.Meeting]sighting{}
	for _, room := range rooms {
		m, err := id.ParseMeeting(room.Name)
		if err != nil {
			continue
		}
		people, err := e.people(ctx, a, m)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", m, err)
		}
		s := sighting{sid: room.Sid, people: map[id.Participant]*livekit.ParticipantInfo{}}
		for _, p := range people {
			if p.State == livekit.ParticipantInfo_ACTIVE {
				s.people[id.Participant(p.Identity)] = p
			}
		}
		now[m] = s
		e.compareMeeting(m, before[m], s)
	}
	for m, s := range before {
		if _, still := now[m]; !still {
			e.compareMeeting(m, s, sighting{})
		}
	}
	return now, nil
}

func (e *Engine) compareMeeting(m id.Meeting, before, now sighting) {
	if before.sid == "" {
		e.emit(engine.Event{Key: "created:" + now.sid, Kind: engine.EventCreated, Meeting: m})
	}
	if now.sid != "" {
		e.bury(m)
	}
	for p, was := range before.people {
		is, there := now.people[p]
		switch {
		case !there && now.sid == "":
			e.left(engine.Event{Meeting: m, Participant: p, Session: was.Sid}, livekit.DisconnectReason_ROOM_DELETED)
		case !there && e.removedLately(m, p):
			e.left(engine.Event{Meeting: m, Participant: p, Session: was.Sid}, livekit.DisconnectReason_PARTICIPANT_REMOVED)
		case !there:
			// Their own leaving is told only by a webhook; without one it counts as a broken connection.
			e.left(engine.Event{Meeting: m, Participant: p, Session: was.Sid}, livekit.DisconnectReason_UNKNOWN_REASON)
		case is.Sid == was.Sid:
			e.compareTracks(m, was, is)
		}
	}
	for p, is := range now.people {
		if was, there := before.people[p]; !there || was.Sid != is.Sid {
			e.entered(engine.Event{Meeting: m, Participant: p, Session: is.Sid})
			e.compareTracks(m, nil, is)
		}
	}
	if now.sid == "" {
		e.gone(m)
		e.emit(engine.Event{Key: "ended:" + before.sid, Kind: engine.EventEnded, Meeting: m})
	}
}

func (e *Engine) compareTracks(m id.Meeting, was, is *livekit.ParticipantInfo) {
	ev := engine.Event{Meeting: m, Participant: id.Participant(is.Identity), Session: is.Sid}
	before := map[string]bool{}
	for _, t := range was.GetTracks() {
		before[t.Sid] = true
	}
	for _, t := range is.Tracks {
		if !before[t.Sid] {
			e.track(ev, engine.EventPublished, t)
		}
		delete(before, t.Sid)
	}
	for _, t := range was.GetTracks() {
		if before[t.Sid] {
			e.track(ev, engine.EventUnpublished, t)
		}
	}
}
