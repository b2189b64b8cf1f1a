// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/recording"
	"meetcoop/internal/web"
)

// The addresses of recordings: ours, and those that BigBlueButton machines and Scalelite gave out.
var (
	playPath = regexp.MustCompile(`^/recordings/([a-z][a-z0-9_-]{0,31})/([0-9A-Za-z][0-9A-Za-z_-]{0,127})/(.*)$`)
	barePath = regexp.MustCompile(`^/recordings/([a-z][a-z0-9_-]{0,31})/([0-9A-Za-z][0-9A-Za-z_-]{0,127})$`)
	oldPage  = regexp.MustCompile(`^/playback/([a-z][a-z0-9_-]{0,31})/(?:[0-9.]{1,8}/)?([0-9a-f]{40}-[0-9]{1,20})(?:/.*)?$`)
	oldQuery = regexp.MustCompile(`^/playback/([a-z][a-z0-9_-]{0,31})/(?:[0-9.]{1,8}/)?playback\.html$`)
	oldFile  = regexp.MustCompile(`^/([a-z][a-z0-9_-]{0,31})/([0-9a-f]{40}-[0-9]{1,20})(?:/(.*))?$`)
	recordID = regexp.MustCompile(`^[0-9a-f]{40}-[0-9]{1,20}$`)
)

// IsPlayback reports whether a path is one of Playback's.
func IsPlayback(p string) bool {
	return playPath.MatchString(p) || barePath.MatchString(p) || oldPage.MatchString(p) || oldQuery.MatchString(p) || oldFile.MatchString(p)
}

// playbackCookie is scoped to one format of one recording by its path.
const playbackCookie = "meetcoop_recording"

// playTypes are what files of recordings are; everything else is a download.
var playTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".xml": "text/xml; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".webm": "video/webm", ".mp4": "video/mp4", ".m4v": "video/mp4", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".m4a": "audio/mp4",
	".mp3": "audio/mpeg", ".vtt": "text/vtt; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".pdf": "application/pdf", ".woff2": "font/woff2", ".woff": "font/woff",
}

const (
	// sandboxed is what a machine's files run under on our own origin: with scripts, and as nobody.
	sandboxed = "sandbox allow-scripts"
	// pageCSP is for our own page of a recording.
	pageCSP = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'"
	// playWithin is how long one answer may take: somebody watches while it is sent.
	playWithin = 6 * time.Hour
)

// Playback serves stored recordings. What may not be watched, for whatever reason, is 404.
func (h *Handler) Playback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	m := playPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		h.oldAddress(w, r)
		return
	}
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer") // a token may be in the address
	head.Set("Content-Security-Policy", sandboxed)
	ownOrigin := h.ownOrigin(r)
	in := recording.PlayInput{Format: m[1], Recording: recording.ID(m[2]), File: m[3], Token: r.URL.Query().Get("token")}
	if c, err := r.Cookie(playbackCookie); err == nil {
		in.Cookie = c.Value
	}
	if h.deps.IsMember != nil {
		in.IsMember = func(ctx context.Context, member id.Member) bool { return h.deps.IsMember(ctx, r, member) }
	}
	p, err := h.deps.Recordings.Open(r.Context(), in)
	if p.File != nil {
		defer func() { _ = p.File.Close() }() // read only
	}
	if err != nil {
		if fault.KindOf(err) != fault.NotFound {
			h.deps.Log.WarnContext(r.Context(), "recording not served", "err", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		http.Error(w, h.deps.Catalog.Printer(web.LanguageOf(r), time.UTC).Fault(err), http.StatusNotFound) // the same words for every reason
		return
	}
	if p.Cookie != "" {
		h.setPlayCookie(w, m, p.Cookie)
		if in.File == "" || strings.HasSuffix(in.File, ".html") {
			http.Redirect(w, r, (&url.URL{Path: r.URL.Path}).EscapedPath(), http.StatusSeeOther) // the token leaves the address bar
			return
		}
	}
	head.Set("Cache-Control", "private, max-age=300")
	if p.Access == recording.AccessLink {
		head.Set("Access-Control-Allow-Origin", "*") // a sandboxed page reads its own files as a stranger
	}
	if p.Access != recording.AccessLink || in.File == "" || strings.HasSuffix(in.File, ".html") { // whoever hides it expects that to be seen
		head.Set("Cache-Control", "private, no-cache")
	}
	_ = http.NewResponseController(w).SetWriteDeadline(h.deps.Now().Time().Add(playWithin)) // a server that cannot has none
	switch {
	case p.Page != nil:
		head.Set("Content-Security-Policy", pageCSP)
		h.playPage(w, r, p.Page)
	case p.File == nil:
		head.Set("Content-Type", playTypes[".vtt"])
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(p.Track))
	default:
		if ownOrigin {
			head.Del("Content-Security-Policy")
		}
		kind, known := playTypes[strings.ToLower(path.Ext(p.Info.Name()))]
		if !known {
			kind = "application/octet-stream"
			head.Set("Content-Disposition", "attachment")
		}
		head.Set("Content-Type", kind)
		http.ServeContent(w, r, "", p.Info.ModTime(), p.File)
	}
}

