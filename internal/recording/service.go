// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Now     instant.Clock
	Log     *slog.Logger
	Members *membership.Service
	Fleet   *fleet.Service
	IDs     []byte // as conference.Deps.IDs
	Links   []byte // the instance's key for links and cookies of protected recordings; 32 bytes, the same on every node
	Dir     string // of files; made when missing
	BaseURL string // where recordings are watched, without a slash at the end: --recordings-url, else --public-url

	Catalog   *locale.Catalog // letters are written in it
	PublicURL string          // of the pages that letters lead to, without a slash at the end

	// What one server may have in quarantine; 0 are DefaultQuarantineRecordings and DefaultQuarantineBytes.
	QuarantineRecordings int
	QuarantineBytes      int64

	// Entitled is tariff.Entitled or a cache of it; nil is the former.
	Entitled func(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (tariff.Entitlement, error)

	// On the command line both are nil: servers are told by the jobs of a node that serves.
	Conferences *conference.Service
	Outbound    *http.Client // to addresses that clients name; web.Outbound

	Registry  prometheus.Registerer // nil: counted and shown nowhere
	PollEvery time.Duration         // how often servers are asked for their recordings; default 3 min

	MetricsCompat bool          // how many there are under the names of bigbluebutton-exporter too (--metrics-compat)
	CountEvery    time.Duration // how often they are counted for that; default 5 min: they are many, and change slowly
}

// Service knows the recordings. It is safe for concurrent use.
type Service struct {
	deps    Deps
	metrics *metrics
	compat  *compat // nil unless asked for

	mu        sync.Mutex
	uploading map[string]bool
}

// New returns a Service.
func New(deps Deps) (*Service, error) {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Members == nil || deps.Fleet == nil || len(deps.IDs) != 32 || len(deps.Links) != 32 || deps.Dir == "" || deps.BaseURL == "" || deps.Catalog == nil || deps.PublicURL == "" {
		return nil, errors.New("recording: DB, Now, Log, Members, Fleet, IDs, Links, Dir, BaseURL, Catalog and PublicURL are needed")
	}
	if deps.QuarantineRecordings == 0 {
		deps.QuarantineRecordings = DefaultQuarantineRecordings
	}
	if deps.QuarantineBytes == 0 {
		deps.QuarantineBytes = DefaultQuarantineBytes
	}
	if deps.Entitled == nil {
		deps.Entitled = tariff.Entitled
	}
	if deps.PollEvery == 0 {
		deps.PollEvery = 3 * time.Minute
	}
	if deps.CountEvery == 0 {
		deps.CountEvery = 5 * time.Minute
	}
	deps.BaseURL, deps.PublicURL = strings.TrimRight(deps.BaseURL, "/"), strings.TrimRight(deps.PublicURL, "/")
	s := &Service{deps: deps, metrics: newMetrics(deps.Registry), uploading: map[string]bool{}}
	if deps.MetricsCompat && deps.Registry != nil {
		s.compat = newCompat(deps.DB, deps.Now, 2*deps.CountEvery)
		deps.Registry.MustRegister(s.compat)
	}
	return s, nil
}

// Register names the jobs and duties of this package.
func (s *Service) Register(r *jobs.Runner) {
	r.Handle(kindDiscover, discoverPolicy, s.discoverJob)
	r.Handle(kindForward, forwardPolicy, s.forwardJob)
	r.Handle(kindCallReady, callReadyPolicy, s.callReady)
	r.Every("recording.discover", s.deps.PollEvery, s.DiscoverAll)
	r.Every("recording.keep", time.Hour, s.Keep)
	if s.compat != nil {
		r.Every("recording.count", s.deps.CountEvery, s.compat.count)
	}
}

// MayRecord tells why a member may not record now: its level has no recording, or what it keeps is as much as the level's storage. It
// joins r.
func MayRecord(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (conference.RecordingOff, error) {
	e, err := tariff.Entitled(ctx, r, member, now)
	if err != nil || !e.Limits.Recording {
		return conference.OffByLevel, err
	}
	if e.Limits.StorageBytes == tariff.Unlimited {
		return conference.RecordingOn, nil
	}
	used, err := storedBytes(ctx, r, member)
	if err == nil && used < int64(e.Limits.StorageBytes) {
		return conference.RecordingOn, nil
	}
	return conference.OffByStorage, err
}

// StoredBytes returns what a member's recordings take here, the trash included. It joins r.
func StoredBytes(ctx context.Context, r store.Reader, member id.Member) (int64, error) {
	return storedBytes(ctx, r, member)
}

// Get returns a recording for operators. NotFound (recording.unknown). It joins r.
func Get(ctx context.Context, r store.Reader, rec ID) (Recording, error) {
	v, ok, err := byID(ctx, r, rec)
	if err == nil && !ok {
		err = errUnknown
	}
	return v, err
}

var errUnknown = fault.New(fault.NotFound, "recording.unknown")

// OfMember returns the recordings of a member, oldest first. It joins r.
func OfMember(ctx context.Context, r store.Reader, member id.Member) ([]Recording, error) {
	all, err := ofMember(ctx, r, member)
	if err != nil {
		return nil, err
	}
	return all, withFormats(ctx, r, all)
}

// All returns up to limit recordings of everybody and nobody whose ids come after one, in order of their ids. It joins r.
func All(ctx context.Context, r store.Reader, after ID, limit int) ([]Recording, error) {
	all, err := everything(ctx, r, after, limit)
	if err != nil {
		return nil, err
	}
	return all, withFormats(ctx, r, all)
}

func isNotEmpty(err error) bool { return errors.Is(err, syscall.ENOTEMPTY) }

// sweep removes what broken-off imports and uploads left behind.
func (s *Service) sweep(ctx context.Context) {
	entries, err := os.ReadDir(s.deps.Dir)
	if err != nil {
		return // nothing was stored yet
	}
	old := s.deps.Now().Time().Add(-sweptAfter)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), tempPrefix) && info.ModTime().Before(old) {
			s.removeDir(ctx, e.Name())
		}
	}
	parts, err := filepath.Glob(filepath.Join(globless(s.deps.Dir), incoming, "*"))
	if err != nil {
		return
	}
	for _, p := range parts {
		if info, err := os.Stat(p); err == nil && info.ModTime().Before(old) {
			_ = os.Remove(p) // the next sweep tries again
		}
	}
}

const sweptAfter = 48 * time.Hour
