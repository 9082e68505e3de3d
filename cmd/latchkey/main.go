package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"latchkey/cmd/latchkey/config"
)

// version is set by the linker for releases.
var version = "development"

// about is the first thing a newcomer reads.
const about = `Latchkey gives every API key an owner, an approval and an end.

New here? Start with "latchkey demo": it needs no account and no settings. For a workspace of your own, in this order:

  latchkey manifest                          the Slack app to create
  latchkey config example > latchkey.yaml    the settings to fill in
  latchkey config key                        the key that will seal your secrets
  latchkey doctor                            what is still missing
  latchkey serve                             the service`

// cli is every command with its flags.
type cli struct {
	LogLevel string           `help:"Log lines to write: those of this level (debug, info, warn, error) and above." default:"info" enum:"debug,info,warn,error" env:"LATCHKEY_LOG_LEVEL"`
	LogJSON  bool             `help:"Write the log as JSON lines, for programs to read." env:"LATCHKEY_LOG_JSON"`
	Version  kong.VersionFlag `help:"Print the version."`

	Demo     demoCommand     `cmd:"" help:"Try everything on this machine: simulated Slack, simulated vendors, the real service."`
	Serve    serveCommand    `cmd:"" help:"Run the service for your Slack workspace."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database up to date and stop."`
	Config   configCommand   `cmd:"" help:"Start a configuration file, or check one."`
	Policy   policyCommand   `cmd:"" help:"Try the policy out before people do."`
	Audit    auditCommand    `cmd:"" help:"Export the audit log, prove and verify it."`
	Enforce  enforceCommand  `cmd:"" help:"Show what the rules for keys that nobody asked for would do."`
	Leaked   leakedCommand   `cmd:"" help:"Have a system end credentials that leaked, by their secrets alone."`
	Doctor   doctorCommand   `cmd:"" help:"Check Slack, database, keeper, addresses and systems, and say how to mend what fails."`
	Manifest manifestCommand `cmd:"" help:"Print the manifest to create the Slack app from."`

	Healthcheck healthcheckCommand `cmd:"" hidden:"" help:"Ask a running server whether it is well; for containers without a shell."`
}

// console is where a command talks to its user.
type console struct {
	ctx context.Context
	out io.Writer
	err io.Writer
	env func(string) (string, bool)
	log zerolog.Logger
}

// gcPercent trades some memory for fewer collections: our heap is small, and
// answers to Slack and through the gateway wait for nobody.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C stops at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv)
	stop()
	os.Exit(code)
}

// run is main without the process: tests call it.
func run(ctx context.Context, args []string, out, errOut io.Writer, env func(string) (string, bool)) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("latchkey"),
		kong.Description(about),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.Vars{"version": version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return misused(parser, err, errOut)
	}
	err = parsed.Run(&console{ctx: ctx, out: out, err: errOut, env: env, log: logger(&c, errOut)})
	if err != nil {
		complain(errOut, err)
		return 1
	}
	return 0
}

// misused shows how a command is used, and what was not understood. All of it
// goes to errOut: what a command prints may be read by a program.
func misused(parser *kong.Kong, err error, errOut io.Writer) int {
	parser.Stdout = errOut
	if pe, ok := errors.AsType[*kong.ParseError](err); ok {
		chosen := pe.Context.Selected()
		_ = pe.Context.PrintUsage(chosen != nil && chosen.Leaf())
	}
	fmt.Fprintf(errOut, "\nlatchkey: %v\n", err)
	return 2
}

// complain says why a command failed. The problems of a file stand alone on
// their lines, so that editors find file:line:column at the beginning.
func complain(errOut io.Writer, err error) {
	var found *config.Problems
	if !errors.As(err, &found) {
		fmt.Fprintf(errOut, "latchkey: %v\n", err)
		return
	}
	fmt.Fprintf(errOut, "%v\nlatchkey: %s in %s\n", found, counted(len(found.List), "problem"), found.File)
}

// counted is "1 problem" or "2 problems".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func logger(c *cli, w io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	if !c.LogJSON {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !isTerminal(w)}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
