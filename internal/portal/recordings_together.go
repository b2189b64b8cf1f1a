// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/recording"
)

// togetherForm does something to the recordings whose boxes are ticked.
type togetherForm struct {
	Errors FormErrors
	Action string
	Bar    BulkBar
}

// togetherPage says what several recordings did not become, and why.
type togetherPage struct {
	Page
	Notice Notice
	Left   []togetherLine
	Again  *againForm
	Back   Link
}

// togetherLine is a recording that is as it was.
type togetherLine struct{ Name, Href, Why string }

// againForm does the same once more, to those for which it may work now.
type againForm struct {
	Action string
	Hidden []Choice // the name is in Label
	Button Button
}

// accessAct begins the acts that say who can watch: "access-link".
const accessAct = "access-"

// togetherActs are what can be done to several recordings of a view, as the form names it.
func togetherActs(v recording.View) []string {
	if v == recording.ViewTrash {
		return []string{string(recording.ActRestore)}
	}
	out := []string{string(recording.ActPublish), string(recording.ActHide)}
	for _, a := range recording.Accesses {
		out = append(out, accessAct+string(a))
	}
	return append(out, string(recording.ActDiscard))
}

// togetherDone are the texts (done.<key>) of acts that are done to all.
var togetherDone = map[recording.Act]string{
	recording.ActPublish: "recordings_published", recording.ActHide: "recordings_hidden", recording.ActAccess: "recordings_access",
	recording.ActDiscard: "recordings_deleted", recording.ActRestore: "recordings_restored",
}

// pickedOf tells which boxes are ticked: those of the form that was sent, and all by a link for browsers without scripts.
func pickedOf(r *Request) func(recording.ID) bool {
	if r.URL.Query().Get("tick") == "all" {
		return func(recording.ID) bool { return true }
	}
	sent := r.PostForm["picks"]
	return func(rec recording.ID) bool { return slices.Contains(sent, string(rec)) }
}

func togetherFormOf(r *Request, f recordingFigures, q recordingQuery, path string) *togetherForm {
	out := &togetherForm{Errors: f.Mistakes.Summary(), Action: q.here(path), Bar: BulkBar{
		ID: "f-picks", Text: r.P.T("recordings.together_hint"), Count: r.P.T("recordings.together_count", map[string]any{"Count": "{n}", "All": "{all}"}),
		All: Link{Label: r.P.T("recordings.pick_all"), Href: q.tickAll(path)},
	}}
	acts := togetherActs(q.View)
	if len(acts) == 1 {
		out.Bar.Actions = []Button{{Kind: ButtonPlain, Icon: "undo-2", Label: r.P.T("recordings.restore"), Name: "act", Value: acts[0]}}
		return out
	}
	pick := &Select{Name: "act", Label: r.P.T("recordings.together"), Error: f.Mistakes.Of("act"), Options: []Choice{{Label: r.P.T("recordings.together_choose")}}}
	for _, a := range acts {
		pick.Options = append(pick.Options, Choice{Value: a, Label: r.P.T("recordings.together."+strings.ReplaceAll(a, "-", "_"), map[string]any{"Member": r.Hat.Member.Name}), Chosen: r.PostForm.Get("act") == a})
	}
	out.Bar.Act = pick
	out.Bar.Actions = []Button{{Kind: ButtonPlain, Label: r.P.T("recordings.together_apply")}}
	return out
}

// tickAll is the address of the list with all boxes of the page ticked.
func (q recordingQuery) tickAll(path string) string {
	to := q.here(path)
	if strings.Contains(to, "?") {
		return to + "&tick=all"
	}
	return to + "?tick=all"
}

// togetherInput reads the form. It is Invalid as the input is.
func togetherInput(r *Request) (in recording.TogetherInput, err error) {
	if err := r.ParseForm(); err != nil {
		return in, fault.Wrap(err, fault.Invalid, "input.unreadable")
	}
	in.Member = r.Hat.Member.ID
	for _, v := range r.PostForm["picks"] {
		in.IDs = append(in.IDs, recording.ID(v))
	}
	act := r.PostForm.Get("act")
	in.Act = recording.Act(act)
	if access, ok := strings.CutPrefix(act, accessAct); ok && slices.Contains(recording.Accesses, recording.Access(access)) {
		in.Act, in.Access = recording.ActAccess, recording.Access(access)
	}
	return in, nil
}

// recordingsTogether does one thing to several recordings of the list, and comes back to it; to a page that names them when some are as they
// were. Before it deletes it asks, on a page of its own.
func (h *Handler) recordingsTogether(w http.ResponseWriter, r *Request) error {
	in, err := togetherInput(r)
	if err != nil {
		return err
	}
	if in.Act == recording.ActDiscard {
		asked, err := h.deletedTogether(w, r, in)
		if asked || err != nil {
			return h.togetherRefused(w, r, err)
		}
	}
	done, err := h.Recordings.Together(r.Context(), r.Actor(), in)
	if err != nil {
		return h.togetherRefused(w, r, err)
	}
	here := recordingQueryOf(r).here(recordingPath(r.Hat.Member.Slug, ""))
	if len(done.Left) == 0 {
		return h.seeOther(w, r, here, togetherDone[in.Act])
	}
	h.Log.Info("recordings left as they were", "request_id", r.ID, "member", in.Member, "act", in.Act, "changed", len(done.Changed), "left", len(done.Left), "err", done.Left[0].Why)
	status := http.StatusOK
	if len(done.Changed)+len(done.Same) == 0 {
		status = http.StatusConflict
	}
	return h.render(w, r, status, "recordings_together", h.togetherOf(r, done, here))
}

