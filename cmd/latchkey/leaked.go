package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"latchkey/connectors"
	"latchkey/secret"
)

type leakedCommand struct {
	System     string `arg:"" help:"Connection whose system the credentials are of."`
	Yes        bool   `help:"Really end them. Without it they are only counted."`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`

	in io.Reader // of tests; nil means standard input
}

// maxLeaked is how many credentials one run takes, and maxLeakedLine how long
// one may be.
const (
	maxLeaked     = 10_000
	maxLeakedLine = 4096
)

// Help implements kong.HelpProvider.
func (leakedCommand) Help() string {
	return `For the day a file of credentials is found where it must not be. Reads them from standard input, one a line, and has the
system end them, whoever's they are. Nothing else has to be known of them. They are not printed, logged or stored.

  latchkey leaked github < found.txt          how many there are
  latchkey leaked github --yes < found.txt    end them; there is no way back, and their owners are told by the system`
}

// Run implements the command.
func (l *leakedCommand) Run(c *console) error {
	cfg, err := loadConfig(c, l.ConfigFile)
	if err != nil {
		return err
	}
	opened, err := openConnections(cfg)
	if err != nil {
		return err
	}
	conn, ok := opened[l.System]
	if !ok {
		return fmt.Errorf("there is no system called %s in the configuration", l.System)
	}
	revoker, ok := connectors.As[connectors.LeakRevoker](conn)
	if !ok {
		return fmt.Errorf("%s can't end credentials of which only the secret is known; see its column in the README's table", l.System)
	}
	if l.in == nil {
		l.in = os.Stdin
	}
	found, err := readLeaked(l.in)
	if err != nil {
		return err
	}
	if !l.Yes {
		fmt.Fprintf(c.out, "%s to end at %s. Nothing was done; add --yes to end them.\n", counted(len(found), "credential"), l.System)
		return nil
	}
	if err := revoker.RevokeLeaked(c.ctx, found); err != nil {
		return fmt.Errorf("end leaked credentials at %s: %w", l.System, err)
	}
	fmt.Fprintf(c.out, "%s took %s. It ends them within moments.\n", l.System, counted(len(found), "credential"))
	return nil
}

// readLeaked reads one credential a line; empty lines are none.
func readLeaked(in io.Reader) ([]secret.Value, error) {
	var out []secret.Value
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLeakedLine)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if len(out) == maxLeaked {
			return nil, fmt.Errorf("more than %d lines; split the file", maxLeaked)
		}
		out = append(out, secret.New(line))
	}
	if lines.Err() != nil {
		return nil, fmt.Errorf("a line is longer than %d characters, so it holds more than one credential", maxLeakedLine)
	}
	if len(out) == 0 {
		return nil, errors.New("standard input has no credentials; give them one a line")
	}
	return out, nil
}
