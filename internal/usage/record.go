// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// refusalSpan is how long repeated attempts of one person count as one refusal (gateway.md R4).
const refusalSpan = time.Minute

// Recorder writes facts. It remembers the secrets of recent days; make one with NewRecorder and keep it.
// It is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	keys map[instant.Date][]byte
}

// NewRecorder returns a recorder.
func NewRecorder() *Recorder { return &Recorder{keys: map[instant.Date][]byte{}} }

// Record writes facts in the order given. A refusal of the same person for the same reason in the same
// meeting within a minute raises the N of the earlier fact instead. It joins tx.
func (r *Recorder) Record(ctx context.Context, tx store.Tx, facts ...Fact) error {
	var rows []any
	var refused []row
	for _, f := range facts {
		k, err := r.rekey(ctx, tx, f.PersonKey, f.At)
		if err != nil {
			return err
		}
		one := row{Fact: f, id: id.NewUsage(), key: k}
		if f.Kind == Refused && k != "" {
			refused = fold(refused, one)
			continue
		}
		rows = one.args(rows)
	}
	again, err := openRefusals(ctx, tx, refused)
	if err != nil {
		return err
	}
	for _, one := range refused {
		if first, ok := again[one.attempt()]; ok && one.At.Sub(first.At) < refusalSpan {
			if err := addAttempts(ctx, tx, first, one.N); err != nil {
				return err
			}
			continue
		}
		rows = one.args(rows)
	}
	return insertFacts.Do(ctx, tx, rows)
}

// row is a fact as it is stored: with an id, and the key of the day in place of the person's.
type row struct {
	Fact
	id  id.Usage
	key string
}

// attempt is what two refusals must have in common to be one.
type attempt struct {
	connection id.Connection
	meeting    id.Meeting
	key, code  string
}

func (w row) attempt() attempt { return attempt{w.Connection, w.Meeting, w.key, w.Code} }

func fold(refused []row, one row) []row {
	for i := range refused {
		if refused[i].attempt() == one.attempt() {
			refused[i].N += one.N
			return refused
		}
	}
	return append(refused, one)
}

// rekey returns how person is called in the facts of the day of at; "" for nobody.
func (r *Recorder) rekey(ctx context.Context, tx store.Tx, person PersonKey, at instant.Instant) (string, error) {
	if person.IsZero() {
		return "", nil
	}
	secret, err := r.secret(ctx, tx, at.In(time.UTC))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(person[:])
	return hex.EncodeToString(mac.Sum(nil)[:len(person)]), nil
}

// secret returns the secret of a day and makes it if it is the first of that day. Only one that was
// found is remembered: one made here may yet be rolled back.
func (r *Recorder) secret(ctx context.Context, tx store.Tx, day instant.Date) ([]byte, error) {
	r.mu.Lock()
	known := r.keys[day]
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	text, found, err := findKey(ctx, tx, day)
	if err != nil {
		return nil, err
	}
	if !found {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // crypto/rand.Read never fails since Go 1.24
		if err := insertKey(ctx, tx, day, hex.EncodeToString(fresh)); err != nil {
			return nil, err
		}
		if text, _, err = findKey(ctx, tx, day); err != nil { // another node may have been faster
			return nil, err
		}
	}
	secret, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if found {
		r.mu.Lock()
		r.keys[day] = secret
		for d := range r.keys {
			if d.Before(day.AddDays(-keepKeys)) {
				delete(r.keys, d)
			}
		}
		r.mu.Unlock()
	}
	return secret, nil
}
