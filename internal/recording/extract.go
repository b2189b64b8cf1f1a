// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"meetcoop/internal/fault"
)

// Bounds of what is imported at once.
const (
	maxFiles     = 100_000
	maxBytes     = 64 << 30
	maxPath      = 1000
	maxDirectory = 16 // deep, below the directory of a format
)

// part is one format of one recording in an archive or a directory.
type part struct {
	format string
	id     ID
}

func (p part) dir() string { return p.format + "/" + string(p.id) }

// intake is a temporary directory into which one import goes. Nothing is written outside of it, whatever names say.
type intake struct {
	root   *os.Root
	path   string
	files  int
	bytes  int64
	parts  []part // in order of appearance
	noted  map[part]bool
	broken map[part]error // why it cannot be taken
}

func newIntake(below string) (*intake, error) {
	if err := os.MkdirAll(below, 0o750); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(below, tempPrefix+"*")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		_ = os.Remove(dir) // the first error tells
		return nil, err
	}
	return &intake{root: root, path: dir, noted: map[part]bool{}, broken: map[part]error{}}, nil
}

func (n *intake) close() {
	_ = n.root.Close()
	_ = os.RemoveAll(n.path) // what stays is swept later
}

// errArchive refuses an archive as a whole.
func errArchive(cause error) error { return fault.Wrap(cause, fault.Invalid, "recording.archive") }

// Problems of single parts.
var (
	errLink  = errors.New("a link, device or other thing that is no file")
	errName  = errors.New("a name that leads elsewhere, or is too long")
	errTwice = errors.New("the same file twice")
)

// split takes a path in an archive apart: <format>/<record id>/<rest>, "published/" and the like in front allowed.
func split(name string) (p part, rest string, err error) {
	if strings.ContainsAny(name, "\\\x00") || path.IsAbs(name) || len(name) > maxPath || slices.Contains(strings.Split(name, "/"), "..") {
		return p, "", errName
	}
	clean := path.Clean(name)
	if clean == "." {
		return p, "", nil
	}
	words := strings.Split(clean, "/")
	if words[0] == "published" || words[0] == "unpublished" {
		words = words[1:]
	}
	if len(words) == 0 {
		return p, "", nil
	}
	if !formatForm.MatchString(words[0]) {
		return p, "", errName
	}
	if len(words) == 1 {
		return p, "", nil
	}
	if !idForm.MatchString(words[1]) {
		return p, "", errName
	}
	p = part{words[0], ID(words[1])}
	if len(words)-2 > maxDirectory {
		return p, "", errName
	}
	rest = strings.Join(words[2:], "/")
	if rest != "" && !filepath.IsLocal(filepath.FromSlash(rest)) {
		return p, "", errName
	}
	return p, rest, nil
}

// readTar takes an archive in. An error refuses all of it: names that lead elsewhere, too much, or an end too early. Links and devices only
// break the part they are in.
func (n *intake) readTar(ctx context.Context, from io.Reader) error {
	in := tar.NewReader(io.LimitReader(from, maxBytes+maxFiles*1024))
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errArchive(err)
		}
		if n.files++; n.files > maxFiles {
			return fault.New(fault.Invalid, "recording.too_large")
		}
		p, rest, err := split(h.Name)
		if err != nil {
			return errArchive(err)
		}
		switch {
		case h.Typeflag == tar.TypeDir:
			if p.id != "" {
				n.note(p)
			}
		case p.id == "" || rest == "":
			return errArchive(errName) // a file or link where directories are
		case h.Typeflag != tar.TypeReg:
			n.breaks(p, errLink)
		default:
			if err := n.take(p, rest, h.Size, in); err != nil {
				return err
			}
		}
	}
}

// note remembers that there is such a part.
func (n *intake) note(p part) {
	if !n.noted[p] {
		n.noted[p] = true
		n.parts = append(n.parts, p)
	}
}

func (n *intake) breaks(p part, why error) {
	n.note(p)
	if n.broken[p] == nil {
		n.broken[p] = why
	}
}

// take writes one file and forces it to disk. What is wrong with its name breaks the part only.
func (n *intake) take(p part, rest string, size int64, from io.Reader) error {
	n.note(p)
	if n.bytes += size; size < 0 || n.bytes > maxBytes {
		return fault.New(fault.Invalid, "recording.too_large")
	}
	if n.broken[p] != nil {
		return nil //nolint:nilerr // noted already; the reader skips what is not read
	}
	name := filepath.FromSlash(p.dir() + "/" + rest)
	if err := n.root.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return n.cannot(p, err) // a file where a directory would be
	}
	f, err := n.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return n.cannot(p, err)
	}
	written, err := io.Copy(f, from)
	if err == nil && written != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		_ = f.Close() // the first error tells
		if errors.As(err, new(*fs.PathError)) {
			return internalError{err} // our disk, not the archive
		}
		return errArchive(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write a recording: %w", err)
	}
	return nil
}

// cannot decides whether a file cannot be made because of its name, which breaks its part, or because of our disk: then another try
// may help.
func (n *intake) cannot(p part, err error) error {
	if errors.Is(err, fs.ErrExist) {
		n.breaks(p, errTwice)
		return nil
	}
	for _, v := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.ELOOP} {
		if errors.Is(err, v) {
			n.breaks(p, errName)
			return nil
		}
	}
	return internalError{err}
}

// readDir takes one part in from a directory. A link there leads nowhere, and breaks the part.
func (n *intake) readDir(ctx context.Context, p part, dir string) error {
	n.note(p)
	from, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // read only
	return fs.WalkDir(from.FS(), ".", func(at string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if n.files++; n.files > maxFiles {
			return fault.New(fault.Invalid, "recording.too_large")
		}
		switch {
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			n.breaks(p, errLink)
			return fs.SkipAll
		}
		f, err := from.Open(filepath.FromSlash(at))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // read only
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return n.take(p, at, info.Size(), io.LimitReader(f, info.Size()))
	})
}

// sum returns a digest over names, sizes and contents of the files of a part, and how much they are.
func (n *intake) sum(p part) (digest string, size int64, err error) {
	all := sha256.New()
	err = fs.WalkDir(n.root.FS(), p.dir(), func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := n.root.Open(filepath.FromSlash(at))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // read only
		one := sha256.New()
		length, err := io.Copy(one, f)
		size += length
		_, _ = fmt.Fprintf(all, "%q %d %x\n", strings.TrimPrefix(at, p.dir()), length, one.Sum(nil)) // never fails
		return err
	})
	return hex.EncodeToString(all.Sum(nil)), size, err
}

// syncDirs forces the directories of a part to disk.
func (n *intake) syncDirs(p part) error {
	return fs.WalkDir(n.root.FS(), p.dir(), func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(filepath.Join(n.path, filepath.FromSlash(at)))
	})
}

func syncDir(dir string) error {
	f, err := os.Open(dir) // #nosec G304: ours
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
