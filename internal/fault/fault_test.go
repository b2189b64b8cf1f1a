// SPDX-License-Identifier: AGPL-3.0-or-later

package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
)

func TestTheOutermostFaultSpeaks(t *testing.T) {
	inner := fault.New(fault.NotFound, "rooms.unknown")
	outer := fault.Wrap(fmt.Errorf("load room: %w", inner), fault.Conflict, "rooms.stale")
	for name, tc := range map[string]struct {
		err  error
		kind fault.Kind
		code string
	}{
		"a fault":                   {inner, fault.NotFound, "rooms.unknown"},
		"with context around it":    {fmt.Errorf("open: %w", inner), fault.NotFound, "rooms.unknown"},
		"around another fault":      {outer, fault.Conflict, "rooms.stale"},
		"among joined errors":       {errors.Join(io.EOF, inner), fault.NotFound, "rooms.unknown"},
		"anything else is internal": {io.EOF, fault.Internal, "internal"},
		"so is nothing":             {nil, fault.Internal, "internal"},
	} {
		if k, c := fault.KindOf(tc.err), fault.CodeOf(tc.err); k != tc.kind || c != tc.code {
			t.Errorf("%s: %v %s, want %v %s", name, k, c, tc.kind, tc.code)
		}
	}
	if fault.As(io.EOF) != nil || fault.As(nil) != nil || fault.As(outer) != outer {
		t.Error("As finds something else than the outermost fault")
	}
}

func TestACauseStaysReachable(t *testing.T) {
	err := fault.Wrap(io.ErrUnexpectedEOF, fault.Unavailable, "store.unavailable")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if errors.Unwrap(fault.New(fault.Invalid, "x.y")) != nil {
		t.Error("a cause out of nowhere")
	}
}

func TestFaultsAreComparedByKindAndCode(t *testing.T) {
	sentinel := fault.New(fault.Unavailable, "engine.down")
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"the same":              {sentinel, true},
		"with other parameters": {fault.New(fault.Unavailable, "engine.down", fault.Params{"Since": 1}), true},
		"with a cause":          {fmt.Errorf("call: %w", fault.Wrap(io.EOF, fault.Unavailable, "engine.down")), true},
		"another code":          {fault.New(fault.Unavailable, "engine.none"), false},
		"another kind":          {fault.New(fault.Conflict, "engine.down"), false},
		"no fault":              {io.EOF, false},
	} {
		if got := errors.Is(tc.err, sentinel); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOperatorsReadEverything(t *testing.T) {
	var c fault.Check
	c.Field(false, "name", "input.required")
	err := fault.Wrap(io.EOF, fault.LimitReached, "rooms.limit", fault.Params{"Used": 5, "Limit": 5})
	for want, err := range map[string]error{
		"rooms.limit Limit=5 Used=5: EOF":       err,
		"input.invalid; name: input.required":   c.Err(),
		"open: rooms.limit Limit=5 Used=5: EOF": fmt.Errorf("open: %w", err),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestACheckReportsAllWrongFieldsAtOnce(t *testing.T) {
	var c fault.Check
	c.Field(true, "slug", "rooms.slug")
	if err := c.Err(); err != nil {
		t.Errorf("all right, and yet %v", err)
	}
	c.Field(false, "name", "input.required")
	c.Field(false, "seats", "level.count", fault.Params{"Limit": 9})
	err := c.Err()
	want := []fault.Field{{Name: "name", Code: "input.required"}, {Name: "seats", Code: "level.count", Params: fault.Params{"Limit": 9}}}
	if diff := cmp.Diff(want, fault.As(err).Fields); diff != "" || fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "input.invalid" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestKindsHaveNames(t *testing.T) {
	names := map[string]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		names[k.String()] = true
	}
	if len(names) != 8 || !names["limit_reached"] || fault.Kind(200).String() != "kind(200)" {
		t.Errorf("names %v, %s", names, fault.Kind(200))
	}
}
