// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

// A node without an engine relays to the one that has it, under the public name.
func TestAPeerIsAskedUnderThePublicName(t *testing.T) {
	type asked struct{ TLSName, Host, Origin, Authorization, Relayed, Path, Query string }
	var got asked
	peer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = asked{r.TLS.ServerName, r.Host, r.Header.Get("Origin"), r.Header.Get("Authorization"), r.Header.Get(relayed), r.URL.Path, r.URL.RawQuery}
		http.Error(w, "no, "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	peer.StartTLS()
	t.Cleanup(peer.Close)
	trust := x509.NewCertPool()
	trust.AddCert(peer.Certificate()) // good for example.com

	public, creds := &url.URL{Scheme: "https", Host: "example.com"}, newCredentials()
	p, err := NewProxy(ProxyConfig{
		PublicURL: public, Log: slog.New(slog.DiscardHandler), PeerTLS: &tls.Config{RootCAs: trust},
		Authorise: func(context.Context, id.Meeting, id.Participant) (Route, error) {
			return Route{Credentials: creds, Peer: peer.URL}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	token, err := Mint(creds.Key, creds.Secret, engine.JoinInput{
		Ref: engine.Ref{Meeting: id.NewMeeting()}, Participant: id.NewParticipant(), Role: engine.RoleViewer,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(front.URL, "http")+"/rtc/v1?join_request=x&access_token="+token,
		http.Header{"Origin": {"https://example.com"}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("answered %v, %v; want the peer's 403", resp, err)
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(resp.Body)
	if body.String() != "not admitted\n" {
		t.Errorf("the peer's words came through: %q", body.String())
	}
	want := asked{"example.com", "example.com", "https://example.com", "Bearer " + token, "1", "/rtc/v1", "join_request=x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the peer was asked (-want +got):\n%s", diff)
	}
}

func TestANodeWithoutAnEngineSaysSo(t *testing.T) {
	public, creds := &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}, newCredentials()
	p, err := NewProxy(ProxyConfig{
		PublicURL: public, Log: slog.New(slog.DiscardHandler),
		Authorise: func(context.Context, id.Meeting, id.Participant) (Route, error) {
			return Route{Credentials: creds}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := Mint(creds.Key, creds.Secret, engine.JoinInput{
		Ref: engine.Ref{Meeting: id.NewMeeting()}, Participant: id.NewParticipant(), Role: engine.RoleViewer,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/rtc/validate?access_token="+token, nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", w.Code)
	}
}
