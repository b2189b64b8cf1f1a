// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"slices"
	"time"
)

// FaultKind is a way in which a server misbehaves.
type FaultKind string

// What may befall an answer of the API.
const (
	FaultLatency     FaultKind = "latency"      // answers after Delay
	FaultSilence     FaultKind = "silence"      // never answers
	FaultDrip        FaultKind = "drip"         // answers one byte per Delay
	FaultResetBefore FaultKind = "reset-before" // the connection is reset instead of an answer
	FaultResetIn     FaultKind = "reset-in"     // the connection is reset in the middle of the body
	FaultResetAfter  FaultKind = "reset-after"  // the connection is reset when the body is over
	FaultStatus      FaultKind = "status"       // an answer with Status, its body a page
	FaultFailed      FaultKind = "failed"       // FAILED with Key; the call is not done
	FaultTruncated   FaultKind = "truncated"    // half of the body, as if that were all
	FaultNonsense    FaultKind = "nonsense"     // status 200, but no XML
	FaultHuge        FaultKind = "huge"         // 50 MB of well-formed XML before the answer is over
	FaultEndless     FaultKind = "endless"      // XML that never ends
	FaultMissing     FaultKind = "missing"      // getMeetings without every other meeting
	FaultDoubled     FaultKind = "doubled"      // getMeetings with every meeting twice
	FaultThousands   FaultKind = "thousands"    // counts of people as 1,234
)

// What may befall a callback.
const (
	FaultLost       FaultKind = "lost"       // not sent
	FaultTwice      FaultKind = "twice"      // sent twice
	FaultDisordered FaultKind = "disordered" // sent after the next one; webhooks only
	FaultForged     FaultKind = "forged"     // signed with another secret, tokens too
)

// onAnswers are the kinds for the API; the others are for callbacks.
var onAnswers = []FaultKind{
	FaultLatency, FaultSilence, FaultDrip, FaultResetBefore, FaultResetIn, FaultResetAfter, FaultStatus, FaultFailed, FaultTruncated, FaultNonsense,
	FaultHuge, FaultEndless, FaultMissing, FaultDoubled, FaultThousands,
}

var onCallbacks = []FaultKind{FaultLost, FaultTwice, FaultDisordered, FaultForged}

// Fault lets a share of the calls, or callbacks, go wrong.
type Fault struct {
	Kind   FaultKind
	Call   string        // "create", "hooks/list"...; of callbacks CallbackHook...; none is every one the kind can befall
	Share  float64       // 0 < share <= 1 of them, drawn with the seed; 0 is all
	Times  int           // how often at most; 0 is without end
	Delay  time.Duration // of latency and drip
	Status int           // of status
	Key    string        // of failed
	Before bool          // the call is not done (latency: is done after the wait); otherwise only its answer suffers
}

// Validate returns an error for a fault that could never strike.
func (f Fault) Validate() error {
	switch {
	case !slices.Contains(onAnswers, f.Kind) && !slices.Contains(onCallbacks, f.Kind):
		return errors.New("bbbtest: no such fault: " + string(f.Kind))
	case f.Share < 0 || f.Share > 1:
		return errors.New("bbbtest: a share is between 0 and 1")
	case f.Kind == FaultStatus && (f.Status < 200 || f.Status > 599):
		return errors.New("bbbtest: a fault of kind status needs a status of 200 to 599")
	case f.Kind == FaultFailed && f.Key == "":
		return errors.New("bbbtest: a fault of kind failed needs a key")
	case (f.Kind == FaultLatency || f.Kind == FaultDrip) && f.Delay <= 0:
		return errors.New("bbbtest: a fault of kind " + string(f.Kind) + " needs a delay")
	}
	return nil
}

// AddFault lets things go wrong from now on. Of several that could befall a call the first added strikes.
func (s *Server) AddFault(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// ClearFaults lets everything go well again, what is under way excepted.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// pick draws what befalls a callback, or an answer of that name. The server is locked.
func (s *Server) pick(name string) Fault {
	kinds := onAnswers
	switch name {
	case CallbackHook, CallbackEnded, CallbackReady, CallbackAnalytics:
		kinds = onCallbacks
	}
	for i, f := range s.faults {
		switch {
		case f.Call != "" && f.Call != name, !slices.Contains(kinds, f.Kind), f.Kind == FaultDisordered && name != CallbackHook:
			continue
		case f.Share > 0 && s.luck.Float64() >= f.Share:
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
			}
		}
		return *f
	}
	return Fault{}
}
