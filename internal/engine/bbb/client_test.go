// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
)

const secret = "meet-secret"

// simulated returns a client of a simulated server.
func simulated(t *testing.T) *bbb.Client {
	t.Helper()
	sim, err := bbbtest.New(bbbtest.Config{Secret: secret, URL: "http://bbb.example"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	return client(t, bbb.Config{URL: srv.URL + "/bigbluebutton/api"})
}

// client fills in what a test does not care about.
func client(t *testing.T, cfg bbb.Config) *bbb.Client {
	t.Helper()
	if cfg.Secret == "" {
		cfg.Secret = secret
	}
	if cfg.Transport == nil {
		tr := bbb.NewTransport()
		t.Cleanup(tr.CloseIdleConnections)
		cfg.Transport = tr
	}
	c, err := bbb.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMeetingLivesOnAServer(t *testing.T) {
	c := simulated(t)
	ctx := t.Context()
	if list, err := c.Meetings(ctx); err != nil || len(list) != 0 || list == nil {
		t.Fatalf("at first %v, %v", list, err)
	}
	a, err := c.Create(ctx, "name=Spring+Assembly&meetingID=coop-42&meta_tenant=north", nil, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	made, err := bbb.ParseCreated(a)
	if err != nil || made.MeetingID != "coop-42" || made.CreateTime == 0 || made.Duplicate {
		t.Fatalf("%+v, %v", made, err)
	}
	m, err := c.Info(ctx, "coop-42")
	if err != nil || m.InternalID != made.InternalID || m.Metadata["tenant"] != "north" {
		t.Errorf("%+v, %v", m, err)
	}
	list, err := c.Meetings(ctx)
	if err != nil || len(list) != 1 || list[0].ExternalID != "coop-42" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.End(ctx, "coop-42", ""); err != nil {
		t.Error(err)
	}
	if _, err := c.Info(ctx, "another"); !errors.Is(err, bbb.ErrNotFound) {
		t.Error(err)
	}
}
