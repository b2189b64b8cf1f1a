// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// ImportInput is what to import: Tar, or the file or directory Path.
type ImportInput struct {
	Tar        io.Reader
	Path       string
	Server     id.Server     // that vouches for it: only recordings it made are taken; none is the operator, who is believed
	Connection id.Connection // whose it is when nothing else tells; none is quarantine
	Only       Part          // the only one that may come; none is any
	Upload     string        // SHA-256 of Tar
}

// Part names one format of one recording.
type Part struct {
	Recording ID     `json:"recording"`
	Format    string `json:"format"`
	Problem   string `json:"problem,omitempty"` // of a broken one, for operators
}

// Report is the outcome of an import.
type Report struct {
	Imported []Part `json:"imported"` // never nil, as the others
	Known    []Part `json:"known"`    // were here, byte for byte
	Broken   []Part `json:"broken"`
}

const tempPrefix = ".import-"

// Import takes recordings in as they lie on a BigBlueButton machine below /var/bigbluebutton/published: <format>/<record id>/metadata.xml and
// files. Each format stands for itself: a broken one is reported and does not stop the others; one that is here already changes
// nothing. Invalid recording.archive, recording.too_large refuse everything; NotFound recording.path.
func (s *Service) Import(ctx context.Context, in ImportInput) (Report, error) {
	out := Report{Imported: []Part{}, Known: []Part{}, Broken: []Part{}}
	if in.Tar == nil {
		info, err := os.Stat(in.Path)
		if err != nil {
			return out, fault.Wrap(err, fault.NotFound, "recording.path")
		}
		if info.IsDir() {
			err := s.importDir(ctx, in, &out)
			return out, err
		}
		f, err := os.Open(in.Path)
		if err != nil {
			return out, fault.Wrap(err, fault.NotFound, "recording.path")
		}
		defer func() { _ = f.Close() }() // read only
		in.Tar = f
	}
	n, err := newIntake(s.deps.Dir)
	if err != nil {
		return out, err
	}
	defer n.close()
	if err := n.readTar(ctx, in.Tar); err != nil {
		return out, err
	}
	for _, p := range n.parts {
		if err := s.importPart(ctx, in, n, p, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// importDir imports what lies below a directory: /var/bigbluebutton itself, published, unpublished, or a copy of one.
func (s *Service) importDir(ctx context.Context, in ImportInput, out *Report) error {
	bases := []string{in.Path}
	for _, name := range []string{"published", "unpublished"} {
		if info, err := os.Lstat(filepath.Join(in.Path, name)); err == nil && info.IsDir() {
			bases = append(bases, filepath.Join(in.Path, name))
		}
	}
	for _, base := range bases {
		found, err := filepath.Glob(filepath.Join(globless(base), "*", "*", "metadata.xml"))
		if err != nil {
			return err
		}
		slices.Sort(found)
		for _, file := range found {
			dir := filepath.Dir(file)
			p := part{filepath.Base(filepath.Dir(dir)), ID(filepath.Base(dir))}
			if !formatForm.MatchString(p.format) || !idForm.MatchString(string(p.id)) {
				continue
			}
			if err := s.importOne(ctx, in, p, dir, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// globless keeps what Glob would take for a pattern as it is.
func globless(dir string) string {
	var b []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			b = append(b, '\\')
		}
		b = append(b, r)
	}
	return string(b)
}

func (s *Service) importOne(ctx context.Context, in ImportInput, p part, dir string, out *Report) error {
	n, err := newIntake(s.deps.Dir)
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.readDir(ctx, p, dir); err != nil {
		if fault.As(err) == nil || ctx.Err() != nil {
			return err
		}
		n.breaks(p, err)
	}
	return s.importPart(ctx, in, n, p, out)
}

// importPart takes one part over from a temporary directory.
func (s *Service) importPart(ctx context.Context, in ImportInput, n *intake, p part, out *Report) error {
	told := Part{Recording: p.id, Format: p.format}
	known, err := s.adopt(ctx, in, n, p)
	switch {
	case err == nil && known:
		out.Known = append(out.Known, told)
		s.metrics.imports.WithLabelValues("known").Inc()
	case err == nil:
		out.Imported = append(out.Imported, told)
		s.metrics.imports.WithLabelValues("imported").Inc()
	case ctx.Err() != nil || errors.As(err, new(internalError)) || errors.Is(err, errQuarantineFull):
		return err
	default:
		told.Problem = err.Error()
		out.Broken = append(out.Broken, told)
		s.metrics.imports.WithLabelValues("broken").Inc()
		s.deps.Log.WarnContext(ctx, "recording not imported", "recording", p.id, "format", p.format, "err", err)
	}
	return nil
}

// internalError is a failure of ours, not of what was to be imported: it stops the import, and another try may help.
type internalError struct{ error }

func (e internalError) Unwrap() error { return e.error }

func (s *Service) adopt(ctx context.Context, in ImportInput, n *intake, p part) (known bool, err error) {
	if err := n.broken[p]; err != nil {
		return false, err
	}
	if in.Only.Recording != "" && (in.Only.Recording != p.id || in.Only.Format != p.format) {
		return false, errors.New("another recording or format than announced")
	}
	f, err := n.root.Open(filepath.FromSlash(p.dir() + "/metadata.xml"))
	if err != nil {
		return false, errors.New("no metadata.xml")
	}
	d, err := parseDescription(f)
	_ = f.Close() // read only
	if err != nil {
		return false, err
	}
	if d.recording.ID != p.id || d.format.Type != p.format {
		return false, errors.New("metadata.xml describes another recording or format")
	}
	digest, size, err := n.sum(p)
	if err != nil {
		return false, internalError{err}
	}
	d.format.Digest, d.format.Bytes, d.format.Upload = digest, size, in.Upload
	d.format.Dir = string(p.id) + "/" + p.format + "-" + digest[:16]
	if known, err = s.isKnown(ctx, p, digest, in.Upload); err != nil || known {
		return known, err
	}
	if err := n.syncDirs(p); err != nil {
		return false, internalError{err}
	}
	if err := s.move(filepath.Join(n.path, filepath.FromSlash(p.dir())), d.format.Dir); err != nil {
		return false, internalError{err}
	}
	old, err := s.enter(ctx, in, d)
	if err != nil {
		s.takeAway(ctx, d.format.Dir, err)
		return false, err
	}
	if old != "" && old != d.format.Dir {
		s.removeDir(ctx, old)
	}
	return false, nil
}

// takeAway removes the files of a format that was refused, unless they are in use.
func (s *Service) takeAway(ctx context.Context, dir string, why error) {
	if errors.As(why, new(internalError)) {
		return // the same tar may come again
	}
	var used bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		used, err = isUsed(ctx, r, dir)
		return err
	})
	if err == nil && !used {
		s.removeDir(ctx, dir)
		_ = os.Remove(filepath.Join(s.deps.Dir, filepath.FromSlash(path.Dir(dir)))) // not empty while there are other formats
	}
}

// isKnown reports whether the same files are here; the digest of the tar is then noted.
func (s *Service) isKnown(ctx context.Context, p part, digest, upload string) (known bool, err error) {
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		known = false
		r, ok, err := byID(ctx, tx, p.id)
		if err != nil || !ok {
			return err
		}
		f, ok := r.Format(p.format)
		if known = ok && f.Digest == digest; !known || upload == "" || f.Upload == upload {
			return nil
		}
		f.Upload = upload
		return saveFormat(ctx, tx, r.ID, f)
	})
	if err != nil {
		err = internalError{err}
	}
	return known, err
}

// move brings a finished directory to its place, for good. One that is there already has the same content: its name is its digest.
func (s *Service) move(from, to string) error {
	target := filepath.Join(s.deps.Dir, filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	if err := os.Rename(from, target); err != nil {
		if _, statErr := os.Stat(filepath.Join(target, "metadata.xml")); statErr != nil || !(errors.Is(err, fs.ErrExist) || isNotEmpty(err)) {
			return err
		}
	}
	return errors.Join(syncDir(filepath.Dir(target)), syncDir(s.deps.Dir))
}

// enter writes the row of a format whose files are in place; old is the directory of what it replaces.
func (s *Service) enter(ctx context.Context, in ImportInput, d description) (old string, err error) {
	now := s.deps.Now()
	var refused error
	bound := ""
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		old, refused, bound = "", nil, ""
		rec := d.recording
		rec.Server, rec.IndexedAt = in.Server, now
		origin, err := s.claim(ctx, tx, &rec, d.meta, in)
		if err != nil {
			return err
		}
		was, exists, err := byID(ctx, tx, rec.ID)
		if err != nil {
			return err
		}
		if exists {
			if refused = mayReplace(was, rec); refused != nil {
				return nil //nolint:nilerr // it is told outside of the transaction, which has nothing to undo
			}
			rec = merged(was, rec)
		} else if rec.State == Deleted {
			refused = errDeleted
			return nil
		}
		if rec.Connection == "" && in.Server != "" {
			if bound, _, err = s.fits(ctx, tx, in.Server, rec.ID, d.format.Type, d.format.Bytes); err != nil || bound != "" {
				return err
			}
			if err := forgetRefusals(ctx, tx, in.Server); err != nil {
				return err
			}
		}
		if err := save(ctx, tx, now, rec); err != nil {
			return err
		}
		f := d.format
		f.CreatedAt = now
		if was.Mode == Remote {
			for _, o := range was.Formats {
				if err := removeFormat(ctx, tx, rec.ID, o.Type); err != nil {
					return err
				}
			}
		}
		if o, ok := was.Format(f.Type); ok {
			f.Told, f.CreatedAt, old = o.Told, o.CreatedAt, o.Dir
		}
		rec.Formats = []Format{f}
		if err := s.tell(ctx, tx, now, &rec, origin); err != nil {
			return err
		}
		return saveFormat(ctx, tx, rec.ID, rec.Formats[0])
	})
	if err != nil {
		return "", internalError{err}
	}
	if bound != "" {
		return "", s.refuseQuarantine(ctx, in.Server, d.recording.ID, bound)
	}
	return old, refused
}

