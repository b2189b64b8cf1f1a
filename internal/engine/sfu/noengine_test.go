// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build noengine

package sfu

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		_ = RunChild(context.Background(), os.Stdin, os.Stdout)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestWithoutTheEngineTheStartNamesTheTag(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{
		PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}, Now: instant.System(0),
		Log: slog.New(slog.DiscardHandler), Command: []string{self, "child"},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Start(t.Context())
	if fault.CodeOf(err) != "engine.not_built" || !strings.Contains(err.Error(), "Tag=noengine") {
		t.Errorf("start: %v, want engine.not_built with the tag", err)
	}
	if Built {
		t.Error("the program says that it contains the engine")
	}
}
