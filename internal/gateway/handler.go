// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/web"
)

// Pages draws the page a browser shows when a join is refused: err is a fault, whose sentence it says; back is where the visitor
// came from, an http(s) address, "" when nobody knows; with again the page tries by itself every five seconds.
type Pages func(w http.ResponseWriter, r *http.Request, err error, back string, again bool)

// Deps is what a Handler needs.
type Deps struct {
	DB          *store.DB
	Now         instant.Clock
	Log         *slog.Logger
	Catalog     *locale.Catalog
	Members     *membership.Service
	Conferences *conference.Service
	PublicURL   string // without a slash at the end
	Recordings  *recording.Service
	Pages       Pages
	Registry    prometheus.Registerer // nil: counted and shown nowhere

	Domain        string // the API is at <connection>.<Domain>/bigbluebutton/api too; "" is only below Path
	RecordingsURL string // an origin for recordings only; "" is none, and pages from servers run in a sandbox
	// IsMember reports whether a browser is signed in as somebody of a member; nil: nobody is.
	IsMember func(ctx context.Context, r *http.Request, member id.Member) bool
}

// Handler serves the API. It is safe for concurrent use.
type Handler struct {
	deps    Deps
	tenants *tenants
	brake   *brake
	calls   map[string]call
	counted *prometheus.CounterVec
}

// Path is where everything of this package begins.
const Path = "/bbb/"

// New returns a Handler. It serves once Start has returned.
func New(deps Deps) (*Handler, error) {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Catalog == nil || deps.Members == nil || deps.Conferences == nil || deps.Recordings == nil || deps.Pages == nil {
		return nil, errors.New("gateway: DB, Now, Log, Catalog, Members, Conferences, Recordings and Pages are needed")
	}
	h := &Handler{
		deps: deps, tenants: newTenants(deps.DB, deps.Now, deps.Members), brake: newBrake(),
		counted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_gateway_calls_total", Help: "Calls of the API by name and outcome: ok, the key of the error, or redirect."}, []string{"call", "outcome"}),
	}
	h.calls = h.table()
	if deps.Registry != nil {
		deps.Registry.MustRegister(h.counted)
	}
	return h, nil
}

// Start follows changes of connections.
func (h *Handler) Start(ctx context.Context) error { return h.tenants.watch(ctx) }

// call is one call of the API.
type call struct {
	methods []string
	bodies  []string // types of bodies it takes
	do      func(w http.ResponseWriter, r *request) error
}

var (
	getOnly  = []string{http.MethodGet}
	postOnly = []string{http.MethodPost}
	both     = []string{http.MethodGet, http.MethodPost}
	forms    = []string{formType, multipartType}
	withXML  = []string{formType, multipartType, "application/xml", "text/xml"}
)

// table is every call.
func (h *Handler) table() map[string]call {
	return map[string]call{
		"create":                 {both, withXML, h.create},
		"join":                   {getOnly, nil, h.join},
		"isMeetingRunning":       {both, forms, h.isMeetingRunning},
		"end":                    {both, forms, h.end},
		"getMeetingInfo":         {both, forms, h.getMeetingInfo},
		"getMeetings":            {both, forms, h.getMeetings},
		"getSessions":            {both, forms, h.getSessions},
		"getRecordings":          {both, forms, h.getRecordings},
		"publishRecordings":      {getOnly, nil, h.publishRecordings},
		"deleteRecordings":       {getOnly, nil, h.deleteRecordings},
		"updateRecordings":       {both, forms, h.updateRecordings},
		"getRecordingTextTracks": {both, forms, h.getRecordingTextTracks},
		"putRecordingTextTrack":  {postOnly, withFile, h.putRecordingTextTrack},
		"hooks/create":           {getOnly, nil, h.hooksCreate},
		"hooks/list":             {getOnly, nil, h.hooksList},
		"hooks/destroy":          {getOnly, nil, h.hooksDestroy},
		"insertDocument":         {[]string{http.MethodPost}, []string{"application/xml", "text/xml"}, h.insertDocument},
		"sendChatMessage":        {getOnly, nil, h.sendChatMessage},
	}
}

var connectionForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ServeHTTP implements http.Handler for every path below Path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok {
		if connection, name, byHost := h.byHost(r); byHost {
			h.api(w, r, connection, name)
			return
		}
		http.NotFound(w, r)
		return
	}
	connection, rest, _ := strings.Cut(rest, "/")
	if connection == "-" {
		h.own(w, r, rest)
		return
	}
	rest, ok = strings.CutPrefix(rest, "bigbluebutton/api")
	if !ok || !connectionForm.MatchString(connection) || (rest != "" && rest[0] != '/') {
		http.NotFound(w, r)
		return
	}
	h.api(w, r, connection, strings.TrimPrefix(rest, "/"))
}

const hostPath = "/bigbluebutton/api"

// ByHost reports whether a request is for the API by the name of its host (--gateway-domain). The path form wins.
func (h *Handler) ByHost(r *http.Request) bool {
	_, _, ok := h.byHost(r)
	return ok
}

// byHost takes the connection out of the host, and the call out of the path. Whether there is such a connection shows as for the path form.
func (h *Handler) byHost(r *http.Request) (connection, name string, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, hostPath)
	if !ok || h.deps.Domain == "" || (rest != "" && rest[0] != '/') || strings.HasPrefix(r.URL.Path, Path) {
		return "", "", false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	connection, ok = strings.CutSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), "."+h.deps.Domain)
	if !ok || !connectionForm.MatchString(connection) {
		return "", "", false
	}
	return connection, strings.TrimPrefix(rest, "/"), true
}

const apiRoute = Path + "{connection}/bigbluebutton/api"

// reads are what clients ask all the time.
var reads = []string{"isMeetingRunning", "getMeetingInfo", "getMeetings", "getSessions"}

// api serves one call of a connection.
func (h *Handler) api(w http.ResponseWriter, r *http.Request, connection, name string) {
	if name == "" {
		web.Route(r, apiRoute)
		web.Quiet(r)
		h.root(w, r)
		return
	}
	c, known := h.calls[name]
	if known {
		web.Route(r, apiRoute+"/"+name)
		if slices.Contains(reads, name) {
			web.Quiet(r)
		}
	}
	if !known {
		if h.stateless(w, r, name) {
			return
		}
		h.count("unknown", errUnsupported.Key)
		failure(w, errUnsupported.Key, errUnsupported.Message)
		return
	}
	if name == "join" && (r.Method == http.MethodHead || prefetched(r)) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent) // a link scanner takes no seat
		return
	}
	if !slices.Contains(c.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(c.methods, ", "))
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	req, err := h.verify(r, connection, name, c)
	if req != nil {
		defer req.body.close()
	}
	if err == nil {
		err = c.do(w, req)
	}
	if err != nil {
		h.fail(w, r, req, name, err)
		return
	}
	h.count(name, "ok")
}

func prefetched(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || strings.Contains(r.Header.Get("Purpose"), "prefetch")
}

// verify reads a request and checks its checksum, then the type of its body. The request is nil only when nothing could be read.
func (h *Handler) verify(r *http.Request, connection, name string, c call) (*request, error) {
	t, exists, err := h.tenants.find(r.Context(), connection)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "admission.try_again")
	}
	q, sum, texts, b, bad := read(r, c)
	req := &request{http: r, name: name, tenant: t, connection: t.connection, q: q, raw: r.URL.RawQuery, body: b}
	if sum == "" {
		return req, h.unsigned(r, errNoChecksum)
	}
	for i := range texts {
		texts[i] = name + texts[i]
	}
	keys, secrets := t.valid(h.deps.Now())
	if len(secrets) == 0 {
		keys, secrets, exists = h.tenants.nobody.keys, h.tenants.nobody.secrets, false
	}
	i := signedBy(secrets, sum, texts...)
	if i < 0 || !exists {
		return req, h.unsigned(r, errChecksum)
	}
	h.tenants.used(r.Context(), t, keys[i])
	return req, bad
}

// unsigned slows down whoever tries many checksums.
func (h *Handler) unsigned(r *http.Request, err error) error {
	h.brake.press(r.Context(), web.ClientOf(r))
	return unverified{err}
}

// unverified is an error of somebody whose checksum was wrong: it never redirects.
type unverified struct{ error }

func (u unverified) Unwrap() error { return u.error }

