// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Event is one change of rights, standing or identity, as the audit trail tells it.
type Event struct {
	Actor  Actor
	Action string            // "noun.verb", a constant of the code
	Object string            // id of what changed
	Member id.Member         // whose affair it is; "" for the platform's or the person's own
	Reason string            // given by a human; "" if none was asked
	Detail map[string]string // no personal values: keys, kinds, dates, figures
}

// Recorded is an event as it is kept.
type Recorded struct {
	ID id.Event
	At instant.Instant
	Event
}

// The bounds of what an event may carry; nothing of ours comes near them.
const (
	maxDetailValue = 200
	maxReason      = 1000
)

// Audit writes one event for one change, in the transaction of that change: it joins tx. An action that is
// empty, or a detail that looks like an address, is a mistake of the caller and an error.
func Audit(ctx context.Context, tx store.Tx, now instant.Instant, e Event) error {
	if e.Action == "" || e.Object == "" || e.Actor.Kind == "" || e.Actor.Door == "" {
		return fmt.Errorf("audit event %q lacks action, object or actor", e.Action)
	}
	for k, v := range e.Detail {
		if strings.ContainsRune(v, '@') || len(v) > maxDetailValue {
			return fmt.Errorf("audit event %s: detail %s may be personal or is too long", e.Action, k)
		}
	}
	if r := []rune(e.Reason); len(r) > maxReason {
		e.Reason = string(r[:maxReason])
	}
	detail := []byte("{}")
	if len(e.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(e.Detail); err != nil {
			return fmt.Errorf("audit event %s: %w", e.Action, err)
		}
	}
	return insertEvent(ctx, tx, e, now, string(detail))
}

// AuditFilter chooses events. Empty fields choose all.
type AuditFilter struct {
	Member id.Member
	Person id.Person // who acted
	Object string
	Action string
	Before id.Event // the page after this event, older; "" begins with the newest
	Limit  int      // 1-500; anything else is 50
}

// AuditList returns events, the newest first. The caller decides who may see them.
func AuditList(ctx context.Context, r store.Reader, f AuditFilter) ([]Recorded, error) {
	if f.Limit < 1 || f.Limit > 500 {
		f.Limit = 50
	}
	return listEvents(ctx, r, f)
}
