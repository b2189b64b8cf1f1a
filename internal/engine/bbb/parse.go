// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// What one answer may be at most (gateway.md F3).
const (
	MaxAnswer = 16 << 20 // bytes
	maxDepth  = 32       // elements within each other, the root included
	maxNodes  = 1 << 19  // elements and attributes: as many as MaxAnswer holds of ordinary ones, and 60 MB of memory at the very worst
	maxAttrs  = 64       // of one element
)

var errTooLarge = errors.New("the answer is larger than allowed")

// ParseXML reads one answer: a single element <response>, well-formed to the very end, in UTF-8, without document type, entities
// of its own and processing instructions; at most so many bytes (0 is MaxAnswer), 32 deep. Everything else is an error, a truncated
// answer too. The error says where and what, and never holds a piece of the answer.
func ParseXML(r io.Reader, maxBytes int64) (*Element, error) {
	if maxBytes <= 0 {
		maxBytes = MaxAnswer
	}
	src, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(src)) > maxBytes {
		return nil, errTooLarge
	}
	return parse(src)
}

func parse(src []byte) (*Element, error) {
	p := parser{src: src}
	if err := p.characters(); err != nil {
		return nil, err
	}
	root, err := p.document()
	if err != nil {
		again := parser{src: src, lenient: true}
		if root, _ = again.document(); root == nil {
			return nil, err
		}
	}
	if root.Name != "response" {
		return nil, errors.New("the answer is no <response>")
	}
	return root, nil
}

// parser goes once over an answer. It is written for exactly this subset: it is several times as fast as encoding/xml, which the polls
// of hundreds of servers feel, and has nothing that could be turned on by an answer.
type parser struct {
	src   []byte
	pos   int
	nodes int
	open  []frame
	above int // elements around the first, in the answer it was cut from

	lenient bool // custom data may be broken; see customdata
	endless bool // there is no end of custom data from here on
}

// frame is an element whose end has not come. Its buffer is used again by later elements of the same depth.
type frame struct {
	el   *Element
	text []byte
}

func (p *parser) fail(what string) error {
	return fmt.Errorf("xml at byte %d: %s", p.pos, what)
}

// characters looks at all bytes once, so that nothing after it needs to.
func (p *parser) characters() error {
	if !utf8.Valid(p.src) {
		return errors.New("xml: not UTF-8")
	}
	for i, c := range p.src {
		illegal := c < ' ' && c != '\t' && c != '\n' && c != '\r' ||
			c == 0xEF && p.src[i+1] == 0xBF && p.src[i+2] >= 0xBE // U+FFFE and U+FFFF; valid UTF-8 has two bytes after 0xEF
		if illegal {
			p.pos = i
			return p.fail("a character that XML does not allow")
		}
	}
	return nil
}

func (p *parser) at(prefix string) bool {
	return len(p.src)-p.pos >= len(prefix) && string(p.src[p.pos:p.pos+len(prefix)]) == prefix
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// space skips white space and reports whether there was some.
func (p *parser) space() bool {
	from := p.pos
	for p.pos < len(p.src) && isSpace(p.src[p.pos]) {
		p.pos++
	}
	return p.pos > from
}

func (p *parser) document() (*Element, error) {
	if p.at("\uFEFF") {
		p.pos += len("\uFEFF")
	}
	if err := p.declaration(); err != nil {
		return nil, err
	}
	if err := p.misc(); err != nil {
		return nil, err
	}
	root, err := p.tree()
	if err != nil {
		return nil, err
	}
	if err := p.misc(); err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, p.fail("something after the end")
	}
	return root, nil
}

// declaration reads <?xml version="1.0" encoding="UTF-8"?>, which most answers do without.
func (p *parser) declaration() error {
	if !p.at("<?xml") {
		return nil
	}
	p.pos += len("<?xml")
	for step := 0; ; {
		spaced := p.space()
		if p.at("?>") {
			if step == 0 {
				return p.fail("a declaration without version")
			}
			p.pos += len("?>")
			return nil
		}
		if !spaced {
			return p.fail("a broken declaration")
		}
		a, err := p.attribute()
		if err != nil {
			return err
		}
		switch {
		case a.Name == "version" && step == 0 && a.Value == "1.0":
			step = 1
		case a.Name == "encoding" && step == 1 && strings.EqualFold(a.Value, "utf-8"):
			step = 2
		case a.Name == "standalone" && (step == 1 || step == 2) && (a.Value == "yes" || a.Value == "no"):
			step = 3
		default:
			return p.fail("a declaration of something else than XML 1.0 in UTF-8")
		}
	}
}

