// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/id"
	"meetcoop/internal/live"
)

// meetRoutes are the posts of the meeting page, each one verb of live. All but the shell and the stream answer JSON.
func (h *Handler) meetRoutes() []Route {
	post := func(path string, do act) Route {
		return Route{http.MethodPost, "/meet/{meeting}/" + path, Guest, h.meet(do)}
	}
	plain := func(fn func(r *Request, m id.Meeting, who live.Who, in *actInput) error) act {
		return func(r *Request, m id.Meeting, in *actInput) (any, error) { return nil, fn(r, m, h.who(r), in) }
	}
	person := func(fn func(r *Request, m id.Meeting, who live.Who, target id.Participant, in *actInput) error) act {
		return func(r *Request, m id.Meeting, in *actInput) (any, error) {
			target, err := id.ParseParticipant(r.PathValue("participant"))
			if err != nil {
				return nil, err
			}
			return nil, fn(r, m, h.who(r), target, in)
		}
	}
	return []Route{
		{http.MethodGet, "/meet/{meeting}", Guest, h.meetShow},
		{http.MethodGet, "/meet/{meeting}/events", Guest, h.meetEvents},
		{http.MethodGet, "/meet/{meeting}/in", Guest, h.meetIn},
		{http.MethodGet, "/meet/{meeting}/wait", Guest, h.meetWait},
		{http.MethodPost, "/meet/{meeting}/wait/leave", Guest, h.meetWaitLeave},
		{http.MethodGet, "/meet/{meeting}/wait/events", Guest, h.meetWaitEvents},
		post("enter", h.meetEnter),
		post("chat", func(r *Request, m id.Meeting, in *actInput) (any, error) {
			return h.Live.Chat(r.Context(), m, h.who(r), live.ChatInput{Text: in.Text, To: in.To})
		}),
		post("hand", plain(func(r *Request, m id.Meeting, who live.Who, in *actInput) error {
			return h.Live.Hand(r.Context(), m, who, in.Up)
		})),
		post("react", plain(func(r *Request, m id.Meeting, who live.Who, in *actInput) error {
			return h.Live.React(r.Context(), m, who, in.Kind)
		})),
		post("rename", plain(func(r *Request, m id.Meeting, who live.Who, in *actInput) error {
			return h.Live.Rename(r.Context(), m, who, in.Name)
		})),
		post("leave", plain(func(r *Request, m id.Meeting, who live.Who, _ *actInput) error {
			return h.Live.Leave(r.Context(), m, who)
		})),
		post("end", plain(func(r *Request, m id.Meeting, who live.Who, _ *actInput) error {
			return h.Live.End(r.Context(), m, who)
		})),
		post("lock", plain(func(r *Request, m id.Meeting, who live.Who, in *actInput) error {
			return h.Live.Lock(r.Context(), m, who, live.LockInput{Chat: in.Chat, Mic: in.Mic, Camera: in.Camera, Screen: in.Screen, Names: in.Names})
		})),
		post("door", plain(func(r *Request, m id.Meeting, who live.Who, in *actInput) error {
			return h.Live.Door(r.Context(), m, who, in.Closed)
		})),
		post("mute-all", plain(func(r *Request, m id.Meeting, who live.Who, _ *actInput) error {
			return h.Live.MuteAll(r.Context(), m, who)
		})),
		post("people/{participant}/mute", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, in *actInput) error {
			return h.Live.Mute(r.Context(), m, who, target, in.Media)
		})),
		post("people/{participant}/remove", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, _ *actInput) error {
			return h.Live.Remove(r.Context(), m, who, target)
		})),
		post("people/{participant}/lift", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, _ *actInput) error {
			return h.Live.Lift(r.Context(), m, who, target)
		})),
		post("people/{participant}/role", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, in *actInput) error {
			return h.Live.SetRole(r.Context(), m, who, target, in.Role)
		})),
		post("people/{participant}/may", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, in *actInput) error {
			return h.Live.Allow(r.Context(), m, who, target, live.AllowInput{Mic: in.Mic, Camera: in.Camera, Screen: in.Screen, Chat: in.Chat})
		})),
		post("people/{participant}/hand", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, _ *actInput) error {
			return h.Live.LowerHand(r.Context(), m, who, target)
		})),
		post("lobby/{participant}/admit", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, _ *actInput) error {
			return h.Live.Admit(r.Context(), m, who, target)
		})),
		post("lobby/{participant}/deny", person(func(r *Request, m id.Meeting, who live.Who, target id.Participant, in *actInput) error {
			return h.Live.Deny(r.Context(), m, who, target, in.Text)
		})),
		post("lobby/admit-all", plain(func(r *Request, m id.Meeting, who live.Who, _ *actInput) error {
			return h.Live.AdmitAll(r.Context(), m, who)
		})),
	}
}