// togetherRefused shows the list once more when the form was wrong.
func (h *Handler) togetherRefused(w http.ResponseWriter, r *Request, err error) error {
	m, wrong := mistakes(r.P, err)
	if !wrong {
		return err
	}
	f, err := h.recordingFigures(r, recordingQueryOf(r).Size)
	if err != nil {
		return err
	}
	f.Mistakes = m
	return h.render(w, r, http.StatusUnprocessableEntity, "recordings_list", h.recordingsOf(r, f))
}

// deletedTogether asks before several recordings are deleted; asked is false once the question was answered with yes.
func (h *Handler) deletedTogether(w http.ResponseWriter, r *Request, in recording.TogetherInput) (asked bool, err error) {
	some, err := h.Recordings.LookTogether(r.Context(), r.Actor(), in)
	if err != nil {
		return false, err
	}
	if len(some) == 0 { // gone meanwhile: the answer says so
		return false, nil
	}
	var m Mistakes
	status := http.StatusOK
	if r.PostForm.Get("sure") != "" {
		there := remoteOnes(some)
		if there == 0 {
			return false, nil
		}
		wrong, is := mistakes(r.P, countWrong(r, there))
		if !is {
			return false, nil
		}
		m, status = wrong, http.StatusUnprocessableEntity
	}
	return true, h.render(w, r, status, "confirm", h.deleteTogetherOf(r, some, m))
}

// countWrong returns Invalid with the field typed unless the number was typed.
func countWrong(r *Request, n int) error {
	var c fault.Check
	c.Field(strings.TrimSpace(r.PostForm.Get("typed")) == strconv.Itoa(n), "typed", "recording.typed_count", fault.Params{"Limit": n})
	return c.Err()
}

func remoteOnes(some []recording.Recording) (n int) {
	for _, v := range some {
		if v.Mode == recording.Remote {
			n++
		}
	}
	return n
}

// namesAtOnce is how many names of a question are shown without being asked for.
const namesAtOnce = 10

// deleteTogetherOf asks before several recordings are taken away. For those that are gone for good, on their servers, how many they are is typed.
func (h *Handler) deleteTogetherOf(r *Request, some []recording.Recording, m Mistakes) confirmPage {
	path, there := recordingPath(r.Hat.Member.Slug, ""), remoteOnes(some)
	here := recordingQueryOf(r).here(path)
	page := confirmPage{
		Page: h.page(r, "member_recordings", r.P.N("recordings.delete_together_title", len(some))), Errors: m.Summary(), Action: here,
		Text:    r.P.T("recordings.delete_together_text"),
		Effects: []string{r.P.T("recordings.delete_together_links")},
		Hidden:  []Choice{{Label: "act", Value: string(recording.ActDiscard)}, {Label: "sure", Value: "yes"}},
		Which:   &whichOnes{Title: r.P.T("recordings.together_which"), Open: len(some) <= namesAtOnce || m.Summary().Any()},
		Confirm: Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("recordings.delete")}, Back: Link{Label: r.P.T("portal.cancel"), Href: here},
	}
	page.Path = here // the page of a POST has no address to come back to
	for _, v := range some {
		page.Hidden = append(page.Hidden, Choice{Label: "picks", Value: string(v.ID)})
		page.Which.Names = append(page.Which.Names, recordingTitle(r, v))
	}
	if there < len(some) {
		page.Effects = append(page.Effects, r.P.N("recordings.delete_together_trash", len(some)-there))
	}
	if there > 0 {
		page.Effects = append(page.Effects, r.P.N("recordings.delete_together_remote", there))
		page.Typed = typedName(r, strconv.Itoa(there), m)
		page.Typed.Label, page.Typed.InputMode, page.Typed.MaxLength = r.P.T("recordings.delete_together_typed"), "numeric", 3
	}
	page.Trail = []Link{{Label: r.P.T("recordings.title"), Href: path}}
	return page
}

// togetherOf names the recordings that are as they were.
func (h *Handler) togetherOf(r *Request, done recording.Together, here string) togetherPage {
	path, n := recordingPath(r.Hat.Member.Slug, ""), len(done.Changed)+len(done.Same)
	page := togetherPage{Page: h.page(r, "member_recordings", r.P.T("recordings.together_part")), Back: Link{Label: r.P.T("recordings.together_back"), Href: here}}
	page.Notice = Notice{Kind: NoticeWarn, Text: r.P.N("recordings.together_done", n) + " " + r.P.N("recordings.together_left", len(done.Left))}
	if n == 0 {
		page.Page = h.page(r, "member_recordings", r.P.T("recordings.together_none"))
		page.Notice.Text = r.P.N("recordings.together_left", len(done.Left))
	}
	page.Page.Path = here
	page.Trail = []Link{{Label: r.P.T("recordings.title"), Href: path}}
	var again []Choice
	for _, v := range done.Left {
		line := togetherLine{Name: recordingTitle(r, v.Recording), Href: recordingPath(r.Hat.Member.Slug, v.ID), Why: r.P.Fault(v.Why)}
		if fault.CodeOf(v.Why) == "recording.unknown" {
			line = togetherLine{Name: r.P.T("recordings.together_gone"), Why: r.P.T("recordings.together_gone_why", map[string]any{"Member": r.Hat.Member.Name})}
		}
		page.Left = append(page.Left, line)
		if kind := fault.KindOf(v.Why); kind == fault.Unavailable || kind == fault.Internal || fault.CodeOf(v.Why) == "recording.meanwhile" {
			again = append(again, Choice{Label: "picks", Value: string(v.ID)})
		}
	}
	if again != nil {
		page.Again = &againForm{
			Action: here, Hidden: append(again, Choice{Label: "act", Value: r.PostForm.Get("act")}),
			Button: Button{Kind: ButtonPrimary, Icon: "refresh-cw", Label: r.P.T("portal.fault.again")},
		}
	}
	return page
}