// misc skips white space and comments outside the root.
func (p *parser) misc() error {
	for {
		p.space()
		if !p.at("<!--") {
			return nil
		}
		if err := p.comment(); err != nil {
			return err
		}
	}
}

func (p *parser) comment() error {
	p.pos += len("<!--")
	i := bytes.Index(p.src[p.pos:], []byte("--"))
	if i < 0 {
		return p.fail("a comment without end")
	}
	p.pos += i + len("--")
	if !p.at(">") {
		return p.fail("-- inside a comment")
	}
	p.pos++
	return nil
}

// tree reads one element with all that is in it.
func (p *parser) tree() (*Element, error) {
	if !p.at("<") {
		return nil, p.fail("no element")
	}
	root, closed, err := p.start()
	if err != nil || closed {
		return root, err
	}
	p.push(root)
	for len(p.open) > 0 {
		top := &p.open[len(p.open)-1]
		next := bytes.IndexByte(p.src[p.pos:], '<')
		if next < 0 {
			p.pos = len(p.src)
			return nil, p.fail("the answer is not complete")
		}
		if next > 0 {
			piece := p.src[p.pos : p.pos+next]
			if bytes.Contains(piece, []byte("]]>")) {
				return nil, p.fail("]]> in text")
			}
			if top.text, err = p.decode(top.text, piece); err != nil {
				return nil, err
			}
			p.pos += next
		}
		switch {
		case p.at("</"):
			if err := p.end(top); err != nil {
				return nil, err
			}
		case p.at("<!--"):
			if err := p.comment(); err != nil {
				return nil, err
			}
		case p.at("<![CDATA["):
			p.pos += len("<![CDATA[")
			n := bytes.Index(p.src[p.pos:], []byte("]]>"))
			if n < 0 {
				return nil, p.fail("a CDATA section without end")
			}
			top.text = lines(top.text, p.src[p.pos:p.pos+n])
			p.pos += n + len("]]>")
		case p.at("<!"), p.at("<?"):
			return nil, p.fail("a document type or an instruction")
		default:
			kid, closed, err := p.start()
			if err != nil {
				return nil, err
			}
			if p.above+len(p.open) == maxDepth {
				return nil, p.fail("too deep")
			}
			top.el.Kids = append(top.el.Kids, kid)
			if p.lenient && !closed && kid.Name == "customdata" && top.el.Name == "attendee" && p.customdata(kid) {
				continue
			}
			if !closed {
				p.push(kid)
			}
		}
	}
	return root, nil
}

func (p *parser) push(e *Element) {
	if n := len(p.open); n < cap(p.open) {
		p.open = p.open[:n+1]
		p.open[n].el, p.open[n].text = e, p.open[n].text[:0]
		return
	}
	p.open = append(p.open, frame{el: e})
}

// customdata reads what is in <customdata> and the tag that ends it, and reports whether it found the end. Servers write the names
// of userdata-<name> parameters as they were given (bigbluebutton/bigbluebutton, freemarker/get-meetings.ftlx: <${prop}>), so that
// one person with userdata-1x makes the answer about all meetings of a server no XML. What is broken there is left out; the
// rest of the answer stays as strict as ever.
//
// The end is </customdata></attendee> and then <attendee> or </attendees>. No names can imitate it: each is written as a start and
// an end tag with a value between, all three escaped, and three tags in a row of this form would need a name that is one of them
// and its own end tag the next.
func (p *parser) customdata(e *Element) bool {
	const tag = "</customdata>"
	for from := p.pos; !p.endless; {
		n := bytes.Index(p.src[from:], []byte(tag))
		if n < 0 {
			p.endless = true
			break
		}
		from += n + len(tag)
		if !endOfAttendee(p.src[from:]) {
			continue
		}
		inside := parser{src: append([]byte("<customdata>"), p.src[p.pos:from]...), nodes: p.nodes, above: p.above + len(p.open)}
		if whole, err := inside.tree(); err == nil && inside.pos == len(inside.src) {
			e.Text, e.Kids = whole.Text, whole.Kids
			p.nodes = inside.nodes
		}
		p.pos = from
		return true
	}
	return false
}

func endOfAttendee(b []byte) bool {
	b, found := bytes.CutPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("</attendee>"))
	b = bytes.TrimLeft(b, " \t\r\n")
	return found && (bytes.HasPrefix(b, []byte("<attendee>")) || bytes.HasPrefix(b, []byte("</attendees>")))
}
