// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"bytes"
	"crypto/sha1" // #nosec G505: what bbb-webhooks signs with unless its operator chose better
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"meetcoop/internal/membership"
)

const (
	mostEventItems = 50      // events of one callback
	mostEventTime  = 1 << 53 // milliseconds; what JSON readers keep exactly
)

var (
	errEvent  = errors.New("conference: no event of a webhook")
	eventName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
)

// event is one event of a server.
type event struct {
	name     string
	external string // meetingID on the server
	internal string
	user     eventUser
	at       int64 // milliseconds
	doc      map[string]any
}

// eventUser is somebody an event is about; zero when it is about nobody.
type eventUser struct{ internal, external string }

// parseEvents reads the body of a callback: a form with domain, event, and timestamp, where event is a JSON array of events. It is
// errEvent for anything else. Events without the form of one are left out: newer servers may tell what we do not know.
func parseEvents(body []byte) ([]event, error) {
	form := map[string]string{}
	for part := range strings.SplitSeq(string(body), "&") {
		k, v, _ := strings.Cut(part, "=")
		value, err := url.QueryUnescape(v)
		if _, twice := form[k]; err != nil || twice || len(form) == 20 {
			return nil, errEvent
		}
		form[k] = value
	}
	stamp, err := strconv.ParseInt(form["timestamp"], 10, 64)
	if err != nil || stamp < 0 || stamp > mostEventTime {
		return nil, errEvent
	}
	text := bytes.TrimSpace([]byte(form["event"]))
	if len(text) > 0 && text[0] == '{' { // before 2.4 there was no array
		text = append(append([]byte{'['}, text...), ']')
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var items []map[string]any
	if err := d.Decode(&items); err != nil || len(items) > mostEventItems {
		return nil, errEvent
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errEvent
	}
	var out []event
	for _, item := range items {
		if e, ok := readEvent(item, stamp); ok {
			out = append(out, e)
		}
	}
	return out, nil
}

func readEvent(item map[string]any, stamp int64) (event, bool) {
	data := object(item, "data")
	about := object(data, "attributes")
	meeting, user := object(about, "meeting"), object(about, "user")
	e := event{
		name: text(data, "id"), external: text(meeting, "external-meeting-id"), internal: text(meeting, "internal-meeting-id"), at: stamp, doc: item,
		user: eventUser{text(user, "internal-user-id"), text(user, "external-user-id")},
	}
	if n, ok := object(data, "event")["ts"].(json.Number); ok {
		if ts, err := n.Int64(); err == nil && ts >= 0 && ts <= mostEventTime {
			e.at = ts
		}
	}
	fits := text(data, "type") == "event" && eventName.MatchString(e.name) && e.internal != "" && len(e.internal)+len(e.external)+len(e.user.internal)+len(e.user.external) <= 2000
	return e, fits
}

func object(in map[string]any, name string) map[string]any {
	v, _ := in[name].(map[string]any)
	return v
}

func text(in map[string]any, name string) string {
	v, _ := in[name].(string)
	return v
}

// hookSigned reports whether sum is the hexadecimal digest of a callback: over its address, its body as sent, and the secret (bbb-api
// 10). Its length names the algorithm.
func hookSigned(to string, body []byte, secret, sum string) bool {
	given, err := hex.DecodeString(sum)
	if err != nil {
		return false
	}
	algorithm := map[int]func() hash.Hash{sha1.Size: sha1.New, sha256.Size: sha256.New, sha512.Size384: sha512.New384, sha512.Size: sha512.New}[len(given)]
	return algorithm != nil && subtle.ConstantTimeCompare(hookDigest(algorithm(), to, body, secret), given) == 1
}

// hookHashes are what a connection may choose.
var hookHashes = map[membership.HookAlgorithm]func() hash.Hash{
	membership.HookSHA1: sha1.New, membership.HookSHA256: sha256.New, membership.HookSHA384: sha512.New384, membership.HookSHA512: sha512.New,
}

func hookDigest(h hash.Hash, to string, body []byte, secret string) []byte {
	_, _ = io.WriteString(h, to) // a hash never fails
	_, _ = h.Write(body)
	_, _ = io.WriteString(h, secret)
	return h.Sum(nil)
}
