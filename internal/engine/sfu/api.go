// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// api speaks to one LiveKit's RoomService. Safe for concurrent use.
type api struct {
	base  *url.URL // http(s)
	creds Credentials
	rooms livekit.RoomService
}

func newAPI(base *url.URL, creds Credentials) *api {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment, // never used for loopback
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     30 * time.Second,
	}
	client := &http.Client{Transport: transport, Timeout: engine.CreateTimeout}
	return &api{base: base, creds: creds, rooms: livekit.NewRoomServiceProtobufClient(base.String(), client)}
}

// with adds the authorisation for calls about room.
func (a *api) with(ctx context.Context, room id.Meeting) (context.Context, error) {
	token, err := apiToken(a.creds, room)
	if err != nil {
		return nil, errors.New("sign a call to the engine") // without the cause
	}
	h := http.Header{"Authorization": {"Bearer " + token}}
	return twirp.WithHTTPRequestHeaders(ctx, h)
}

// call runs one call under its deadline and turns what goes wrong into a fault.
func (a *api) call(ctx context.Context, room id.Meeting, most time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ctx, err := a.with(ctx, room)
	if err != nil {
		return err
	}
	return fromTwirp(do(ctx))
}

// fromTwirp keeps of LiveKit's answer what an operator needs. Its text is never passed on
// as it is: v1.13.5 echoes the token it was given.
func fromTwirp(err error) error {
	if err == nil {
		return nil
	}
	cause := errors.New(redact(err.Error()))
	if tw, ok := errors.AsType[twirp.Error](err); ok {
		switch tw.Code() {
		case twirp.NotFound:
			return fault.Wrap(cause, fault.NotFound, "engine.not_there")
		case twirp.Unauthenticated, twirp.PermissionDenied:
			return fault.Wrap(cause, fault.Unavailable, "engine.refused")
		}
	}
	return fault.Wrap(cause, fault.Unavailable, "engine.down")
}

func isNotThere(err error) bool { return errors.Is(err, engine.ErrNotThere) }