var (
	errDeleted     = errors.New("the recording was deleted")
	errOtherServer = errors.New("the recording is another server's")
)

// mayReplace decides whether what came in may stand where something is.
func mayReplace(was, fresh Recording) error {
	switch {
	case was.State == Deleted:
		return errDeleted
	case was.Connection == "" || fresh.Server == "" || was.Server == fresh.Server:
		return nil
	}
	return errOtherServer
}

// merged is a known recording after one more format of it has come: what was said here about it stays.
func merged(was, fresh Recording) Recording {
	out := fresh
	out.IndexedAt, out.Access, out.KeepUntil, out.Notice = was.IndexedAt, was.Access, was.KeepUntil, was.Notice
	out.KeptForever, out.Announce = was.KeptForever, was.Announce
	if was.State == Published || was.State == Unpublished {
		out.State = was.State
	}
	if was.Server != "" {
		out.Server = was.Server
	}
	if was.Connection != "" {
		out.Connection, out.Member, out.Meeting, out.ExternalID = was.Connection, was.Member, was.Meeting, was.ExternalID
		out.Metadata, out.Name = was.Metadata, was.Name
	}
	return out
}

// claim finds out whose a recording is, and says its metadata in that one's words. It joins r.
func (s *Service) claim(ctx context.Context, r store.Reader, rec *Recording, meta map[string]string, in ImportInput) (o conference.Origin, err error) {
	o, owned, err := conference.OriginOf(ctx, r, string(rec.ID), in.Server)
	if err == nil && !owned {
		o, owned, err = conference.OriginByToken(ctx, r, s.deps.IDs, meta[conference.MetaMeeting], in.Server)
	}
	if err != nil {
		return o, err
	}
	if !owned && in.Server == "" {
		origin, external := conference.OriginNamed(rec.ExternalID, meta)
		if o, owned, err = fallback(ctx, r, origin, in.Connection); err != nil {
			return o, err
		}
		o.ExternalID = external
	}
	rec.Metadata = map[string]string{}
	for k, v := range meta {
		if k != "isbreakout" && k != "meetingid" && k != "meetingname" && !(owned && conference.IsOurMeta(k)) {
			rec.Metadata[k] = v
		}
	}
	if !owned {
		return o, nil
	}
	maps.Copy(rec.Metadata, o.Relayed)
	rec.Connection, rec.Member, rec.Meeting, rec.ExternalID = o.Connection, o.Member, o.Meeting, o.ExternalID
	if rec.Server == "" {
		rec.Server = o.Server
	}
	return o, nil
}

