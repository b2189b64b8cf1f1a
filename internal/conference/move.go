// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/membership"
)

// Moved is what another load balancer's files say, in our words.
type Moved struct {
	Connections []MovedConnection
	Servers     []MovedServer
}

// MovedConnection is a tenant of Scalelite or a frontend of b3scale.
type MovedConnection struct {
	Name       string   // in its address; what was not allowed there became hyphens
	TenantName string   // as it was called, for getUser
	Origin     string   // by which its meetings and recordings name it; "" when the file does not say
	Secrets    []string // all stay valid, the first is the newest
	Params     []membership.Param
	Seats      int // most people at once; 0 is no limit of its own
	Line       int
}

// MovedServer is a server of the cluster; it begins disabled.
type MovedServer struct {
	URL, Secret string
	Weight      float64 // 1 is normal; Scalelite's load multiplier is its inverse
	Tags        []string
	Line        int
}

// MoveProblem is something in the files that cannot be taken over.
type MoveProblem struct {
	Line int    `json:"line"` // 0 when the file has none (JSON)
	Text string `json:"problem"`
}

const mostMoved = 4 << 20 // bytes of a file

// ReadMoved reads what Scalelite prints (rake tenants, tenants:showall, tenantSettings, servers; several lists may follow each
// other) or the same as JSON, or the JSON of b3scale's API (/frontends, /backends). Nothing is taken over when there is a problem.
func ReadMoved(from string, r io.Reader) (Moved, []MoveProblem) {
	raw, err := io.ReadAll(io.LimitReader(r, mostMoved+1))
	if err != nil || len(raw) > mostMoved {
		return Moved{}, []MoveProblem{{0, "the file cannot be read, or has more than 4 MiB"}}
	}
	m := &mover{}
	switch text := strings.TrimSpace(string(raw)); {
	case from == "b3scale":
		m.b3scale(raw)
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		m.scaleliteJSON(raw)
	default:
		m.scaleliteText(string(raw))
	}
	m.check()
	return m.out, m.problems
}

type mover struct {
	out      Moved
	problems []MoveProblem
}

func (m *mover) complain(line int, format string, args ...any) {
	m.problems = append(m.problems, MoveProblem{line, fmt.Sprintf(format, args...)})
}

// check finds what no single line shows.
func (m *mover) check() {
	names, origins := map[string]int{}, map[string]int{}
	for _, c := range m.out.Connections {
		if before, twice := names[c.Name]; twice {
			m.complain(c.Line, "%q and line %d would have the same address", c.TenantName, before)
		}
		names[c.Name] = c.Line
		if before, twice := origins[c.Origin]; twice && c.Origin != "" {
			m.complain(c.Line, "%q and line %d have the same id", c.TenantName, before)
		}
		origins[c.Origin] = c.Line
		if len(c.Secrets) == 0 {
			m.complain(c.Line, "%q has no secret", c.TenantName)
		}
		for _, s := range c.Secrets {
			if len(s) < 8 || len(s) > 512 {
				m.complain(c.Line, "a secret of %q has %d characters, not 8 to 512", c.TenantName, len(s))
			}
		}
	}
	urls := map[string]bool{}
	for _, s := range m.out.Servers {
		if s.Secret == "" {
			m.complain(s.Line, "%s has no secret", s.URL)
		}
		if urls[s.URL] {
			m.complain(s.Line, "%s is there twice", s.URL)
		}
		urls[s.URL] = true
	}
	if len(m.out.Connections) == 0 && len(m.out.Servers) == 0 && len(m.problems) == 0 {
		m.complain(0, "there is no tenant, frontend or server in it")
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// addressName makes of what something was called a name for its address.
func addressName(text string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if len(name) > 63 {
		name = strings.Trim(name[:63], "-")
	}
	return name
}

func (m *mover) tenant(line int, origin, name, secrets string) {
	name = strings.TrimSpace(name)
	at := addressName(name)
	if at == "" {
		m.complain(line, "%q makes no address: it has no letter or digit", name)
		return
	}
	c := MovedConnection{Name: at, TenantName: name, Origin: strings.TrimSpace(origin), Line: line, Params: []membership.Param{}}
	for s := range strings.SplitSeq(secrets, ":") {
		if s = strings.TrimSpace(s); s != "" {
			c.Secrets = append(c.Secrets, s)
		}
	}
	m.out.Connections = append(m.out.Connections, c)
}

func (m *mover) setting(line int, tenant, param, value, override string) {
	i := slices.IndexFunc(m.out.Connections, func(c MovedConnection) bool { return c.TenantName == tenant })
	if i < 0 {
		m.complain(line, "a setting of %q, which is no tenant in the file", tenant)
		return
	}
	p := membership.Param{Operator: "default", Name: param, Value: value}
	if strings.EqualFold(override, "true") {
		p.Operator = "force"
	}
	m.out.Connections[i].Params = append(m.out.Connections[i].Params, p)
}

func (m *mover) server(line int, url, secret, multiplier string, tags ...string) {
	weight := 1.0
	if f, err := strconv.ParseFloat(multiplier, 64); err == nil && f > 0 && !math.IsInf(f, 0) {
		weight = 1 / f
	} else if multiplier != "" && (err != nil || f != 0) {
		m.complain(line, "the load multiplier %q is no number above 0", multiplier)
	}
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		m.complain(line, "%q is no address of a server", url)
		return
	}
	m.out.Servers = append(m.out.Servers, MovedServer{URL: url, Secret: secret, Weight: weight, Tags: slices.DeleteFunc(tags, func(t string) bool { return t == "" }), Line: line})
}
