// SPDX-License-Identifier: AGPL-3.0-or-later

// Package fault gives an error a kind, which the faces turn into a status, and a
// stable code, which they turn into words. Whatever is not a fault is Internal.
package fault

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Kind says who has to do something about an error, and so which HTTP status, exit
// code and log level it gets. The table is in ARCHITECTURE.md.
type Kind uint8

const (
	Internal        Kind = iota // our mistake: logged with its cause, shown as a request id
	Invalid                     // the input is wrong: the sender corrects it
	Unauthenticated             // nobody is signed in
	Forbidden                   // signed in, but not allowed
	NotFound                    // absent, or not yours to see: the two are never told apart
	Conflict                    // somebody else was faster, or the state has moved on
	LimitReached                // a limit of the level, of a policy or of a rate
	Unavailable                 // something we depend on does not answer: try again
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "limit_reached", "unavailable"}

// String returns the kind as one lower-case word.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Params fill the placeholders of the translated message of a code.
type Params map[string]any

// Error is an error with a kind and a code. Construct it with New, Wrap or Fields.
type Error struct {
	Kind   Kind
	Code   string // "area.reason": lower case, stable for ever, a key of the locale files
	Params Params // may be nil
	Fields []Field
	cause  error
}

// Field is one wrong field of an input, with its own code and parameters.
type Field struct {
	Name   string
	Code   string
	Params Params
}

// New returns a fault without a cause. params is optional; only the first is used.
func New(k Kind, code string, params ...Params) *Error {
	e := &Error{Kind: k, Code: code}
	if len(params) > 0 {
		e.Params = params[0]
	}
	return e
}

// Wrap returns a fault whose cause is err; operators see the cause, people never do.
func Wrap(err error, k Kind, code string, params ...Params) *Error {
	e := New(k, code, params...)
	e.cause = err
	return e
}

// Error implements error. It is for operators: kind, code, parameters and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	if len(e.Params) > 0 {
		keys := make([]string, 0, len(e.Params))
		for k := range e.Params {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, " %s=%v", k, e.Params[k])
		}
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Code)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault of the same kind and code; parameters do not count.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Kind == e.Kind && t.Code == e.Code
}

// KindOf returns the kind of the outermost fault in err's chain, or Internal. KindOf(nil) is Internal too: ask only about errors.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the outermost fault in err's chain, or "internal".
func CodeOf(err error) string {
	if e := As(err); e != nil {
		return e.Code
	}
	return "internal"
}

// As returns the outermost fault in err's chain, or nil.
func As(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// Check collects the wrong fields of an input, so that all of them are reported at once.
// The zero value is ready to use.
type Check struct{ fields []Field }

// Field notes that the named field is wrong unless ok holds.
func (c *Check) Field(ok bool, name, code string, params ...Params) {
	if ok {
		return
	}
	f := Field{Name: name, Code: code}
	if len(params) > 0 {
		f.Params = params[0]
	}
	c.fields = append(c.fields, f)
}

// Err returns nil when every field was right, else one Invalid fault (input.invalid) with all wrong fields.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "input.invalid", Fields: c.fields}
}