// fallback is the owner that an operator's import names: the connection that was taken over from the tenant that the load balancer before
// noted, or that has its name, else the one given.
func fallback(ctx context.Context, r store.Reader, origin string, given id.Connection) (o conference.Origin, owned bool, err error) {
	all, err := membership.AllConnections(ctx, r)
	if err != nil {
		return o, false, err
	}
	i := -1
	for _, is := range []func(membership.Connection) bool{
		func(c membership.Connection) bool { return c.Origin == origin && origin != membership.NoTenant },
		func(c membership.Connection) bool { return c.TenantName == origin || c.Name == origin },
	} {
		if i < 0 {
			i = slices.IndexFunc(all, is)
		}
	}
	if i < 0 && given != "" {
		i = slices.IndexFunc(all, func(c membership.Connection) bool { return c.ID == given })
	}
	if i < 0 {
		return o, false, nil
	}
	return conference.Origin{Connection: all[i].ID, Member: all[i].Member}, true, nil
}

func (s *Service) removeDir(ctx context.Context, dir string) {
	if err := os.RemoveAll(filepath.Join(s.deps.Dir, filepath.FromSlash(dir))); err != nil {
		s.deps.Log.WarnContext(ctx, "files of a recording not removed", "err", fmt.Errorf("remove: %w", err))
	}
}

// instantOf is a time of the API.
func instantOf(ms int64) instant.Instant { return instant.Micros(ms * 1000) }
