// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"maps"
	"slices"
	"strings"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// Origin is the meeting that something on a server came from, for who keeps what outlives meetings.
type Origin struct {
	Meeting    id.Meeting
	Member     id.Member
	Connection id.Connection
	Server     id.Server // which had the copy
	ExternalID string
	Relayed    map[string]string // the client's own values of metadata that its server did not get
}

// ReadyURLs are the addresses the client wants told of its recordings, sorted; none mostly.
func (o Origin) ReadyURLs() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(o.Relayed)) {
		if u := o.Relayed[name]; strings.HasSuffix(name, "-recording-ready-url") && u != "" && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// OriginOf finds the meeting by an internal id that a server gave a copy of it; server "" is any. It joins r.
func OriginOf(ctx context.Context, r store.Reader, internal string, server id.Server) (Origin, bool, error) {
	found, err := internals(ctx, r, internal)
	if err != nil {
		return Origin{}, false, err
	}
	for _, f := range found {
		if server == "" || f.server == server {
			return originOf(ctx, r, f.meeting, f.server)
		}
	}
	return Origin{}, false, nil
}

// OriginByToken finds the meeting by the metadata mc-meeting that its server got with it. It joins r.
func OriginByToken(ctx context.Context, r store.Reader, key []byte, token string, server id.Server) (Origin, bool, error) {
	m, ok := OpenToken(key, tokenMeeting, token)
	if !ok {
		return Origin{}, false, nil
	}
	return originOf(ctx, r, m, server)
}

func originOf(ctx context.Context, r store.Reader, m id.Meeting, server id.Server) (Origin, bool, error) {
	c, ok, err := byID(ctx, r, m)
	if err != nil || !ok {
		return Origin{}, false, err
	}
	return Origin{Meeting: c.ID, Member: c.Member, Connection: c.Connection, Server: server, ExternalID: c.ExternalID, Relayed: relayed(c.Query)}, true, nil
}

// HadCopies returns the servers that had a copy of a meeting. It joins r.
func HadCopies(ctx context.Context, r store.Reader, m id.Meeting) ([]id.Server, error) {
	return copies(ctx, r, m)
}

// The purposes of tokens that others open.
const (
	TokenRecording = "recording" // in the address where a server tells of a recording
	tokenMeeting   = "meeting"   // in the metadata of a meeting, which its recordings carry
)

// OpenToken returns the meeting a token is for; ok is false for any other text.
func OpenToken(key []byte, purpose, token string) (id.Meeting, bool) {
	return (&Service{ids: ids{key}}).opened(purpose, token)
}

// Server returns the client of a server. Unavailable (fleet.server_silent) when it is gone.
func (s *Service) Server(ctx context.Context, v id.Server) (*bbb.Client, error) {
	srv, err := s.servers.get(ctx, v)
	if err != nil {
		return nil, err
	}
	return srv.Client, nil
}

// Servers returns the clients of all BigBlueButton servers.
func (s *Service) Servers(ctx context.Context) (map[id.Server]*bbb.Client, error) {
	all, err := s.servers.all(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[id.Server]*bbb.Client, len(all))
	for k, v := range all {
		if !v.embedded() { // it records nothing
			out[k] = v.Client
		}
	}
	return out, nil
}

// IsOurMeta reports whether a server's metadata are ours, or stand for the client's: they never reach a client.
func IsOurMeta(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "mc-") || isRelayed(name)
}

// MetaMeeting names the metadata that hold a meeting's token.
const MetaMeeting = "mc-meeting"

// RecordingOff is why a meeting may not be recorded.
type RecordingOff string

// The reasons; none is that it may be.
const (
	RecordingOn  RecordingOff = ""
	OffByLevel   RecordingOff = "level"   // the service level has no recording
	OffByStorage RecordingOff = "storage" // what the member keeps is as much as its level has room for
)

// recordingOff asks whether a new meeting may be recorded, and what its moderators are told when not: in the member's language.
func (s *Service) recordingOff(ctx context.Context, c *Conference) (off RecordingOff, note string, err error) {
	if s.deps.MayRecord == nil {
		return RecordingOn, "", nil
	}
	now := s.deps.Now()
	var m membership.Member
	err = s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if off, err = s.deps.MayRecord(ctx, r, c.Member, now); err != nil || off == RecordingOn {
			return err
		}
		m, err = membership.Get(ctx, r, c.Member)
		return err
	})
	if err != nil || off == RecordingOn {
		return off, "", err
	}
	return off, s.deps.Catalog.Printer(m.Locale, m.Location()).T("recording.off." + string(off)), nil
}

// recordingParams are what a server gets of ours for the recordings of a meeting: our address in place of the client's, and whose it
// is. off is why it may not be recorded: then nothing records, and where the client wanted it, note is added to what moderators read.
func (s *Service) recordingParams(c *Conference, q bbb.Query, off RecordingOff, note string) bbb.Query {
	q = q.With("meta_"+MetaMeeting, s.token(tokenMeeting, c.ID)).With("meta_bbb-recording-ready-url", s.deps.PublicURL+"/bbb/-/recording/"+s.token(TokenRecording, c.ID))
	if off == RecordingOn {
		return q
	}
	if wantsRecording(q) {
		message := note
		if of := strings.TrimSpace(q.Get("moderatorOnlyMessage")); of != "" {
			message = of + "<br><br>" + note // BigBlueButton shows it as HTML
		}
		q = q.With("moderatorOnlyMessage", message)
	}
	return q.With("record", "false").With("autoStartRecording", "false").With("allowStartStopRecording", "false")
}

// wantsRecording reports whether a client asked for a recording: only then its absence is news.
func wantsRecording(q bbb.Query) bool {
	return strings.EqualFold(q.Get("record"), "true") || strings.EqualFold(q.Get("autoStartRecording"), "true")
}
