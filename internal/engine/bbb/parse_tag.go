// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// start reads <name a="b"> or <name/>.
func (p *parser) start() (e *Element, closed bool, err error) {
	p.pos++
	name, err := p.name()
	if err != nil {
		return nil, false, err
	}
	if err := p.count(); err != nil {
		return nil, false, err
	}
	e = &Element{Name: name}
	for {
		spaced := p.space()
		switch {
		case p.at(">"):
			p.pos++
			return e, false, nil
		case p.at("/>"):
			p.pos += len("/>")
			return e, true, nil
		case !spaced:
			return nil, false, p.fail("a broken tag")
		}
		a, err := p.attribute()
		if err != nil {
			return nil, false, err
		}
		if err := p.count(); err != nil {
			return nil, false, err
		}
		for _, other := range e.Attrs {
			if other.Name == a.Name {
				return nil, false, p.fail("an attribute twice")
			}
		}
		if len(e.Attrs) == maxAttrs {
			return nil, false, p.fail("too many attributes")
		}
		e.Attrs = append(e.Attrs, a)
	}
}

func (p *parser) count() error {
	if p.nodes++; p.nodes > maxNodes {
		return p.fail("too many elements")
	}
	return nil
}

// end reads </name>, which must be of the element that is open.
func (p *parser) end(top *frame) error {
	p.pos += len("</")
	if !p.at(top.el.Name) {
		return p.fail("the end of another element")
	}
	p.pos += len(top.el.Name)
	p.space()
	if !p.at(">") {
		return p.fail("the end of another element")
	}
	p.pos++
	if len(top.el.Kids) == 0 || len(bytes.Trim(top.text, " \t\r\n")) > 0 {
		top.el.Text = string(top.text)
	}
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *parser) name() (string, error) {
	n := nameLength(p.src[p.pos:])
	if n == 0 {
		return "", p.fail("no name")
	}
	b := p.src[p.pos : p.pos+n]
	name, known := names[string(b)]
	if !known {
		if name = string(b); !prefixFits(name) {
			return "", p.fail("a name with a broken prefix")
		}
	}
	p.pos += n
	return name, nil
}

func (p *parser) attribute() (Attr, error) {
	name, err := p.name()
	if err != nil {
		return Attr{}, err
	}
	p.space()
	if !p.at("=") {
		return Attr{}, p.fail("an attribute without value")
	}
	p.pos++
	p.space()
	if !p.at(`"`) && !p.at("'") {
		return Attr{}, p.fail("a value without quotes")
	}
	quote := p.src[p.pos]
	p.pos++
	n := bytes.IndexByte(p.src[p.pos:], quote)
	if n < 0 {
		return Attr{}, p.fail("a value without end")
	}
	raw := p.src[p.pos : p.pos+n]
	if bytes.IndexByte(raw, '<') >= 0 {
		return Attr{}, p.fail("< in a value")
	}
	value, err := p.decode(nil, raw)
	if err != nil {
		return Attr{}, err
	}
	p.pos += n + 1
	return Attr{name, string(value)}, nil
}

// decode appends text with its references resolved and its line ends as one character.
func (p *parser) decode(to, raw []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return lines(to, raw), nil
		}
		to = lines(to, raw[:i])
		raw = raw[i+1:]
		n := bytes.IndexByte(raw[:min(len(raw), 12)], ';') // the longest is &#x10FFFF; with some zeros
		if n < 0 {
			return nil, p.fail("a broken reference")
		}
		r, ok := reference(string(raw[:n]))
		if !ok {
			return nil, p.fail("an unknown reference")
		}
		to = utf8.AppendRune(to, r)
		raw = raw[n+1:]
	}
}

// lines appends text; each line end becomes one line feed (XML 1.0, section 2.11).
func lines(to, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\r')
		if i < 0 {
			return append(to, raw...)
		}
		to = append(append(to, raw[:i]...), '\n')
		raw = raw[i+1:]
		if len(raw) > 0 && raw[0] == '\n' {
			raw = raw[1:]
		}
	}
}

func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, found := strings.CutPrefix(name, "#")
	if !found {
		return 0, false
	}
	base := 10
	if rest, found := strings.CutPrefix(digits, "x"); found {
		digits, base = rest, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !isChar(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// names are those of which answers are made, so that each is one string and not a hundred thousand.
var names = func() map[string]string {
	m := map[string]string{}
	for _, n := range strings.Fields(`response returncode messageKey message meetings meeting attendees attendee metadata customdata
		meetingName meetingID internalMeetingID parentMeetingID createTime createDate voiceBridge dialNumber attendeePW moderatorPW running
		duration hasUserJoined recording hasBeenForciblyEnded startTime endTime participantCount listenerCount voiceParticipantCount videoCount
		maxUsers moderatorCount isBreakout breakoutRooms breakout sequence freeJoin userID fullName role isPresenter isListeningOnly hasJoinedVoice
		hasVideo clientType recordings recordID name published state participants rawSize size playback format type url processingTime length
		preview images image width height alt totalElements bbb-origin bbb-origin-version bbb-origin-server-name`) {
		m[n] = n
	}
	return m
}()