// keys are the keys of the API for faults (gateway.md, section 8). Faults not named here are internalError.
var keys = map[string]string{
	"admission.running_rooms":      "runningRoomsReached",
	"admission.seats_full":         "maxParticipantsReached",
	"admission.participants_full":  "maxParticipantsReached",
	"fleet.engine_full":            "maxParticipantsReached",
	"admission.waiting_full":       "maxParticipantsReached",
	"admission.seats_wait":         "maxParticipantsReached",
	"admission.duration_exhausted": "durationExhausted",
	"member.suspended":             "accountInactive",
	"member.closed":                "accountInactive",
	"fleet.no_server":              "noServerAvailable",
	"conference.server_tag":        "serverTagUnavailable",
	"fleet.server_silent":          "serverUnavailable",
	"meeting.not_ready":            "serverUnavailable",
	"meeting.ended":                "invalidMeetingIdentifier",
	"admission.try_again":          "tryAgain",
}

// keyOf returns what a client is told of an error.
func keyOf(err error, p *locale.Printer) (key, message string) {
	if v, ok := errors.AsType[problem](err); ok {
		return v.Key, v.Message
	}
	key, known := keys[fault.CodeOf(err)]
	switch {
	case known:
	case fault.KindOf(err) == fault.Unavailable:
		key = "serverUnavailable"
		err = fault.New(fault.Unavailable, "fleet.server_silent")
	default:
		key = "internalError"
	}
	return key, p.Fault(err)
}

// fail answers with an error, and logs what an operator must know.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, req *request, name string, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	p := h.deps.Catalog.Printer(web.LanguageOf(r), time.UTC)
	key, message := keyOf(err, p)
	if key == "checksumError" && strings.HasPrefix(name, "hooks/") {
		message = "You did not pass the checksum security check." // of another program on servers
	}
	if key == "checksumError" && strings.Contains(name, "Recording") {
		message = "You did not pass the checksum security check"
	}
	h.count(name, key)
	if key == "internalError" || fault.KindOf(err) == fault.Internal && fault.As(err) != nil {
		h.deps.Log.ErrorContext(r.Context(), "call of the api failed", "call", name, "err", err)
	} else if fault.KindOf(err) == fault.Unavailable && fault.As(err) != nil {
		h.deps.Log.WarnContext(r.Context(), "call of the api not served", "call", name, "err", err)
	}
	if name == "join" && req != nil && !errors.As(err, &unverified{}) {
		h.refuseJoin(w, req, err, key, message)
		return
	}
	failure(w, key, message)
}

func (h *Handler) count(name, outcome string) { h.counted.WithLabelValues(name, outcome).Inc() }

// root is what balancers and clients take for a sign of life: constant for every name that could be one.
func (h *Handler) root(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		writeJSON(w, map[string]string{"returncode": "SUCCESS", "version": "2.0", "apiVersion": "2.0", "bbbVersion": "", "graphqlWebsocketUrl": "", "html5PluginSdkVersion": "", "graphqlApiUrl": ""})
		return
	}
	success(w, "<version>2.0</version><apiVersion>2.0</apiVersion><bbbVersion></bbbVersion><graphqlWebsocketUrl></graphqlWebsocketUrl><html5PluginSdkVersion></html5PluginSdkVersion><graphqlApiUrl></graphqlApiUrl>")
}

// own serves what is ours below /bbb/-/.
func (h *Handler) own(w http.ResponseWriter, r *http.Request, rest string) {
	kind, token, _ := strings.Cut(rest, "/")
	switch {
	case kind == "ended" && r.Method == http.MethodGet:
		if err := h.deps.Conferences.Ended(r.Context(), token, r.URL.Query().Get("recordingmarks")); err != nil {
			if fault.KindOf(err) == fault.NotFound {
				http.NotFound(w, r)
				return
			}
			h.deps.Log.WarnContext(r.Context(), "end of a meeting not noted", "err", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	case kind == "recording" && r.Method == http.MethodPost:
		h.recordingReady(w, r, token)
	case kind == "upload" && (r.Method == http.MethodPut || r.Method == http.MethodGet):
		h.upload(w, r, token)
	case kind == "events":
		h.events(w, r, token)
	default:
		http.NotFound(w, r)
	}
}

// isWeb reports whether a text is an address that a browser may be sent to.
func isWeb(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
