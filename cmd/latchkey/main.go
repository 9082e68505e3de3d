package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
)

// version is set by the linker for releases.
var version = "development"

// cli is every command with its flags.
type cli struct {
	LogLevel string           `help:"Least important log lines to write: debug, info, warn, error." default:"info" enum:"debug,info,warn,error" env:"LATCHKEY_LOG_LEVEL"`
	LogJSON  bool             `help:"Write the log as JSON lines, for machines." env:"LATCHKEY_LOG_JSON"`
	Version  kong.VersionFlag `help:"Print the version."`

	Demo     demoCommand     `cmd:"" help:"Try everything on this machine: simulated Slack, simulated vendors, the real service."`
	Serve    serveCommand    `cmd:"" help:"Run the service for a real Slack workspace."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database up to date and stop."`
	Config   configCommand   `cmd:"" help:"Check the configuration file, or make one."`
	Policy   policyCommand   `cmd:"" help:"Test the policy, or ask it why."`
	Doctor   doctorCommand   `cmd:"" help:"Check Slack, database, keeper, addresses and systems, and say how to mend what fails."`
	Manifest manifestCommand `cmd:"" help:"Print the manifest to create the Slack app from."`

	Healthcheck healthcheckCommand `cmd:"" hidden:"" help:"Ask a running server whether it is well."`
}

// console is where a command talks to its user.
type console struct {
	ctx context.Context
	out io.Writer
	err io.Writer
	env func(string) (string, bool)
	log zerolog.Logger
}

func main() {
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
		kong.Description("Latchkey gives every API key an owner, an approval and an end."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.Vars{"version": version},
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
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
		var pe *kong.ParseError
		if errors.As(err, &pe) {
			_ = pe.Context.PrintUsage(true)
		}
		fmt.Fprintf(errOut, "\nlatchkey: %v\n", err)
		return 2
	}
	err = parsed.Run(&console{ctx: ctx, out: out, err: errOut, env: env, log: logger(&c, errOut)})
	if err != nil {
		fmt.Fprintf(errOut, "latchkey: %v\n", err)
		return 1
	}
	return 0
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
