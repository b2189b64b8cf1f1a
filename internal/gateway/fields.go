// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// check is one rule about the fields of a call; nil is kept.
type check func(r *request) error

// meetingID must be there, with 2 to 256 characters and no comma. In create the sanitised form must be the one given.
func meetingID(exact bool) check {
	return func(r *request) error {
		v := r.q.Get("meetingID")
		n := utf8.RuneCountInString(v)
		switch {
		case v == "":
			return problem{Key: "missingParamMeetingID", Message: "You must provide a meeting ID"}
		case n < 2 || n > 256:
			return problem{Key: "sizeError", Message: "Meeting ID must be between 2 and 256 characters"}
		case strings.Contains(v, ","):
			return problem{Key: "validationError", Message: "Meeting ID cannot contain a comma"}
		case exact && r.q.RawValue("meetingID") != v:
			return problem{Key: "validationError", Message: "Meeting ID contains characters that are not allowed"}
		}
		return nil
	}
}

// name of a meeting: there, with 2 to 256 characters.
func name(r *request) error {
	v := r.q.Get("name")
	n := utf8.RuneCountInString(v)
	switch {
	case !r.q.Has("name"):
		return problem{Key: "nullError", Message: "You must provide a meeting name"}
	case v == "":
		return problem{Key: "emptyError", Message: "You must provide a meeting name"}
	case n < 2 || n > 256:
		return problem{Key: "sizeError", Message: "Meeting name must be between 2 and 256 characters"}
	}
	return nil
}

// password is empty, or has 2 to 64 characters.
func password(key string) check {
	return func(r *request) error {
		n := utf8.RuneCountInString(r.q.Get(key))
		if n == 1 || n > 64 {
			return problem{Key: "invalidPassword", Message: key + " must be between 2 and 64 characters"}
		}
		return nil
	}
}

func integer(key string) check {
	return func(r *request) error {
		v := r.q.Get(key)
		if _, err := strconv.ParseInt(v, 10, 64); err != nil && v != "" {
			return problem{Key: "validationError", Message: key + " must be a whole number"}
		}
		return nil
	}
}

func boolean(key string) check {
	return func(r *request) error {
		switch strings.ToLower(r.q.Get(key)) {
		case "", "true", "false", "0", "1":
			return nil
		}
		return problem{Key: "validationError", Message: key + " must be true or false"}
	}
}

func fullName(r *request) error {
	if r.q.Get("fullName") == "" {
		return problem{Key: "missingParamFullName", Message: "You must provide your name"}
	}
	return nil
}

func (r *request) check(rules ...check) error {
	for _, rule := range rules {
		if err := rule(r); err != nil {
			return err
		}
	}
	return nil
}
