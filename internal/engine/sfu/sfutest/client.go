// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sfutest holds a small page without a browser: a client that speaks LiveKit's
// signalling over the proxy and moves media with pion. For tests only.
package sfutest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"google.golang.org/protobuf/proto"

	"meetcoop/internal/engine"
)

// Client is one person's page. Safe for concurrent use.
type Client struct {
	session   string
	join      *livekit.JoinResponse
	socket    *websocket.Conn
	subscribe *webrtc.PeerConnection // what others send
	publish   *webrtc.PeerConnection // what this person sends
	connected chan struct{}
	gone      chan struct{}
	life      context.Context
	end       context.CancelFunc

	offering sync.Mutex    // one negotiation of publish at a time
	answered chan struct{} // its end
	writing  sync.Mutex
	mu       sync.Mutex
	granted  map[string]chan struct{} // by track cid: published, in LiveKit's eyes
	changed  chan struct{}            // closed and replaced at each change of the fields below
	may      *livekit.ParticipantPermission
	token    string // the last that LiveKit handed out
	why      livekit.DisconnectReason
	pending  []webrtc.ICECandidateInit // for subscribe, before its description
	pendingP []webrtc.ICECandidateInit
	received map[webrtc.RTPCodecType]*atomic.Int64
}

// Dial opens the socket only, without media: what a request to the proxy gets. The answer's
// status is 101 when it opened.
func Dial(ctx context.Context, e engine.Entry, origin string, extra http.Header) (*websocket.Conn, *http.Response, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, nil, err
	}
	u = u.JoinPath("rtc")
	u.RawQuery = url.Values{
		"access_token": {e.Token}, "auto_subscribe": {"1"}, "protocol": {"16"}, "sdk": {"go"}, "version": {"2.23.0"},
	}.Encode()
	h := http.Header{}
	if origin != "" {
		h.Set("Origin", origin)
	}
	maps.Copy(h, extra)
	return websocket.DefaultDialer.DialContext(ctx, u.String(), h)
}

// Enter comes in as a page of origin does and returns when media is connected.
func Enter(ctx context.Context, e engine.Entry, origin string) (*Client, error) {
	socket, resp, err := Dial(ctx, e, origin, nil)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("open the socket: status %d: %w", resp.StatusCode, err)
		}
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	c := &Client{
		socket: socket, connected: make(chan struct{}), gone: make(chan struct{}), changed: make(chan struct{}), answered: make(chan struct{}, 1),
		granted: map[string]chan struct{}{},
		received: map[webrtc.RTPCodecType]*atomic.Int64{
			webrtc.RTPCodecTypeAudio: {}, webrtc.RTPCodecTypeVideo: {},
		},
	}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.begin(); err != nil {
		c.close()
		return nil, err
	}
	go c.listen()
	select {
	case <-c.connected:
		return c, nil
	case <-c.gone:
		return nil, fmt.Errorf("put out while connecting: %v", c.Why())
	case <-ctx.Done():
		c.close()
		return nil, ctx.Err()
	}
}

func (c *Client) begin() error {
	first, err := c.read()
	if err != nil {
		return err
	}
	if c.join = first.GetJoin(); c.join == nil {
		return fmt.Errorf("the first message is %T", first.Message)
	}
	c.session, c.may = c.join.Participant.Sid, c.join.Participant.Permission
	if c.subscribe, err = c.connection(livekit.SignalTarget_SUBSCRIBER); err != nil {
		return err
	}
	if c.publish, err = c.connection(livekit.SignalTarget_PUBLISHER); err != nil {
		return err
	}
	var once sync.Once
	c.subscribe.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(c.connected) })
		}
	})
	c.subscribe.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := t.ReadRTP(); err != nil {
				return
			}
			c.received[t.Kind()].Add(1)
		}
	})
	return nil
}

