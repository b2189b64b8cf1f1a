// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/webhook"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

// maxWebhookBytes is far above the largest event (a participant with all its tracks).
const maxWebhookBytes = 1 << 20

// listenWebhooks opens the loopback address to which the child posts, until Stop.
func (e *Engine) listenWebhooks() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the engine's events: %w", err)
	}
	srv := &http.Server{
		Handler:           e.Webhooks(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	e.work.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.cfg.Log.Error("engine's events are not received", "err", err)
		}
	})
	e.work.Go(func() {
		<-e.life.Done()
		_ = srv.Close() // nothing to lose: List repairs
	})
	return "http://" + l.Addr().String() + "/", nil
}

// Webhooks receives LiveKit's events and checks their signature. The embedded engine has
// it on loopback by itself; for an external one it is mounted where that LiveKit posts to.
func (e *Engine) Webhooks() http.Handler {
	keys := auth.NewSimpleKeyProvider(e.creds.Key, e.creds.Secret)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, "not allowed", http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxWebhookBytes)
		ev, err := webhook.ReceiveWebhookEvent(r, keys)
		if err != nil {
			http.Error(w, "not accepted", http.StatusUnauthorized)
			return
		}
		e.heard(ev)
		w.WriteHeader(http.StatusNoContent)
	})
}

// heard turns one event of LiveKit into ours. Keys are made of LiveKit's ids, so that an
// event told twice, or told and found, has one key.
func (e *Engine) heard(ev *livekit.WebhookEvent) {
	m, err := id.ParseMeeting(ev.GetRoom().GetName())
	if err != nil {
		return // not a meeting of ours
	}
	switch ev.Event {
	case webhook.EventRoomStarted:
		e.emit(engine.Event{Key: "created:" + ev.Room.Sid, Kind: engine.EventCreated, Meeting: m})
		e.bury(m)
		return
	case webhook.EventRoomFinished:
		e.gone(m)
		e.emit(engine.Event{Key: "ended:" + ev.Room.Sid, Kind: engine.EventEnded, Meeting: m})
		return
	}
	p, err := id.ParseParticipant(ev.GetParticipant().GetIdentity())
	if err != nil {
		return
	}
	out := engine.Event{Meeting: m, Participant: p, Session: ev.Participant.Sid}
	switch ev.Event {
	case webhook.EventParticipantJoined:
		e.entered(out)
	case webhook.EventParticipantLeft, webhook.EventParticipantConnectionAborted:
		e.left(out, ev.Participant.DisconnectReason)
	case webhook.EventTrackPublished:
		e.track(out, engine.EventPublished, ev.Track)
	case webhook.EventTrackUnpublished:
		e.track(out, engine.EventUnpublished, ev.Track)
	}
}

func (e *Engine) entered(ev engine.Event) {
	ev.Kind, ev.Key = engine.EventEntered, "entered:"+ev.Session
	e.emit(ev)
	e.judge(ev.Meeting, ev.Participant)
}

func (e *Engine) left(ev engine.Event, why livekit.DisconnectReason) {
	ev.Kind, ev.Key = engine.EventLeft, "left:"+ev.Session
	switch why {
	case livekit.DisconnectReason_DUPLICATE_IDENTITY, livekit.DisconnectReason_MIGRATION:
		return // replaced by a newer session of the same person: nobody left
	case livekit.DisconnectReason_CLIENT_INITIATED:
		ev.Why = engine.LeftSelf
	case livekit.DisconnectReason_PARTICIPANT_REMOVED:
		ev.Why = engine.LeftRemoved
	case livekit.DisconnectReason_ROOM_DELETED, livekit.DisconnectReason_ROOM_CLOSED:
		ev.Why = engine.LeftEnded
	default:
		ev.Kind = engine.EventLost
	}
	e.emit(ev)
}

func (e *Engine) track(ev engine.Event, kind engine.EventKind, t *livekit.TrackInfo) {
	k, ok := mediaOf(t.GetSource())
	if !ok {
		return
	}
	ev.Kind, ev.Media, ev.Key = kind, k, string(kind)+":"+t.Sid
	e.emit(ev)
}
