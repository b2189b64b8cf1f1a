// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/livekit/mediatransportutil/pkg/rtcconfig"
)

// Built reports whether this program contains the LiveKit server.
const Built = true

// serveChild runs LiveKit until stop is closed (drain, then end) or ctx is done (end now).
func serveChild(ctx context.Context, stop <-chan struct{}, cfg childConfig, ready func() error) error {
	debug.SetMemoryLimit(cfg.MemoryMax)
	conf, err := livekitConfig(cfg)
	if err != nil {
		return err
	}
	config.InitLoggerFromConfig(&conf.Logging)

	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return fmt.Errorf("name the engine's node: %w", err)
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return fmt.Errorf("prepare the engine's metrics: %w", err)
	}
	server, err := service.InitializeServer(conf, node)
	if err != nil {
		return fmt.Errorf("prepare the engine: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Start() }()

	if err := running(ctx, server, ended); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return fmt.Errorf("tell the parent: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return fmt.Errorf("the engine ended by itself: %w", err)
	case <-stop:
	}
	drain(ctx, server.RoomManager().HasParticipants, cfg.DrainAfter)
	// Stop(false) would wait for the last participant, for ever.
	go server.Stop(true)
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		if err != nil {
			return err
		}
	}
	// LiveKit has queued its word of farewell to each page, but other goroutines write it.
	select {
	case <-ctx.Done():
	case <-time.After(lastWords):
	}
	return nil
}

const lastWords = 250 * time.Millisecond

// running waits until the server calls itself running. It answers 100 ms earlier, but so
// would another program that has its port; and Stop does nothing before.
func running(ctx context.Context, server *service.LivekitServer, ended <-chan error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !server.IsRunning() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return fmt.Errorf("start the engine: %w", err)
		case <-tick.C:
		}
	}
	return nil
}

// drain waits until busy says no, at most that long.
func drain(ctx context.Context, busy func() bool, most time.Duration) {
	deadline := time.After(most)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for busy() {
		select {
		case <-ctx.Done():
			return
		case <-deadline:
			return
		case <-tick.C:
		}
	}
}

// livekitConfig sets everything that LiveKit would otherwise open, guess or fetch.
func livekitConfig(cfg childConfig) (*config.Config, error) {
	media, err := netip.ParseAddr(cfg.MediaAddr)
	if err != nil {
		return nil, fmt.Errorf("media address: %w", err)
	}
	// An address for NewConfig, which would look for one by itself, and fail on a machine
	// that has only loopback.
	told := cfg.MediaIP
	if told == "" && !media.IsUnspecified() {
		told = media.String()
	}
	yaml := fmt.Sprintf("port: %d\nbind_addresses: [\"127.0.0.1\"]\nrtc:\n  udp_port: %d\n", cfg.HTTPPort, cfg.UDPPort)
	if told != "" {
		yaml += fmt.Sprintf("  node_ip: %q\n", told)
	}
	conf, err := config.NewConfig(yaml, true, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("read the engine's configuration: %w", err)
	}

	conf.Keys = map[string]string{cfg.Key: cfg.Secret}
	conf.RTC.TCPPort = uint32(cfg.TCPPort) // the default is 7881 on all addresses, whatever bind_addresses says
	conf.RTC.EnableLoopbackCandidate = media.IsLoopback() || media.IsUnspecified()
	if !media.IsUnspecified() {
		conf.RTC.IPs = rtcconfig.IPsConfig{Includes: []string{netip.PrefixFrom(media, media.BitLen()).String()}}
	}
	// Without an address to tell, LiveKit would ask public STUN servers for one. A lite
	// agent tells all addresses of the machine and asks nobody.
	conf.RTC.UseICELite = told == ""
	conf.RTC.UseExternalIP = false
	conf.TURN.Enabled = false // there is no setting for it: the pinned version's relay has neither quota nor address checks

	conf.Room.AutoCreate = false // a room that nobody decided on does not exist
	conf.Room.EnableRemoteUnmute = false
	conf.Room.EnabledCodecs = nil
	for _, mime := range []string{"audio/opus", "audio/red", "video/vp8", "video/h264", "video/rtx"} {
		conf.Room.EnabledCodecs = append(conf.Room.EnabledCodecs, config.CodecSpec{Mime: mime})
	}
	conf.Room.EmptyTimeout = uint32(emptyTimeout / time.Second)
	conf.Room.DepartureTimeout = uint32(departureTimeout / time.Second)
	conf.EnableDataTracks = false
	conf.Limit.MaxMetadataSize = 1 // nobody may set any
	conf.Limit.MaxAttributesSize = 1
	conf.WebHook.APIKey = cfg.Key
	conf.WebHook.URLs = []string{cfg.Webhook}
	conf.Logging.JSON = true
	conf.Logging.Level = "warn"
	if cfg.Debug {
		conf.Logging.Level = "debug"
	}
	return conf, nil
}
