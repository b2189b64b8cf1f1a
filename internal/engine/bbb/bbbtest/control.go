// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// order is the body of a control call: JSON, with what the verb needs.
type order struct {
	Session   string   `json:"session"`
	Meeting   string   `json:"meeting"`
	Recording string   `json:"recording"`
	Format    string   `json:"format"`
	Number    string   `json:"number"`
	Call      string   `json:"call"`
	Count     int      `json:"count"`
	On        bool     `json:"on"`
	Meetings  bool     `json:"meetings"`
	By        duration `json:"by"`
	For       duration `json:"for"`
	Fault
	Delay duration `json:"delay"` // in place of the fault's
}

// duration is one written as Go does: "1m30s".
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// verbs are the control calls: POST /sim/<verb>. What they return is the answer, in JSON.
var verbs = map[string]func(s *Server, o order) (any, error){
	// people
	"connect":    func(s *Server, o order) (any, error) { return nil, s.Connect(o.Session) },
	"disconnect": func(s *Server, o order) (any, error) { return nil, s.Disconnect(o.Session) },
	"leave":      func(s *Server, o order) (any, error) { return nil, s.Leave(o.Session) },
	"reload":     func(s *Server, o order) (any, error) { return nil, s.Reload(o.Session) },
	"second":     func(s *Server, o order) (any, error) { return told1("session")(s.SecondSession(o.Session)) },
	"let-in":     func(s *Server, o order) (any, error) { return nil, s.LetIn(o.Session) },
	"send-away":  func(s *Server, o order) (any, error) { return nil, s.SendAway(o.Session) },
	"invent": func(s *Server, o order) (any, error) {
		return toldAll("sessions")(s.Invent(o.Meeting, max(o.Count, 1)))
	},
	"dial-in":  func(s *Server, o order) (any, error) { return told1("session")(s.DialIn(o.Meeting, o.Number)) },
	"waiting":  func(s *Server, o order) (any, error) { return map[string]any{"sessions": s.Waiting(o.Meeting)}, nil },
	"sessions": func(s *Server, o order) (any, error) { return map[string]any{"sessions": s.Sessions(o.Meeting)}, nil },
	// what they do
	"voice":       func(s *Server, o order) (any, error) { return nil, s.Voice(o.Session, o.On) },
	"listen-only": func(s *Server, o order) (any, error) { return nil, s.ListenOnly(o.Session, o.On) },
	"cameras":     func(s *Server, o order) (any, error) { return nil, s.Cameras(o.Session, o.Count) },
	"present":     func(s *Server, o order) (any, error) { return nil, s.Present(o.Session) },
	// meetings
	"breakouts": func(s *Server, o order) (any, error) {
		return toldAll("meetings")(s.Breakouts(o.Meeting, max(o.Count, 1)))
	},
	"start-recording": func(s *Server, o order) (any, error) { return nil, s.StartRecording(o.Meeting) },
	"end":             func(s *Server, o order) (any, error) { return nil, s.End(o.Meeting) },
	"documents":       func(s *Server, o order) (any, error) { return map[string]any{"documents": s.Documents(o.Meeting)}, nil },
	"chat":            func(s *Server, o order) (any, error) { return map[string]any{"messages": s.Chat(o.Meeting)}, nil },
	// recordings
	"record":           func(s *Server, o order) (any, error) { return told1("recording")(s.MakeRecording(o.Meeting)) },
	"process":          func(s *Server, o order) (any, error) { return nil, s.ProcessRecording(o.Recording) },
	"publish":          func(s *Server, o order) (any, error) { return nil, s.PublishRecording(o.Recording, o.Format) },
	"delete-recording": func(s *Server, o order) (any, error) { return nil, s.DeleteRecording(o.Recording) },
	"tar":              func(s *Server, o order) (any, error) { return s.RecordingTar(o.Recording, o.Format) },
	// the server
	"clock":        func(s *Server, o order) (any, error) { s.Jump(time.Duration(o.By)); return nil, nil },
	"clock-offset": func(s *Server, o order) (any, error) { s.SetClockOffset(time.Duration(o.By)); return nil, nil },
	"hooks":        func(s *Server, o order) (any, error) { s.SetHooks(o.On); return nil, nil },
	"hook-list":    func(s *Server, _ order) (any, error) { return map[string]any{"hooks": s.Hooks()}, nil },
	"fault":        addFault,
	"no-faults":    func(s *Server, _ order) (any, error) { s.ClearFaults(); return nil, nil },
	"counters":     counters,
	"last":         func(s *Server, o order) (any, error) { return map[string]any{"requests": s.Last(o.Call)}, nil },
	"forget":       func(s *Server, _ order) (any, error) { s.Forget(); return nil, nil },
	"reset":        func(s *Server, _ order) (any, error) { s.Reset(); return nil, nil },
	"kill": func(s *Server, o order) (any, error) {
		return nil, s.later(o, (*Running).Kill, func(r *Running) { r.reviveAs(o) })
	},
	"freeze": func(s *Server, o order) (any, error) { return nil, s.later(o, (*Running).freeze, (*Running).thaw) },
}

func told1(name string) func(string, error) (any, error) {
	return func(v string, err error) (any, error) { return map[string]any{name: v}, err }
}

func toldAll(name string) func([]string, error) (any, error) {
	return func(v []string, err error) (any, error) { return map[string]any{name: v}, err }
}

func addFault(s *Server, o order) (any, error) {
	f := o.Fault
	f.Call, f.Delay = o.Call, time.Duration(o.Delay)
	return nil, s.AddFault(f)
}

func counters(s *Server, _ order) (any, error) {
	out := map[string]any{"calls": s.Counters()}
	if s.machine != nil {
		out["connections"] = s.machine.Connections()
	}
	return out, nil
}

func (r *Running) reviveAs(o order) {
	if err := r.Revive(o.Meetings); err != nil {
		r.cfg.Log.Error("server stays dead", "err", err)
	}
}

func (r *Running) freeze() { r.Freeze() }
func (r *Running) thaw()   { r.Thaw() }

// answered is how long the answer of a control call that takes the server away has to leave.
const answered = 50 * time.Millisecond

// later does something to the machine once the call is answered, and undoes it after o.For, without which it stays so.
func (s *Server) later(o order, do, undo func(*Running)) error {
	if s.machine == nil {
		return errors.New("bbbtest: this server does not run by itself")
	}
	time.AfterFunc(answered, func() {
		do(s.machine)
		if o.For > 0 {
			time.AfterFunc(time.Duration(o.For), func() {
				if s.ctx.Err() == nil {
					undo(s.machine)
				}
			})
		}
	})
	return nil
}

// control answers POST /sim/<verb>: 200 with what there is to say, 400 with an error.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	do, known := verbs[r.URL.Path[len("/sim/"):]]
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	var o order
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		refuseOrder(w, err)
		return
	}
	said, err := do(s, o)
	if err != nil {
		refuseOrder(w, err)
		return
	}
	if file, ok := said.([]byte); ok {
		w.Header().Set("Content-Type", "application/x-tar")
		_, _ = w.Write(file) // nobody left to tell
		return
	}
	if said == nil {
		said = map[string]any{}
	}
	answerJSON(w, said)
}

func refuseOrder(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // nobody left to tell
}
