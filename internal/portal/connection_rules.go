// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
)

// ruleLine is one rule about a parameter of create or join, in a sentence. Remove is empty where nothing may be changed.
type ruleLine struct {
	Text   string
	Code   string // as documentation writes it: force record=false
	Remove Button
}

// ruleForm adds a rule.
type ruleForm struct {
	Errors   FormErrors
	Action   string
	Have     string // of the rules the reader has seen
	Operator Select
	Name     Field
	Value    Field
	Changed  *Notice
}

// operators in the order in which they are applied.
var operators = []string{"default", "add", "cap", "force"}

func rulesOf(r *Request, path string, c membership.Connection, m Mistakes) ([]ruleLine, ruleForm) {
	have := fingerprint(c.Params)
	lines := make([]ruleLine, 0, len(c.Params))
	for i, p := range c.Params {
		code := p.Operator + " " + p.Name + "=" + p.Value
		lines = append(lines, ruleLine{
			Text: ruleWords(r, p), Code: code,
			Remove: Button{
				Kind: ButtonPlain, Small: true, Label: r.P.T("connections.rule_remove"), Describe: r.P.T("connections.rule_remove_one", map[string]any{"Rule": code}),
				Name: "rule", Value: strconv.Itoa(i) + " " + have, Post: path + "/rules/remove",
			},
		})
	}
	form := ruleForm{
		Errors: m.Summary(), Action: path + "/rules", Have: have,
		Operator: Select{Name: "operator", Label: r.P.T("connections.operator")},
		Name: Field{
			Name: "param", ID: "f-params", Label: r.P.T("connections.param"), Hint: r.P.T("connections.param_hint"), Value: r.FormValue("param"), Error: m.Of("params"), MaxLength: 100, Placeholder: "muteOnStart",
		},
		Value: Field{Name: "value", Label: r.P.T("connections.value"), Hint: r.P.T("connections.value_hint"), Value: r.FormValue("value"), MaxLength: 2000, Placeholder: "true", Optional: true},
	}
	for _, o := range operators {
		form.Operator.Options = append(form.Operator.Options, Choice{Value: o, Label: r.P.T("connections.operator." + o), Chosen: o == r.FormValue("operator")})
	}
	return lines, form
}

// ruleWords says what a rule does, for those who do not know the operators.
func ruleWords(r *Request, p membership.Param) string {
	key := "connections.rule." + p.Operator
	if p.Operator == "force" && p.Value == "" {
		key = "connections.rule.remove"
	}
	return r.P.T(key, map[string]any{"Name": p.Name, "Value": p.Value})
}

// fingerprint tells whether the rules are still those somebody has seen: two managers at once do not undo each other.
func fingerprint(params []membership.Param) string {
	text, err := json.Marshal(params)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func (h *Handler) ruleAdd(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	if fingerprint(f.Current.Params) != r.FormValue("have") {
		return h.rulesChanged(w, r)
	}
	rule := membership.Param{Operator: r.FormValue("operator"), Name: strings.TrimSpace(r.FormValue("param")), Value: strings.TrimSpace(r.FormValue("value"))}
	return h.ruleSave(w, r, f.Current, append(slices.Clone(f.Current.Params), rule), "connection_rule_added")
}

func (h *Handler) ruleRemove(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	place, have, _ := strings.Cut(r.FormValue("rule"), " ")
	i, err := strconv.Atoi(place)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "input.unreadable")
	}
	if fingerprint(f.Current.Params) != have || i < 0 || i >= len(f.Current.Params) {
		return h.rulesChanged(w, r)
	}
	return h.ruleSave(w, r, f.Current, slices.Delete(slices.Clone(f.Current.Params), i, i+1), "connection_rule_removed")
}

func (h *Handler) ruleSave(w http.ResponseWriter, r *Request, c membership.Connection, rules []membership.Param, done string) error {
	_, err := h.Members.SetParams(r.Context(), r.Actor(), c.ID, rules)
	if fault.CodeOf(err) == "connection.place" {
		var c fault.Check
		c.Field(false, "params", "connection.place")
		err = c.Err()
	}
	if m, wrong := mistakes(r.P, err); wrong {
		page, err := h.connection(r, m)
		if err != nil {
			return err
		}
		return h.render(w, r, http.StatusUnprocessableEntity, "connection_show", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, h.connectionPath(r, keyword(c))+"#rules", done)
}

// rulesChanged shows the rules as they are now; what was typed stays in the form.
func (h *Handler) rulesChanged(w http.ResponseWriter, r *Request) error {
	page, err := h.connection(r, Mistakes{})
	if err != nil {
		return err
	}
	page.Adding.Changed = &Notice{Kind: NoticeWarn, Text: r.P.T("connections.rules_changed")}
	page.Alarm = page.Adding.Changed.Text
	return h.render(w, r, http.StatusConflict, "connection_show", page)
}
