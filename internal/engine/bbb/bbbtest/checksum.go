// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1" // #nosec G505: the contract offers it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"net/url"
	"slices"
	"strings"
)

// hashes are the algorithms by the length of their hexadecimal form.
var hashes = map[int]func() hash.Hash{40: sha1.New, 64: sha256.New, 96: sha512.New384, 128: sha512.New}

// names are what a server's settings call them.
var names = map[int]string{40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}

// Checksum returns the hexadecimal digest of a call: over its name, the raw query without the checksum, and the secret. Webhooks
// are signed alike over the hook's address, the body as sent, and the secret.
func Checksum(newHash func() hash.Hash, call, query, secret string) string {
	h := newHash()
	_, _ = h.Write([]byte(call + query + secret)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

// signed reports whether checksum belongs to a request. The algorithm is chosen by the length of what was sent, among those the
// server takes; case does not matter.
func (s *Server) signed(call, query, checksum string) bool {
	newHash, known := hashes[len(checksum)]
	if !known || (len(s.cfg.Algorithms) > 0 && !slices.Contains(s.cfg.Algorithms, names[len(checksum)])) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(Checksum(newHash, call, query, s.cfg.Secret)), []byte(strings.ToLower(checksum))) == 1
}

// withoutChecksum cuts the parameter out of a raw query by three plain replacements, so it may stand first, in the middle or last;
// "&checksum=.." alone leaves nothing.
func withoutChecksum(query, checksum string) string {
	for _, form := range []string{"&checksum=" + checksum, "checksum=" + checksum + "&", "checksum=" + checksum} {
		query = strings.ReplaceAll(query, form, "")
	}
	return query
}

// queryOf builds the text a form POST without a query string is signed over: keys sorted, values encoded anew as Java's
// URLEncoder does, keys as they are.
func queryOf(form url.Values) string {
	keys := make([]string, 0, len(form))
	for k := range form {
		if k != "checksum" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []string
	for _, k := range keys {
		for _, v := range form[k] {
			out = append(out, k+"="+javaEncoded(v))
		}
	}
	return strings.Join(out, "&")
}

// javaEncoded keeps letters, digits and * - . _, turns a space into + and everything else into upper-case %XX.
func javaEncoded(s string) string {
	s = url.QueryEscape(s)
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(s)
}
