// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"meetcoop/internal/cli"
	"meetcoop/internal/engine/sfu"
	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/telemetry"
	"meetcoop/locales"
)

// defaultFile is read when it is there; a file named by --config must be.
const defaultFile = "/etc/meetcoop/meetcoop.env"

// grammar is the whole command line.
type grammar struct {
	Config     `group:"Settings:"`
	ConfigFile string `name:"config" placeholder:"FILE" help:"Settings as lines MEETCOOP_NAME=value. Default: ${config_file}."`
	JSON       bool   `name:"json" help:"Print one JSON document."`
	DryRun     bool   `name:"dry-run" help:"Try the change, then take it back."`

	Serve      serveCmd   `cmd:"" help:"Run the portal and the meeting engine."`
	Migrate    migrateCmd `cmd:"" help:"Bring the database to this program's schema."`
	Doctor     doctorCmd  `cmd:"" help:"Look for what is wrong."`
	ConfigNoun configCmd  `cmd:"" name:"config" help:"The settings in force."`
	Version    versionCmd `cmd:"" help:"Print the version."`
	EngineCmd  engineCmd  `cmd:"" name:"engine" hidden:"" help:"The media engine: started by serve, never by hand."`
	cli.Commands
}

// Main runs one command and returns the exit code: 0, or that of the kind of fault (ARCHITECTURE.md).
func Main(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "engine" { // before anything can fail or print: the parent waits for one line
		if err := sfu.RunChild(ctx, stdin, stdout); err != nil {
			_, _ = fmt.Fprintln(stderr, err) // there is nowhere else to say it
			return exitCode(err)
		}
		return 0
	}
	err := run(ctx, args, environ, stdin, stdout, stderr)
	if err == nil {
		return 0
	}
	report(stderr, err)
	return exitCode(err)
}

// errExit carries an exit code that kong chose (help and version end with 0).
type errExit int

func (e errExit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	var g grammar
	file, named := configFile(args, environ)
	values, err := newResolver(environ, file, named)
	if err != nil {
		return usageError{err}
	}
	defer func() { // kong leaves through Exit after it has printed help
		if r := recover(); r != nil {
			code, ok := r.(errExit)
			if !ok {
				panic(r)
			}
			if code != 0 {
				err = code
			}
		}
	}()
	parser, err := kong.New(&g, kong.Name("meetcoop"), kong.Description("The platform of an online meeting cooperative."),
		kong.Vars{"config_file": defaultFile}, kong.Writers(stdout, stderr), kong.Resolvers(values), kong.Exit(func(code int) { panic(errExit(code)) }),
		kong.ValueFormatter(withVariable), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return usageError{err}
	}
	log, err := telemetry.NewLogger(stderr, g.LogFormat, g.LogLevel)
	if err != nil {
		return usageError{err}
	}
	a := &app{cfg: g.Config, values: values, log: log, stdout: stdout, json: g.JSON}
	commands := &cli.Run{Context: ctx, In: stdin, Out: stdout, JSON: g.JSON, DryRun: g.DryRun}
	var closers []func() error
	commands.Open = func() (*cli.Services, error) {
		c, err := a.connect(ctx, g.DryRun)
		if err != nil {
			return nil, err
		}
		closers = append(closers, c.db.Close)
		return &cli.Services{
			Recordings: c.openRecordings,
			DB:         c.db, Now: c.now, Identity: c.identity, Members: c.members, Decisions: c.decisions, Levels: c.levels, Gate: c.gate, Catalog: c.catalog,
			Fleet: c.fleet, PublicURL: g.Config.BaseURL().String(),
		}, nil
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(a, commands)
	for _, c := range closers {
		if closeErr := c(); err == nil {
			err = closeErr
		}
	}
	return err
}

// app is what app's own commands get.
type app struct {
	cfg    Config
	values *resolver
	log    *slog.Logger
	stdout io.Writer
	json   bool
}

// connect opens the database for a command beside a running server, without settings that only a server needs.
func (a *app) connect(ctx context.Context, dryRun bool) (*core, error) {
	db, err := a.cfg.open(ctx, a.log, dryRun)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*core, error) {
		return nil, errors.Join(err, db.Close())
	}
	have, _, err := db.SchemaVersion(ctx)
	if err != nil {
		return fail(err)
	}
	empty := have == 0
	if empty && !dryRun {
		if _, err := db.Migrate(ctx); err != nil {
			return fail(err)
		}
	}
	if err := db.CheckSchema(ctx); err != nil {
		return fail(err)
	}
	if err := a.adopt(ctx, db); err != nil {
		return fail(err)
	}
	c, err := newCore(a.cfg, a.log, db, instant.System(a.cfg.ClockOffset), telemetry.NewRegistry(version()))
	if err != nil {
		return fail(err)
	}
	if empty {
		if err := c.found(ctx, c.today()); err != nil {
			return fail(err)
		}
	}
	return c, nil
}

// configFile finds --config before the parser runs, since the parser needs the file's values.
func configFile(args, environ []string) (file string, named bool) {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			return v, true
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1], true
		}
	}
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, envPrefix+"CONFIG="); ok && v != "" {
			return v, true
		}
	}
	return defaultFile, false
}

// withVariable adds the name of the variable to a setting's help.
func withVariable(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	i := slices.IndexFunc(settings(), func(s setting) bool { return v.Flag != nil && s.flag == v.Flag.Name })
	if i < 0 {
		return help
	}
	return help + " ($" + settings()[i].env + ")"
}

// usageError is a command line or settings file that cannot be understood.
type usageError struct{ error }

func exitCode(err error) int {
	if exit, ok := errors.AsType[errExit](err); ok {
		return int(exit)
	}
	if errors.As(err, &usageError{}) {
		return 2
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return 2
	case fault.Unauthenticated, fault.Forbidden:
		return 3
	case fault.NotFound:
		return 4
	case fault.Conflict, fault.LimitReached:
		return 5
	case fault.Unavailable:
		return 6
	default:
		return 1
	}
}

// report tells an operator what went wrong: the sentence people read, and behind it code and cause.
func report(w io.Writer, err error) {
	f := fault.As(err)
	catalog, loadErr := locale.Load(locales.FS)
	if f == nil || loadErr != nil {
		_, _ = fmt.Fprintln(w, "meetcoop:", err) // there is nowhere else to say it
		return
	}
	p := catalog.Printer(locale.English, nil)
	_, _ = fmt.Fprintln(w, "meetcoop:", p.Fault(err))
	for _, field := range f.Fields {
		_, _ = fmt.Fprintf(w, "  %s: %s\n", field.Name, p.Field(field))
	}
	_, _ = fmt.Fprintf(w, "  (%v)\n", err)
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if release != "" {
		return release
	}
	return info.Main.Version
}

// release is set at link time.
var release string