// ownOrigin reports whether a request came to the origin that is for recordings only.
func (h *Handler) ownOrigin(r *http.Request) bool {
	u, err := url.Parse(h.deps.RecordingsURL)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

func (h *Handler) setPlayCookie(w http.ResponseWriter, m []string, value string) {
	c := &http.Cookie{Name: playbackCookie, Value: value, Path: "/recordings/" + m[1] + "/" + m[2] + "/", MaxAge: int(recording.CookieAge / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(h.deps.Recordings.BaseURL(), "https://") {
		// A sandboxed page is a stranger to its own origin: only such a cookie goes with what it loads.
		c.Secure, c.SameSite = true, http.SameSiteNoneMode
	}
	http.SetCookie(w, c)
}

// oldAddress leads from addresses that were given out elsewhere to ours.
func (h *Handler) oldAddress(w http.ResponseWriter, r *http.Request) {
	to := ""
	if m := barePath.FindStringSubmatch(r.URL.Path); m != nil {
		to = "/recordings/" + m[1] + "/" + m[2] + "/"
	} else if m := oldPage.FindStringSubmatch(r.URL.Path); m != nil {
		to = "/recordings/" + m[1] + "/" + m[2] + "/"
	} else if m := oldQuery.FindStringSubmatch(r.URL.Path); m != nil && recordID.MatchString(r.URL.Query().Get("meetingId")) {
		to = "/recordings/" + m[1] + "/" + r.URL.Query().Get("meetingId") + "/"
	} else if m := oldFile.FindStringSubmatch(r.URL.Path); m != nil {
		to = "/recordings/" + m[1] + "/" + m[2] + "/" + (&url.URL{Path: m[3]}).EscapedPath()
	}
	if to == "" {
		http.NotFound(w, r)
		return
	}
	if token := r.URL.Query().Get("token"); token != "" {
		to += "?token=" + url.QueryEscape(token)
	}
	http.Redirect(w, r, h.deps.Recordings.BaseURL()+to, http.StatusPermanentRedirect)
}

// playTemplate is the page of a format that brought none: media, pictures and subtitles, and no word but the recording's name.
var playTemplate = template.Must(template.New("play").Parse(`<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title></head>
<body><main><h1>{{.Title}}</h1>
{{$tracks := .Tracks}}{{range .Videos}}<video controls preload="metadata" src="{{.}}" width="960">{{range $tracks}}<track kind="{{.Kind}}" srclang="{{.Lang}}" label="{{.Label}}" src="tracks/{{.Name}}">{{end}}</video>
{{end}}{{range .Audios}}<audio controls preload="metadata" src="{{.}}"></audio>
{{end}}{{range .Images}}<img src="{{.}}" alt="">
{{end}}</main></body></html>
`))

func (h *Handler) playPage(w http.ResponseWriter, r *http.Request, p *recording.Contents) {
	w.Header().Set("Content-Type", playTypes[".html"])
	if r.Method == http.MethodHead {
		return
	}
	if err := playTemplate.Execute(w, p); err != nil && r.Context().Err() == nil {
		h.deps.Log.DebugContext(r.Context(), "page of a recording not sent", "err", err)
	}
}
