// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
)

// tokenBytes is the length of what lets somebody in: 256 random bits, in 43 characters.
const tokenBytes = 32

// NewToken draws 256 random bits in 43 characters safe for URLs and cookies: a session, a link, the cookie
// that recognises a browser.
func NewToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken returns what is kept of a token, and "" for what cannot be one. A plain hash is enough: nobody
// guesses 256 random bits.
func hashToken(token string) string {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// newCode draws six decimal digits.
func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // the random source of the system cannot fail
	}
	return fmt.Sprintf("%06d", n.Int64())
}

// keyring derives the instance's MAC keys, one per purpose, from a secret that all nodes share. Its
// values cannot be computed, and so neither confirmed nor searched for, without that secret.
type keyring struct{ root []byte }

// mac returns HMAC-SHA256 in hex over the parts, each with its length, so that no two lists of parts are alike.
func (k keyring) mac(purpose string, parts ...string) string {
	return hex.EncodeToString(k.sum(purpose, parts...))
}

func (k keyring) sum(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, k.root)
	for _, p := range append([]string{purpose}, parts...) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// network returns the part of a client address that one household or office shares: /24 or /64. All
// clients without a known address share one.
func network(client netip.Addr) string {
	client = client.Unmap().WithZone("")
	if !client.IsValid() {
		return "unknown"
	}
	bits := 64
	if client.Is4() {
		bits = 24
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
