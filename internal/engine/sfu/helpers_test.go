// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

func isRefused(err error) bool { return errors.Is(err, errRefused) }

// newFront serves a handler and returns its host and port.
func newFront(t *testing.T, h http.Handler) string {
	t.Helper()
	front := httptest.NewServer(h)
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// expired signs a token that was good until five minutes ago, beyond every leeway.
func expired(t *testing.T, s *site, ref engine.Ref, who id.Participant) string {
	t.Helper()
	then := time.Now().Add(-10 * time.Minute)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": s.creds.Key, "sub": string(who), "nbf": then.Unix(), "exp": then.Add(5 * time.Minute).Unix(),
		"video": map[string]any{"roomJoin": true, "room": string(ref.Meeting), "canPublishData": false, "canUpdateOwnMetadata": false},
	}).SignedString([]byte(s.creds.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