func (c *Client) connection(target livekit.SignalTarget) (*webrtc.PeerConnection, error) {
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	var codecs webrtc.MediaEngine
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&codecs)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	pc.OnICECandidate(func(found *webrtc.ICECandidate) {
		if found == nil {
			return
		}
		b, err := json.Marshal(found.ToJSON())
		if err == nil {
			_ = c.write(&livekit.SignalRequest{Message: &livekit.SignalRequest_Trickle{
				Trickle: &livekit.TrickleRequest{CandidateInit: string(b), Target: target},
			}})
		}
	})
	return pc, nil
}

func (c *Client) read() (*livekit.SignalResponse, error) {
	_, frame, err := c.socket.ReadMessage()
	if err != nil {
		return nil, err
	}
	var msg livekit.SignalResponse
	return &msg, proto.Unmarshal(frame, &msg)
}

func (c *Client) write(msg *livekit.SignalRequest) error {
	frame, err := proto.Marshal(msg)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.socket.WriteMessage(websocket.BinaryMessage, frame)
}

// listen follows what LiveKit says until the socket ends.
func (c *Client) listen() {
	defer c.close()
	for {
		msg, err := c.read()
		if err != nil {
			return
		}
		if err := c.follow(msg); err != nil {
			return
		}
	}
}

func (c *Client) follow(msg *livekit.SignalResponse) error {
	switch m := msg.Message.(type) {
	case *livekit.SignalResponse_Offer:
		return c.answer(m.Offer.Sdp)
	case *livekit.SignalResponse_Answer:
		err := c.publish.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.Answer.Sdp})
		c.flush(c.publish, &c.pendingP)
		c.answered <- struct{}{}
		return err
	case *livekit.SignalResponse_Trickle:
		var found webrtc.ICECandidateInit
		if err := json.Unmarshal([]byte(m.Trickle.CandidateInit), &found); err != nil {
			return err
		}
		pc, pending := c.subscribe, &c.pending
		if m.Trickle.Target == livekit.SignalTarget_PUBLISHER {
			pc, pending = c.publish, &c.pendingP
		}
		if pc.RemoteDescription() == nil {
			*pending = append(*pending, found)
			return nil
		}
		return pc.AddICECandidate(found)
	case *livekit.SignalResponse_TrackPublished:
		c.mu.Lock()
		if ready := c.granted[m.TrackPublished.Cid]; ready != nil {
			close(ready)
			delete(c.granted, m.TrackPublished.Cid)
		}
		c.mu.Unlock()
	case *livekit.SignalResponse_RefreshToken:
		c.change(func() { c.token = m.RefreshToken })
	case *livekit.SignalResponse_Update:
		for _, p := range m.Update.Participants {
			if p.Sid == c.session && p.Permission != nil {
				c.change(func() { c.may = p.Permission })
			}
		}
	case *livekit.SignalResponse_Leave:
		c.change(func() { c.why = m.Leave.Reason })
		return errors.New("told to leave")
	}
	return nil
}

func (c *Client) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) flush(pc *webrtc.PeerConnection, pending *[]webrtc.ICECandidateInit) {
	for _, found := range *pending {
		_ = pc.AddICECandidate(found)
	}
	*pending = nil
}

func (c *Client) answer(offer string) error {
	if err := c.subscribe.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	c.flush(c.subscribe, &c.pending)
	answer, err := c.subscribe.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := c.subscribe.SetLocalDescription(answer); err != nil {
		return err
	}
	return c.write(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{
		Answer: &livekit.SessionDescription{Type: "answer", Sdp: answer.SDP},
	}})
}

// Session is LiveKit's name of this connection.
func (c *Client) Session() string { return c.session }

// Joined is what LiveKit said first, as it came through the proxy.
func (c *Client) Joined() *livekit.JoinResponse { return c.join }

// Gone is closed when the socket has ended, by whomever.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Why is LiveKit's reason for putting this person out; 0 when it gave none.
func (c *Client) Why() livekit.DisconnectReason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// Received counts the packets of others that have come in.
func (c *Client) Received(k webrtc.RTPCodecType) int64 { return c.received[k].Load() }

