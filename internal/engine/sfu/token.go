// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// maxTokenBytes bounds what is decoded of a stranger's token. Ours have some 600.
const maxTokenBytes = 8 << 10

var errToken = fault.New(fault.Unauthenticated, "engine.token")

// Mint returns the token with which one admitted person enters a meeting on the LiveKit
// that knows key and secret: this process's own or any other of the fleet. Invalid when
// in.Validate refuses. It asks nobody: the caller holds the seat.
//
// The life of a token is counted on the machine's clock, which is LiveKit's too, and not
// on the demo's.
func Mint(key, secret string, in engine.JoinInput) (string, error) {
	if err := in.Validate(); err != nil {
		return "", err
	}
	no := false
	video := &auth.VideoGrant{
		RoomJoin:             true,
		Room:                 string(in.Ref.Meeting),
		CanPublishData:       &no,
		CanUpdateOwnMetadata: &no,
	}
	video.SetCanSubscribe(true)
	// An empty list of sources would mean all of them.
	sources := permission(in.Grants).CanPublishSources
	video.SetCanPublish(len(sources) > 0)
	video.SetCanPublishSources(sources)
	return auth.NewAccessToken(key, secret).
		SetIdentity(string(in.Participant)).
		SetValidFor(cmp.Or(in.TTL, engine.MaxTTL)).
		SetVideoGrant(video).
		ToJWT()
}

// permission is what a person with these grants may do in LiveKit's words.
func permission(g engine.Grants) *livekit.ParticipantPermission {
	p := &livekit.ParticipantPermission{CanSubscribe: true}
	if g.Microphone {
		p.CanPublishSources = append(p.CanPublishSources, livekit.TrackSource_MICROPHONE)
	}
	if g.Camera {
		p.CanPublishSources = append(p.CanPublishSources, livekit.TrackSource_CAMERA)
	}
	if g.Screen {
		p.CanPublishSources = append(p.CanPublishSources, livekit.TrackSource_SCREEN_SHARE, livekit.TrackSource_SCREEN_SHARE_AUDIO)
	}
	p.CanPublish = len(p.CanPublishSources) > 0
	return p
}

func mediaOf(s livekit.TrackSource) (engine.Media, bool) {
	switch s {
	case livekit.TrackSource_MICROPHONE:
		return engine.MediaMicrophone, true
	case livekit.TrackSource_CAMERA:
		return engine.MediaCamera, true
	case livekit.TrackSource_SCREEN_SHARE, livekit.TrackSource_SCREEN_SHARE_AUDIO:
		return engine.MediaScreen, true
	}
	return "", false
}

// apiToken opens LiveKit's RoomService for one call.
func apiToken(c Credentials, room id.Meeting) (string, error) {
	return auth.NewAccessToken(c.Key, c.Secret).
		SetValidFor(time.Minute).
		SetVideoGrant(&auth.VideoGrant{RoomCreate: true, RoomList: true, RoomAdmin: true, Room: string(room)}).
		ToJWT()
}

// tokenOf finds the token where livekit-client 2.23 puts it (query parameter
// access_token; src/api/SignalClient.ts) or in the header that native clients use.
func tokenOf(r *http.Request) string {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return bearer
	}
	return r.URL.Query().Get("access_token")
}

// claim is what a token says before anybody has checked it.
type claim struct {
	meeting     id.Meeting
	participant id.Participant
}

// readClaim reads meeting and participant from a token whose signature is not yet checked:
// only they tell which server's secret to check it with.
func readClaim(token string) (claim, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxTokenBytes || len(parts) != 3 {
		return claim{}, errToken
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claim{}, errToken
	}
	var c struct {
		Sub   string `json:"sub"`
		Video struct {
			Room string `json:"room"`
		} `json:"video"`
	}
	if json.Unmarshal(body, &c) != nil {
		return claim{}, errToken
	}
	meeting, err := id.ParseMeeting(c.Video.Room)
	if err != nil {
		return claim{}, errToken
	}
	participant, err := id.ParseParticipant(c.Sub)
	if err != nil {
		return claim{}, errToken
	}
	return claim{meeting, participant}, nil
}

// verify checks that the token is signed for this server, is in force, says what was
// claimed and nothing more than a participant's token may say. Expiry has LiveKit's
// leeway (protocol/auth, one minute).
func verify(token string, c Credentials, want claim) error {
	v, err := auth.ParseAPIToken(token)
	if err != nil || v.APIKey() != c.Key {
		return errToken
	}
	claims, grants, err := v.Verify(c.Secret)
	if err != nil || claims.ExpiresAt == nil || grants.Video == nil {
		return errToken
	}
	video := grants.Video
	if grants.Identity != string(want.participant) || video.Room != string(want.meeting) || !video.RoomJoin {
		return errToken
	}
	more := video.RoomAdmin || video.RoomCreate || video.RoomList || video.RoomRecord || video.IngressAdmin ||
		video.Hidden || video.Recorder || video.Agent || video.GetCanPublishData() || video.GetCanUpdateOwnMetadata() ||
		grants.SIP != nil || grants.Agent != nil || grants.RoomConfig != nil || grants.RoomPreset != ""
	if more {
		return errToken
	}
	return nil
}
