// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"meetcoop/internal/membership"
)

// record is a block of Scalelite's lists: "id: ..." and indented lines below it.
type record struct {
	line   int
	fields map[string]string
	tenant string // of a setting: the "Tenant:" above it
}

// scaleliteText reads the lists as rake prints them.
func (m *mover) scaleliteText(text string) {
	var records []record
	var settings []record
	tenant, table := "", false
	for i, raw := range strings.Split(text, "\n") {
		line, n := strings.TrimSpace(raw), i+1
		key, value, ok := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "Total number of tenants"), strings.HasPrefix(line, "No "):
			table = false
		case strings.EqualFold(strings.ReplaceAll(line, " ", ""), "tenantid,name,secrets"):
			table = true
		case table:
			cells := strings.SplitN(line, ",", 3)
			if len(cells) != 3 {
				m.complain(n, "not a line of id, name and secrets")
				continue
			}
			m.tenant(n, cells[0], cells[1], strings.TrimSpace(cells[2]))
		case ok && key == "Tenant":
			tenant = value
		case ok && key == "id":
			r := record{n, map[string]string{"id": value}, tenant}
			if tenant != "" {
				settings = append(settings, r)
			} else {
				records = append(records, r)
			}
		case ok || !strings.ContainsAny(line, " \t"): // a state stands alone
			last := lastOf(records, settings, tenant)
			if last == nil {
				m.complain(n, "%q belongs to nothing above it", line)
				continue
			}
			last[key] = value
		default:
			m.complain(n, "%q is no line of a list of Scalelite", line)
		}
	}
	for _, r := range records {
		switch {
		case r.fields["url"] != "":
			m.server(r.line, r.fields["url"], r.fields["secret"], r.fields["load multiplier"], r.fields["tag"])
		case r.fields["name"] != "":
			m.tenant(r.line, r.fields["id"], r.fields["name"], r.fields["secrets"])
		default:
			m.complain(r.line, "neither a tenant nor a server")
		}
	}
	for _, r := range settings {
		m.setting(r.line, r.tenant, r.fields["param"], r.fields["value"], r.fields["override"])
	}
}

func lastOf(records, settings []record, tenant string) map[string]string {
	from := records
	if tenant != "" {
		from = settings
	}
	if len(from) == 0 {
		return nil
	}
	return from[len(from)-1].fields
}

// loose is a JSON value that Scalelite may write as text, number or truth.
type loose string

// UnmarshalJSON takes any simple value.
func (t *loose) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = loose(s)
		return nil
	}
	if bytes.ContainsAny(b, "{[") {
		return fmt.Errorf("not a simple value: %.20s", b)
	}
	if string(b) != "null" {
		*t = loose(b)
	}
	return nil
}

func (m *mover) scaleliteJSON(raw []byte) {
	var in struct {
		Tenants []struct {
			ID, Name, Secrets loose
		} `json:"tenants"`
		Settings []struct {
			Tenant, Param, Value, Override loose
		} `json:"settings"`
		Servers []struct {
			URL        loose `json:"url"`
			Secret     loose `json:"secret"`
			Multiplier loose `json:"load_multiplier"`
			Tag        loose `json:"tag"`
		} `json:"servers"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		m.complain(0, "the JSON cannot be read: %v", err)
		return
	}
	for _, t := range in.Tenants {
		m.tenant(0, string(t.ID), string(t.Name), string(t.Secrets))
	}
	for _, s := range in.Settings {
		m.setting(0, string(s.Tenant), string(s.Param), string(s.Value), string(s.Override))
	}
	for _, s := range in.Servers {
		m.server(0, string(s.URL), string(s.Secret), string(s.Multiplier), string(s.Tag))
	}
}

type b3frontend struct {
	Active *bool `json:"active"`
	BBB    struct {
		Key    string `json:"key"`
		Secret string `json:"secret"`
	} `json:"bbb"`
	Settings struct {
		RequiredTags []string `json:"required_tags"`
		Presentation *struct {
			URL   string `json:"url"`
			Force bool   `json:"force"`
		} `json:"default_presentation"`
		LimitAttendees *struct {
			Limit int `json:"limit"`
		} `json:"limit_attendees"`
		AttendeesLimit int              `json:"attendees_limit"`
		Default        map[string]loose `json:"create_default_params"`
		Override       map[string]loose `json:"create_override_params"`
	} `json:"settings"`
}

type b3backend struct {
	LoadFactor *float64 `json:"load_factor"`
	BBB        struct {
		Host   string `json:"host"`
		Secret string `json:"secret"`
	} `json:"bbb"`
	Settings struct {
		Tags []string `json:"tags"`
	} `json:"settings"`
}

// b3scale reads {"frontends": [...], "backends": [...]}, or one of the two lists alone as the API answers it.
func (m *mover) b3scale(raw []byte) {
	var in struct {
		Frontends []b3frontend `json:"frontends"`
		Backends  []b3backend  `json:"backends"`
	}
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		var list []json.RawMessage
		err = json.Unmarshal(raw, &list)
		for _, item := range list {
			var f b3frontend
			if json.Unmarshal(item, &f) == nil && f.BBB.Key != "" {
				in.Frontends = append(in.Frontends, f)
				continue
			}
			var b b3backend
			if e := json.Unmarshal(item, &b); e != nil {
				err = e
			}
			in.Backends = append(in.Backends, b)
		}
	} else {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		m.complain(0, "the JSON cannot be read: %v", err)
		return
	}
	for _, f := range in.Frontends {
		m.frontend(f)
	}
	for _, b := range in.Backends {
		multiplier := ""
		if b.LoadFactor != nil {
			multiplier = fmt.Sprint(*b.LoadFactor)
		}
		m.server(0, b.BBB.Host, b.BBB.Secret, multiplier, b.Settings.Tags...)
	}
}

func (m *mover) frontend(f b3frontend) {
	if f.Active != nil && !*f.Active {
		return // switched off there
	}
	before := len(m.out.Connections)
	m.tenant(0, f.BBB.Key, f.BBB.Key, "")
	if len(m.out.Connections) == before {
		return
	}
	c := &m.out.Connections[before]
	if f.BBB.Secret != "" {
		c.Secrets = []string{f.BBB.Secret}
	}
	if c.Name != f.BBB.Key {
		m.complain(0, "the key %q cannot be kept in an address: its clients would need a new one", f.BBB.Key)
	}
	if f.Settings.LimitAttendees != nil {
		c.Seats = f.Settings.LimitAttendees.Limit
	}
	c.Seats = max(c.Seats, f.Settings.AttendeesLimit)
	add := func(operator string, params map[string]loose) {
		for _, name := range slices.Sorted(maps.Keys(params)) {
			c.Params = append(c.Params, membership.Param{Operator: operator, Name: name, Value: string(params[name])})
		}
	}
	add("default", f.Settings.Default)
	add("force", f.Settings.Override)
	if p := f.Settings.Presentation; p != nil && p.URL != "" {
		operator := "default"
		if p.Force {
			operator = "force"
		}
		c.Params = append(c.Params, membership.Param{Operator: operator, Name: "preUploadedPresentation", Value: p.URL})
	}
	if len(f.Settings.RequiredTags) > 0 {
		c.Params = append(c.Params, membership.Param{Operator: "force", Name: "meta_server-tag", Value: strings.Join(f.Settings.RequiredTags, ";") + "!"})
	}
}
