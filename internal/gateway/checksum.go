// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"crypto/sha1" // #nosec G505: clients choose among four, and many know no other
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"net/url"
	"slices"
	"strings"
)

// algorithm returns the hash whose digest is so many bytes long.
func algorithm(length int) func() hash.Hash {
	switch length {
	case sha1.Size:
		return sha1.New
	case sha256.Size:
		return sha256.New
	case sha512.Size384:
		return sha512.New384
	case sha512.Size:
		return sha512.New
	}
	return nil
}

// signedBy returns the index of the secret with which one of the texts was signed, -1 for none. Every text is compared with every
// secret, so that neither the time nor the number of secrets tells anything.
func signedBy(secrets []string, sum string, texts ...string) int {
	given, err := hex.DecodeString(sum)
	if err != nil {
		given = nil
	}
	newHash := algorithm(len(given))
	if newHash == nil {
		newHash, given = sha256.New, nil // the same work for nothing
	}
	found := -1
	for i, secret := range secrets {
		for _, text := range texts {
			h := newHash()
			_, _ = h.Write([]byte(text))
			_, _ = h.Write([]byte(secret))
			if subtle.ConstantTimeCompare(h.Sum(nil), given) == 1 {
				found = i
			}
		}
	}
	return found
}

// withoutChecksum cuts the parameter out of a raw query by three plain replacements, wherever it stands.
func withoutChecksum(query, sum string) string {
	if sum == "" {
		return query
	}
	for _, form := range []string{"&checksum=" + sum, "checksum=" + sum + "&", "checksum=" + sum} {
		query = strings.ReplaceAll(query, form, "")
	}
	return query
}

// formText is what a form without a query is signed over: keys sorted and as they are, values encoded anew as Java's URLEncoder
// does.
func formText(form url.Values) string {
	keys := make([]string, 0, len(form))
	for k := range form {
		if k != "checksum" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		for _, v := range form[k] {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(k)
			b.WriteByte('=')
			b.WriteString(javaEncoder.Replace(url.QueryEscape(v)))
		}
	}
	return b.String()
}

var javaEncoder = strings.NewReplacer("%2A", "*", "~", "%7E")
