// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// ready is the payload of a recording-ready callback, which holds these two and nothing else (bbb-api 12).
type ready struct {
	Meeting string `json:"meeting_id"`
	Record  string `json:"record_id"`
}

var jwtHead = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// signReady returns the payload as a JSON Web Token signed with HS256 (RFC 7515).
func signReady(secret string, v ready) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	text := jwtHead + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(hs256(secret, text)), nil
}

func hs256(secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text)) // never fails
	return mac.Sum(nil)
}

const maxJWT = 8 << 10

// verifyReady returns the payload of a token signed by one of the secrets with HS256; no other algorithm is taken, whatever the token says.
func verifyReady(token string, secrets ...string) (ready, bool) {
	parts := strings.Split(token, ".")
	if len(token) > maxJWT || len(parts) != 3 {
		return ready{}, false
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	sum, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &head) || head.Algorithm != "HS256" {
		return ready{}, false
	}
	good := false
	for _, secret := range secrets {
		if hmac.Equal(sum, hs256(secret, parts[0]+"."+parts[1])) && secret != "" {
			good = true
		}
	}
	var v ready
	if !good || !decodePart(parts[1], &v) {
		return ready{}, false
	}
	return v, true
}

func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}
