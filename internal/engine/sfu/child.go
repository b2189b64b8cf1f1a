// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"meetcoop/internal/fault"
)

// childConfig is the one line of JSON that the parent writes to the child's standard
// input. It carries the secret, which is why it is neither an argument nor an
// environment variable: both are readable by others of the same machine.
type childConfig struct {
	HTTPPort   int    // on 127.0.0.1: signalling and API
	UDPPort    int    // media
	TCPPort    int    // media over ICE/TCP, on all addresses; 0 is off
	MediaAddr  string // the address UDPPort is bound to; unspecified is all of them
	MediaIP    string // told to clients instead of MediaAddr; may be empty
	Key        string
	Secret     string
	Webhook    string // where events are posted
	MemoryMax  int64  // bytes the Go runtime tries to stay under
	DrainAfter time.Duration
	Debug      bool
}

// childSays is the one line that the child writes to its standard output: ready, or why not.
type childSays struct {
	Ready bool
	Code  string       `json:",omitempty"` // a fault code; empty: an error without one
	Param fault.Params `json:",omitempty"`
	Err   string       `json:",omitempty"` // for operators
	Busy  bool         `json:",omitempty"` // a port was taken: other ports may do
}

// stopWord on the child's standard input asks it to drain and end. The end of the
// input means that the parent is gone: the child ends at once.
const stopWord = "stop"

// RunChild is the whole of the hidden command "meetcoop engine": it reads its
// configuration from stdin, writes one line to stdout when it serves, and returns nil
// after a "stop" line, or an error when it could not start. When stdin ends without a
// word, or ctx is done, it returns at once and the process must exit: a media server
// without its parent would serve whom nobody authorises.
func RunChild(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the engine's configuration: %w", err)
	}
	var cfg childConfig
	if err := json.Unmarshal(line, &cfg); err != nil {
		return errors.New("the engine's configuration is not readable") // without the cause: it may quote the secret
	}

	ctx, gone := context.WithCancel(ctx)
	defer gone()
	stop := make(chan struct{})
	go func() {
		defer gone()
		if word, err := in.ReadString('\n'); err == nil && word == stopWord+"\n" {
			close(stop)
			_, _ = io.Copy(io.Discard, in) // until the parent is gone, or has had enough
		}
	}()

	say := func(s childSays) error { return json.NewEncoder(stdout).Encode(s) }
	err = serveChild(ctx, stop, cfg, func() error { return say(childSays{Ready: true}) })
	if err != nil {
		s := childSays{Err: redact(err.Error()), Busy: portTaken(err)}
		if f := fault.As(err); f != nil {
			s.Code, s.Param = f.Code, f.Params
		}
		_ = say(s) // the parent may be gone; the exit code tells too
	}
	return err
}
