// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bbbsim runs BigBlueButton servers that are none: they speak the API and invent their people. It is for tests and load,
// and no part of what is released.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"meetcoop/internal/engine/bbb/bbbtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const about = `bbbsim simulates BigBlueButton servers. Nobody can meet here: the simulator invents its people.
It prints one line per server, its URL and its secret, and runs until SIGINT or SIGTERM.
Control calls are POST <URL>/sim/<verb>, with no secret; so it listens on loopback addresses only.

`

// options are the command line.
type options struct {
	listen      string
	allowRemote bool
	servers     int
	cfg         bbbtest.Config
}

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	var profile string
	var manual bool
	flags := flag.NewFlagSet("bbbsim", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() {
		fmt.Fprint(errOut, about)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8090", "address of the first server; the others have the ports after it, or free ones with port 0")
	flags.BoolVar(&o.allowRemote, "allow-remote", false, "listen on an address that others reach, who may then control the simulator")
	flags.IntVar(&o.servers, "servers", 1, "number of servers, 1 to 1000")
	flags.StringVar(&o.cfg.Secret, "secret", "bbbsim-secret", "shared secret of all servers")
	flags.StringVar(&profile, "profile", string(bbbtest.V30), "line of BigBlueButton: 2.6, 2.7 or 3.0")
	flags.DurationVar(&o.cfg.ConnectDelay, "connect-delay", 0, "time from a join until the person connects")
	flags.BoolVar(&manual, "manual", false, "people connect only when /sim/connect says so")
	flags.Uint64Var(&o.cfg.Seed, "seed", 0, "of what is drawn by lot")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.cfg.AutoConnect, o.cfg.Profile = !manual, bbbtest.Profile(profile)
	if flags.NArg() > 0 || o.servers < 1 || o.servers > 1000 || o.cfg.Secret == "" {
		return o, errors.New("bbbsim takes flags only, 1 to 1000 servers and a secret; see --help")
	}
	return o, nil
}

// run returns the exit code: 0 when told to end, 2 for a wrong command line, 1 when it cannot serve.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, err)
		return 2
	}
	addresses, err := o.addresses()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	for _, address := range addresses {
		r, err := bbbtest.Listen(address, o.cfg)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		defer r.Close()
		fmt.Fprintf(stdout, "%s %s\n", r.API(), r.Secret())
	}
	<-ctx.Done()
	return 0
}

// addresses are those of all servers. Only numeric loopback addresses and localhost are taken without being told.
func (o options) addresses() ([]string, error) {
	host, text, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || (port > 0 && port+o.servers > 65536) {
		return nil, fmt.Errorf("no ports for %d servers from %q", o.servers, text)
	}
	ip := net.ParseIP(host)
	if !o.allowRemote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is no loopback address; --allow-remote takes it", o.listen)
	}
	out := make([]string, o.servers)
	for i := range out {
		at := port
		if port > 0 {
			at += i
		}
		out[i] = net.JoinHostPort(host, strconv.Itoa(at))
	}
	return out, nil
}
