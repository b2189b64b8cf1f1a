// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// How long a link to a protected recording can be followed, and how long whoever followed it may watch.
const (
	LinkAge   = time.Hour
	CookieAge = 6 * time.Hour

	memberLinkAge = 5 * time.Minute // of the way that a signed-in person of the member is sent
)

// The purposes of passes.
const (
	passLink         = "link"
	passCookie       = "cookie"
	passMember       = "member" // like passLink, for somebody who was found to belong to the member
	passMemberCookie = "member cookie"
)

// pass is a text that opens one recording until a moment.
func (s *Service) pass(purpose string, rec ID, until instant.Instant) string {
	end := strconv.FormatInt(until.Time().Unix(), 10)
	return end + "." + base64.RawURLEncoding.EncodeToString(s.passMAC(purpose, rec, end))
}

func (s *Service) passMAC(purpose string, rec ID, end string) []byte {
	mac := hmac.New(sha256.New, s.deps.Links)
	_, _ = mac.Write([]byte(purpose + "\x00" + string(rec) + "\x00" + end)) // never fails
	return mac.Sum(nil)[:16]
}

func (s *Service) opens(purpose string, rec ID, text string, now instant.Instant) bool {
	end, sum, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(end, 10, 64)
	given, sumErr := base64.RawURLEncoding.DecodeString(sum)
	return err == nil && sumErr == nil && hmac.Equal(given, s.passMAC(purpose, rec, end)) && now.Time().Unix() < seconds
}

// Links writes the addresses of one recording.
type Links struct {
	base, query string
	rec         ID
}

// Links returns how the formats of a stored recording are reached, for who was just told of it.
func (s *Service) Links(r Recording) Links {
	l := Links{base: s.deps.BaseURL + "/recordings/", rec: r.ID}
	if r.Access == AccessProtected {
		l.query = "?token=" + s.pass(passLink, r.ID, s.deps.Now().Add(LinkAge))
	}
	return l
}

// To returns the address of a file of a format; "" is its page.
func (l Links) To(format, file string) string {
	return l.base + format + "/" + string(l.rec) + "/" + (&url.URL{Path: file}).EscapedPath() + l.query
}

// PlayInput asks for a file of a stored recording.
type PlayInput struct {
	Recording ID
	Format    string
	File      string // below the directory of the format; "" is its page
	Token     string // of a link
	Cookie    string
	IsMember  func(ctx context.Context, member id.Member) bool // whether the visitor is signed in and belongs to a member; nil: nobody is
}

// Playable is what may be watched.
type Playable struct {
	File   *os.File // nil when Page or Track is; to be closed
	Info   fs.FileInfo
	Track  string    // WebVTT
	Page   *Contents // the format has no page of its own
	Cookie string    // for the next requests; "" when none is needed, or there is one
	Name   string    // of the recording
	Access Access    // of the recording
}

// Contents is what a page of a format without one of its own shows.
type Contents struct {
	Title  string
	Videos []string // files below the directory
	Audios []string
	Images []string
	Tracks []Track
}

// Open returns a file of a recording for who may watch it; everything else, whatever the reason, is NotFound (recording.unknown).
func (s *Service) Open(ctx context.Context, in PlayInput) (Playable, error) {
	if !idForm.MatchString(string(in.Recording)) || !formatForm.MatchString(in.Format) {
		return Playable{}, errUnknown
	}
	var rec Recording
	var tracks []Track
	now := s.deps.Now()
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if rec, err = Get(ctx, r, in.Recording); err != nil {
			return err
		}
		tracks, err = tracksOf(ctx, r, in.Recording)
		return err
	})
	if err != nil {
		return Playable{}, err
	}
	f, ok := rec.Format(in.Format)
	if !rec.Watchable() || !ok || f.Dir == "" {
		return Playable{}, errUnknown
	}
	out := Playable{Name: rec.Name, Access: rec.Access}
	switch rec.Access {
	case AccessLink:
	case AccessProtected:
		switch {
		case s.opens(passCookie, rec.ID, in.Cookie, now):
		case s.opens(passLink, rec.ID, in.Token, now):
			out.Cookie = s.pass(passCookie, rec.ID, now.Add(CookieAge))
		default:
			return Playable{}, errUnknown
		}
	default:
		switch {
		case s.opens(passMemberCookie, rec.ID, in.Cookie, now):
		case s.opens(passMember, rec.ID, in.Token, now):
			out.Cookie = s.pass(passMemberCookie, rec.ID, now.Add(CookieAge))
		case in.IsMember != nil && in.IsMember(ctx, rec.Member):
		default:
			return Playable{}, errUnknown
		}
	}
	err = s.find(&out, rec, f, tracks, in.File)
	return out, err
}

// find opens the file, or makes what stands for one. Nothing but plain files is served, whatever lies there.
func (s *Service) find(out *Playable, rec Recording, f Format, tracks []Track, file string) error {
	root, err := os.OpenRoot(filepath.Join(s.deps.Dir, filepath.FromSlash(f.Dir)))
	if err != nil {
		return errUnknown
	}
	defer func() { _ = root.Close() }() // what was opened stays open
	if name, ok := strings.CutPrefix(file, trackDir); ok {
		for _, t := range tracks {
			if t.Name() == name {
				out.Track = t.VTT
				return nil
			}
		}
		return errUnknown
	}
	if file == "" {
		if out.File, out.Info = plainFile(root, "index.html"); out.File != nil {
			return nil
		}
		out.Page = pageOfFormat(root, rec, f, tracks)
		return nil
	}
	if path.Clean(file) != file || file == "metadata.xml" || strings.Contains(file, "/.") || strings.HasPrefix(file, ".") || strings.ContainsAny(file, "\\\x00") {
		return errUnknown // metadata.xml holds what is ours and the server's
	}
	if out.File, out.Info = plainFile(root, file); out.File == nil {
		return errUnknown
	}
	return nil
}

const trackDir = "tracks/"

func plainFile(root *os.Root, name string) (*os.File, fs.FileInfo) {
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = f.Close() // read only
		return nil, nil
	}
	return f, info
}

var (
	videoTypes = []string{".webm", ".mp4", ".m4v"}
	audioTypes = []string{".ogg", ".oga", ".opus", ".m4a", ".mp3"}
)

const mostShown = 50

func pageOfFormat(root *os.Root, rec Recording, f Format, tracks []Track) *Contents {
	out := &Contents{Title: rec.Name, Tracks: tracks}
	_ = fs.WalkDir(root.FS(), ".", func(at string, d fs.DirEntry, err error) error { // an unreadable directory shows less
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // see above
		}
		switch ext := strings.ToLower(path.Ext(at)); {
		case slices.Contains(videoTypes, ext) && len(out.Videos) < mostShown:
			out.Videos = append(out.Videos, at)
		case slices.Contains(audioTypes, ext) && len(out.Audios) < mostShown:
			out.Audios = append(out.Audios, at)
		}
		return nil
	})
	for _, i := range f.Images {
		out.Images = append(out.Images, i.Path)
	}
	return out
}

// BaseURL is where recordings are watched, without a slash at the end.
func (s *Service) BaseURL() string { return s.deps.BaseURL }
