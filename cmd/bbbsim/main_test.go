// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestServersListenUntilTheyAreTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"--listen", "127.0.0.1:0", "--servers", "3", "--profile", "2.7", "--secret", "s3"}, in, io.Discard)
	}()
	lines := bufio.NewScanner(out)
	for range 3 {
		if !lines.Scan() {
			t.Fatal("a line is missing")
		}
		url, secret, _ := strings.Cut(lines.Text(), " ")
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if secret != "s3" || !strings.Contains(string(body), "SUCCESS") {
			t.Errorf("%s: %s", lines.Text(), body)
		}
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{
		"--listen 0.0.0.0:0", "--listen :8090", "--listen 192.0.2.1:80", "--listen example.org:80", "--listen 127.0.0.1:65530 --servers 10", "--listen nonsense",
		"--servers 0", "--servers 1001", "--what", "word",
	} {
		if code := run(ctx, strings.Fields(args), io.Discard, io.Discard); code != 2 {
			t.Errorf("%s: exit code %d", args, code)
		}
	}
	if code := run(ctx, []string{"--profile", "1.0", "--listen", "127.0.0.1:0"}, io.Discard, io.Discard); code != 1 {
		t.Errorf("a profile there is not: exit code %d", code)
	}
	if code := run(ctx, []string{"--allow-remote", "--listen", ":0"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("all addresses, as told: exit code %d", code)
	}
}

func TestTheHelpSaysThatItInvents(t *testing.T) {
	var help strings.Builder
	if code := run(t.Context(), []string{"--help"}, io.Discard, &help); code != 0 || !strings.Contains(help.String(), "invents its people") {
		t.Errorf("code %d: %s", code, help.String())
	}
}
