// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// params are those of one request: the first value of each, without control characters, trimmed.
type params struct{ values url.Values }

func (p params) has(key string) bool { return len(p.values[key]) > 0 }

func (p params) get(key string) string {
	if !p.has(key) {
		return ""
	}
	return sanitised(p.values[key][0])
}

// flag reads a word: true in any case is true, anything else false; def when it is absent or empty.
func (p params) flag(key string, def bool) bool {
	v := p.get(key)
	if v == "" {
		return def
	}
	return strings.EqualFold(v, "true")
}

// number reads a whole number; def when it is absent or none.
func (p params) number(key string, def int) int {
	n, err := strconv.Atoi(p.get(key))
	if err != nil {
		return def
	}
	return n
}

// sanitised is how every value is read before anything looks at it.
func sanitised(v string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, v))
}

// maxBody bounds what the simulator reads: a server takes about 2 MB of slides in a body, and some room for tests beyond.
const maxBody = 8 << 20

// hasBody reports whether a body was announced; only then its type matters.
func hasBody(r *http.Request) bool { return r.ContentLength > 0 || len(r.TransferEncoding) > 0 }

// typeFits reports whether the body's media type is in the list of the call. Parameters such as a charset do not matter.
func typeFits(r *http.Request, types []string) bool {
	if !hasBody(r) {
		return true
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && slices.Contains(types, media)
}

// errTooLarge is a body that no server reads to its end.
var errTooLarge = errors.New("bbbtest: body too large")

// read gathers the parameters of query and form body, and keeps the body.
func (c *call) read() error {
	r := c.http
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if hasBody(r) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		if err != nil {
			return err
		}
		if len(body) > maxBody {
			return errTooLarge
		}
		c.body = body
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	switch {
	case r.Method == http.MethodPost && media == "multipart/form-data":
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return err
		}
	case r.Method == http.MethodPost && media == "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return err
		}
	default:
		q, err := url.ParseQuery(r.URL.RawQuery)
		c.p = params{q}
		return err
	}
	c.p = params{r.Form}
	return nil
}

// breach is a rule a request breaks: its stable key and a sentence that is not.
type breach struct{ key, text string }

// meetingID checks the one parameter that most calls share.
func (p params) meetingID(creating bool) *breach {
	v := p.get("meetingID")
	switch n := utf8.RuneCountInString(v); {
	case v == "":
		return &breach{"missingParamMeetingID", "You must provide a meeting ID"}
	case n < 2 || n > 256:
		return &breach{"sizeError", "Meeting ID must be between 2 and 256 characters"}
	case strings.Contains(v, ",") || (creating && v != p.values["meetingID"][0]):
		return &breach{"validationError", "Meeting ID cannot contain ','"}
	}
	return nil
}

// name checks the name of a new meeting.
func (p params) name() *breach {
	v := p.get("name")
	switch n := utf8.RuneCountInString(v); {
	case !p.has("name"):
		return &breach{"nullError", "You must provide a meeting name"}
	case v == "":
		return &breach{"emptyError", "You must provide a meeting name"}
	case n < 2 || n > 256:
		return &breach{"sizeError", "Meeting name must be between 2 and 256 characters"}
	}
	return nil
}

// password checks one that may be absent.
func (p params) password(key string) *breach {
	if n := utf8.RuneCountInString(p.get(key)); n != 0 && (n < 2 || n > 64) {
		return &breach{"invalidPassword", "Password must be between 2 and 64 characters"}
	}
	return nil
}

// boolean checks a word that is read as true or false.
func (p params) boolean(key string) *breach {
	switch strings.ToLower(p.get(key)) {
	case "", "true", "false", "0", "1":
		return nil
	}
	return &breach{"validationError", key + " must be a boolean value (true or false)"}
}

// integer checks a number that may be absent.
func (p params) integer(key string) *breach {
	v := p.get(key)
	if v == "" {
		return nil
	}
	if _, err := strconv.ParseInt(v, 10, 64); err != nil {
		return &breach{"validationError", key + " must contain only digits"}
	}
	return nil
}

// first returns the first breach there is.
func first(all ...*breach) *breach {
	for _, b := range all {
		if b != nil {
			return b
		}
	}
	return nil
}

// meta returns the parameters meta_<name> whose whole key has the form the server takes, by lower-case name. Others are dropped
// without a word, those with a further underscore among them.
func (p params) meta() map[string]string {
	out := map[string]string{}
	for key := range p.values {
		name, ok := strings.CutPrefix(key, "meta_")
		if ok && metaName(name) {
			out[strings.ToLower(name)] = p.get(key)
		}
	}
	return out
}

func metaName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || (r != '-' && (r < '0' || r > '9'))) {
			return false
		}
	}
	return s != ""
}