// Refreshed waits for the token that LiveKit hands out by itself.
func (c *Client) Refreshed(ctx context.Context) (string, error) {
	for {
		c.mu.Lock()
		token, changed := c.token, c.changed
		c.mu.Unlock()
		if token != "" {
			return token, nil
		}
		select {
		case <-changed:
		case <-c.gone:
			return "", errors.New("the socket ended")
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// Send writes any frame to the socket, as a hostile page could.
func (c *Client) Send(kind int, frame []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.socket.WriteMessage(kind, frame)
}

var errForbidden = errors.New("not allowed to publish this")

// Publish sends a medium until the client ends, and returns when LiveKit has taken it.
func (c *Client) Publish(ctx context.Context, k engine.Media) error {
	source, kind, codec := livekit.TrackSource_CAMERA, livekit.TrackType_VIDEO, webrtc.MimeTypeVP8
	switch k {
	case engine.MediaMicrophone:
		source, kind, codec = livekit.TrackSource_MICROPHONE, livekit.TrackType_AUDIO, webrtc.MimeTypeOpus
	case engine.MediaScreen:
		source = livekit.TrackSource_SCREEN_SHARE
	}
	// A page asks its permissions first; LiveKit answers a forbidden request with silence.
	if !c.mayPublish(source) {
		return errForbidden
	}
	cid := fmt.Sprintf("%s-%d", k, time.Now().UnixNano())
	ready := make(chan struct{})
	c.mu.Lock()
	c.granted[cid] = ready
	c.mu.Unlock()
	if err := c.write(&livekit.SignalRequest{Message: &livekit.SignalRequest_AddTrack{AddTrack: &livekit.AddTrackRequest{
		Cid: cid, Name: string(k), Type: kind, Source: source, Width: 320, Height: 180,
	}}}); err != nil {
		return err
	}
	select {
	case <-ready:
	case <-c.gone:
		return errors.New("the socket ended")
	case <-ctx.Done():
		return ctx.Err()
	}
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: codec}, cid, "stream")
	if err != nil {
		return err
	}
	if err := c.negotiate(ctx, track); err != nil {
		return err
	}
	go c.play(track, kind)
	return nil
}

// negotiate adds a track to what is published and waits for LiveKit's answer.
func (c *Client) negotiate(ctx context.Context, track webrtc.TrackLocal) error {
	c.offering.Lock()
	defer c.offering.Unlock()
	if _, err := c.publish.AddTrack(track); err != nil {
		return err
	}
	offer, err := c.publish.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := c.publish.SetLocalDescription(offer); err != nil {
		return err
	}
	if err := c.write(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{
		Offer: &livekit.SessionDescription{Type: "offer", Sdp: offer.SDP},
	}}); err != nil {
		return err
	}
	select {
	case <-c.answered:
		return nil
	case <-c.gone:
		return errors.New("the socket ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) mayPublish(source livekit.TrackSource) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.may.GetCanPublishSources(), source) {
		return c.may.CanPublish
	}
	return false
}

// opusSilence is one Opus frame of silence; vp8Key begins a VP8 key frame of 320x180 (RFC
// 6386, section 9.1), which is all that a server that does not decode looks at.
var (
	opusSilence = []byte{0xf8, 0xff, 0xfe}
	vp8Key      = append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, make([]byte, 200)...)
)

func (c *Client) play(track *webrtc.TrackLocalStaticSample, kind livekit.TrackType) {
	const every = 20 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	sample := opusSilence
	if kind == livekit.TrackType_VIDEO {
		sample = vp8Key
	}
	for {
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
			_ = track.WriteSample(media.Sample{Data: sample, Duration: every})
		}
	}
}

// Leave says goodbye and closes.
func (c *Client) Leave() {
	_ = c.write(&livekit.SignalRequest{Message: &livekit.SignalRequest_Leave{
		Leave: &livekit.LeaveRequest{Reason: livekit.DisconnectReason_CLIENT_INITIATED},
	}})
	c.close()
}

// Lose closes everything without a word.
func (c *Client) Lose() { c.close() }

func (c *Client) close() {
	c.end()
	_ = c.socket.Close()
	c.mu.Lock()
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
	c.mu.Unlock()
	for _, pc := range []*webrtc.PeerConnection{c.subscribe, c.publish} {
		if pc != nil {
			_ = pc.Close()
		}
	}
}
