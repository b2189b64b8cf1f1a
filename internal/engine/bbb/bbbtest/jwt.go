// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
)

// algorithms are the two that a server signs tokens with.
var algorithms = map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New}

// Token returns a JSON Web Token over a document (RFC 7519), signed with HS256 or HS512; "" when the document is none.
func Token(algorithm, secret string, payload any) string {
	text, err := json.Marshal(payload)
	newHash := algorithms[algorithm]
	if err != nil || newHash == nil {
		return ""
	}
	b64 := base64.RawURLEncoding.EncodeToString
	head := b64([]byte(`{"alg":"`+algorithm+`"}`)) + "." + b64(text)
	mac := hmac.New(newHash, []byte(secret))
	_, _ = mac.Write([]byte(head)) // a hash never fails
	return head + "." + b64(mac.Sum(nil))
}
