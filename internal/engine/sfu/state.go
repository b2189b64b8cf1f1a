// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

// endedFor is how long an ended meeting is remembered here. LiveKit's own tokens have long
// expired then, and the caller's row refuses for ever.
const endedFor = 24 * time.Hour

// ready returns the API, or why there is none now.
func (e *Engine) ready() (*api, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch e.state {
	case StateUp:
		return e.api, nil
	case StateBroken:
		return nil, engine.ErrBroken
	}
	return nil, engine.ErrDown
}

// up is called when LiveKit serves at port, for the first time or again.
func (e *Engine) up(port int) { e.upAt(newAPI(loopbackURL(port), e.creds)) }

func (e *Engine) upAt(a *api) {
	e.mu.Lock()
	again := e.downs > 0
	open := slices.Collect(maps.Values(e.meetings))
	e.mu.Unlock()

	// Before anybody can knock: whoever comes back must find the meeting.
	for _, in := range open {
		if _, err := e.make(e.life, a, in); err != nil {
			e.cfg.Log.Error("meeting not made again", "meeting", in.Meeting, "err", err)
		}
	}

	e.mu.Lock()
	if e.state == StateStopped {
		e.mu.Unlock()
		return
	}
	e.api, e.state = a, StateUp
	n := e.downs
	e.mu.Unlock()
	e.metrics.up.Set(1)
	if again {
		e.cfg.Log.Warn("engine is back", "meetings", len(open))
		e.emit(engine.Event{Kind: engine.EventBack, Key: fmt.Sprintf("back:%s:%d", e.creds.Key, n)})
	}
}

// down is called when LiveKit is gone; broken when it went too often.
func (e *Engine) down(broken bool) {
	e.mu.Lock()
	if e.state == StateStopped {
		e.mu.Unlock()
		return
	}
	was := e.state
	e.state = StateDown
	if broken {
		e.state = StateBroken
	}
	if was == StateUp {
		e.downs++
	}
	n := e.downs
	e.mu.Unlock()
	e.metrics.up.Set(0)
	if was != StateUp {
		return
	}
	e.emit(engine.Event{Kind: engine.EventDown, Key: fmt.Sprintf("down:%s:%d", e.creds.Key, n)})
	if p := e.attached(); p != nil {
		p.closeAll()
	}
}

// emit hands an event to the consumer.
func (e *Engine) emit(ev engine.Event) {
	ev.At = e.cfg.Now()
	e.metrics.events.WithLabelValues(string(ev.Kind)).Inc()
	e.events.put(ev)
}

// keep remembers a meeting for the time after a crash, unless it has ended.
func (e *Engine) keep(in engine.CreateInput) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ended := e.ended[in.Meeting]; ended {
		return false
	}
	e.meetings[in.Meeting] = in
	return true
}

// forget marks a meeting as ended for ever.
func (e *Engine) forget(m id.Meeting) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.meetings, m)
	for old, at := range e.ended {
		if now.Sub(at) > endedFor {
			delete(e.ended, old)
		}
	}
	e.ended[m] = now
}

// gone drops a meeting that LiveKit closed because nobody was in it: Create makes it again.
func (e *Engine) gone(m id.Meeting) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.meetings, m)
}

func (e *Engine) hasEnded(m id.Meeting) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ended := e.ended[m]
	return ended
}

// removedFor is longer than two looks at an external LiveKit.
const removedFor = 10 * time.Second

func (e *Engine) noteRemoved(m id.Meeting, p id.Participant) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for who, at := range e.removed {
		if now.Sub(at) > removedFor {
			delete(e.removed, who)
		}
	}
	e.removed[claim{m, p}] = now
}

func (e *Engine) removedLately(m id.Meeting, p id.Participant) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, known := e.removed[claim{m, p}]
	return known && time.Since(at) <= removedFor
}

func (e *Engine) attached() *Proxy {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.proxy
}

func (e *Engine) attach(p *Proxy) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.proxy = p
}

// judge puts out whoever is in a meeting of ours without being admitted: somebody who got
// past the proxy, which can happen with an external LiveKit whose address is known, or from
// this very machine. An authoriser that is out of order judges nobody.
func (e *Engine) judge(m id.Meeting, p id.Participant) {
	proxy := e.attached()
	if proxy == nil {
		return
	}
	e.spawn(func() {
		ctx, cancel := context.WithTimeout(e.life, engine.CallTimeout)
		defer cancel()
		_, err := proxy.cfg.Authorise(ctx, m, p)
		if err == nil || !denies(err) || e.hasEnded(m) {
			return // an ended meeting is deleted as a whole, and its people are told so
		}
		found, failed := e.putOut(ctx, m, p)
		switch {
		case failed != nil:
			e.cfg.Log.Error("stranger not put out", "meeting", m, "participant", p, "err", failed)
		case found: // not found: removed or ended in the ordinary way, while we asked
			e.cfg.Log.Warn("stranger put out", "meeting", m, "participant", p, "err", err)
		}
	})
}

// bury deletes a room that came up after its meeting had ended: a join that was on its way
// inside LiveKit when End came makes the room again there (RoomManager.StartSession).
func (e *Engine) bury(m id.Meeting) {
	if !e.hasEnded(m) {
		return
	}
	e.spawn(func() {
		a, err := e.ready()
		if err == nil {
			err = e.unmake(e.life, a, m)
		}
		if err != nil {
			e.cfg.Log.Error("ended meeting not deleted", "meeting", m, "err", err)
		}
	})
}

// spawn runs f until Stop has waited for it; after Stop it does nothing.
func (e *Engine) spawn(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != StateStopped {
		e.work.Go(f)
	}
}
