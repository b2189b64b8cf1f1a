// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

const (
	incoming     = ".incoming"
	uploadWindow = 15 * time.Minute // by which the clocks of a server and ours may differ, and a signature may be old
	mostUpload   = 64 << 30         // bytes of a tar
)

// UploadInput is one request of an upload. A tar may come in several, one after the other.
type UploadInput struct {
	Method    string // that was signed
	Path      string // that was signed
	Server    id.Server
	Recording ID
	Format    string
	Time      string // seconds since 1970, as sent
	Digest    string // SHA-256 of the whole tar, hexadecimal, as sent
	Signature string // hexadecimal, as sent

	Offset int64     // where Body begins in the tar
	Total  int64     // bytes of the tar; -1 when the end of Body is the end of it
	Body   io.Reader // nil only asks how far it is
}

// Uploaded is how far an upload is.
type Uploaded struct {
	Offset int64 // bytes that are here
	Done   bool  // the format is imported
}

// SignUpload returns the signature of a request: HMAC-SHA256 with the server's secret over method, path, time and digest, each followed by a line
// feed, in hexadecimal digits.
func SignUpload(secret, method, path, seconds, digest string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, method+"\n"+path+"\n"+seconds+"\n"+digest+"\n") // never fails
	return hex.EncodeToString(mac.Sum(nil))
}

// Upload takes a part of a tar, or tells how much of it is here. The same digest as that of the format here is done at once.
//
// Errors: Forbidden recording.signature; Conflict recording.offset with how far it is, recording.busy when another request writes it; Invalid
// recording.archive, recording.too_large, recording.digest, recording.broken: trying again with the same tar is useless. LimitReached
// recording.quarantine_full: nobody knows whose it is, and its server has as much of that kind here as it may.
func (s *Service) Upload(ctx context.Context, in UploadInput) (Uploaded, error) {
	if err := s.signed(ctx, in); err != nil {
		return Uploaded{}, err
	}
	if !idForm.MatchString(string(in.Recording)) || !formatForm.MatchString(in.Format) {
		return Uploaded{}, fault.New(fault.Invalid, "recording.archive")
	}
	var here bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		rec, ok, err := byID(ctx, r, in.Recording)
		if err != nil || !ok {
			return err
		}
		f, ok := rec.Format(in.Format)
		here = ok && rec.Server == in.Server && f.Upload == in.Digest
		return nil
	})
	if err != nil || here {
		return Uploaded{Done: here, Offset: max(in.Total, 0)}, err
	}
	name := filepath.Join(s.deps.Dir, incoming, string(in.Server)+"."+string(in.Recording)+"."+in.Format+"."+in.Digest[:16])
	if in.Body == nil {
		info, err := os.Stat(name)
		if err != nil {
			return Uploaded{}, nil // nothing is here yet
		}
		return Uploaded{Offset: info.Size()}, nil
	}
	if !s.begins(name) {
		return Uploaded{}, fault.New(fault.Conflict, "recording.busy")
	}
	defer s.ends(name)
	allowed, err := s.admitUpload(ctx, in)
	if err != nil {
		if fault.KindOf(err) == fault.LimitReached {
			_ = os.Remove(name) // what came before would lie here for nothing; the sweep tries again
		}
		return Uploaded{}, err
	}
	offset, complete, err := take(name, in, allowed)
	if err != nil || !complete {
		return Uploaded{Offset: offset}, err
	}
	if err := s.finish(ctx, name, in); err != nil {
		return Uploaded{Offset: offset}, err
	}
	return Uploaded{Offset: offset, Done: true}, nil
}

// signed checks who sends. A server that does not exist is as one whose secret is another.
func (s *Service) signed(ctx context.Context, in UploadInput) error {
	seconds, err := strconv.ParseInt(in.Time, 10, 64)
	if err != nil || len(in.Digest) != 2*sha256.Size {
		return errSignature
	}
	if raw, err := hex.DecodeString(in.Digest); err != nil || hex.EncodeToString(raw) != in.Digest {
		return errSignature
	}
	if off := s.deps.Now().Time().Unix() - seconds; off > int64(uploadWindow/time.Second) || off < -int64(uploadWindow/time.Second) {
		return errSignature
	}
	var row fleet.Server
	err = s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		row, err = fleet.ServerByID(ctx, r, in.Server)
		return err
	})
	if fault.KindOf(err) == fault.NotFound && err != nil || err == nil && row.Kind != fleet.KindBBB {
		return errSignature
	}
	if err != nil {
		return err
	}
	secret, err := s.deps.Fleet.Secret(row)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(SignUpload(secret, in.Method, in.Path, in.Time, in.Digest)), []byte(in.Signature)) {
		return errSignature
	}
	return nil
}

func (s *Service) begins(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uploading[name] {
		return false
	}
	s.uploading[name] = true
	return true
}

func (s *Service) ends(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploading, name)
}

// take appends a part to what is here; most is the longest tar when its length was not said. What came before a connection broke stays for the next request.
func take(name string, in UploadInput, most int64) (offset int64, complete bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return 0, false, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600) // #nosec G304: its parts were checked
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	if in.Offset == 0 && info.Size() > 0 {
		if err := f.Truncate(0); err != nil {
			return 0, false, err
		}
	} else if in.Offset != info.Size() {
		return info.Size(), false, fault.New(fault.Conflict, "recording.offset", fault.Params{"Offset": info.Size()})
	}
	if in.Total > mostUpload {
		return 0, false, fault.New(fault.Invalid, "recording.too_large")
	}
	if _, err := f.Seek(in.Offset, io.SeekStart); err != nil {
		return 0, false, err
	}
	if in.Total >= 0 {
		most = in.Total
	}
	n, err := io.Copy(f, io.LimitReader(in.Body, most-in.Offset+1))
	offset = in.Offset + n
	switch {
	case offset > most:
		return 0, false, errors.Join(fault.New(fault.Invalid, "recording.too_large"), f.Truncate(0))
	case err != nil:
		return offset, false, fault.Wrap(err, fault.Unavailable, "recording.broken_off")
	}
	return offset, in.Total < 0 || offset == in.Total, nil
}

// finish imports a complete tar. It goes away whatever the outcome, unless the failure was ours.
func (s *Service) finish(ctx context.Context, name string, in UploadInput) (err error) {
	defer func() {
		if !errors.As(err, new(internalError)) {
			_ = os.Remove(name) // the sweep tries again
		}
	}()
	f, err := os.Open(name) // #nosec G304: its parts were checked
	if err != nil {
		return internalError{err}
	}
	defer func() { _ = f.Close() }() // read only
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return internalError{err}
	}
	if hex.EncodeToString(sum.Sum(nil)) != in.Digest {
		return fault.New(fault.Invalid, "recording.digest")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return internalError{err}
	}
	report, err := s.Import(ctx, ImportInput{Tar: f, Server: in.Server, Only: Part{Recording: in.Recording, Format: in.Format}, Upload: in.Digest})
	switch {
	case err != nil && fault.As(err) != nil && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.LimitReached):
		return err
	case err != nil:
		return internalError{err}
	case len(report.Imported)+len(report.Known) != 1 || len(report.Broken) > 0:
		return fault.Wrap(fmt.Errorf("%d formats taken, %d broken", len(report.Imported)+len(report.Known), len(report.Broken)), fault.Invalid, "recording.broken")
	}
	return nil
}
