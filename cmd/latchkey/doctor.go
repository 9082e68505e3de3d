package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

type doctorCommand struct {
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (doctorCommand) Help() string {
	return `Only looks: it changes nothing and shows no secret. Each line is one check, and a failed one says how to mend it.
The exit status is 1 if anything failed. The check of public_url passes while "latchkey serve" runs.`
}

// check is one line of the doctor's.
type check struct {
	name string
	run  func(context.Context) (found string, err error)
	mend string
}

// caution is what a check found that works, and could be better.
type caution string

// Error implements error.
func (c caution) Error() string { return string(c) }

// checkFor bounds one check.
const checkFor = 15 * time.Second

// Run implements the command.
func (d *doctorCommand) Run(c *console) error {
	cfg, err := loadConfig(c, d.ConfigFile)
	if err != nil {
		return err
	}
	p := &patient{console: c, config: cfg}
	defer p.leave()
	failed := 0
	for _, k := range p.checks() {
		ctx, cancel := context.WithTimeout(c.ctx, checkFor)
		found, err := k.run(ctx)
		cancel()
		if warned, ok := errors.AsType[caution](err); ok {
			fmt.Fprintf(c.out, "warning %s: %s\n        %s\n", k.name, warned, k.mend)
			continue
		}
		if err != nil {
			failed++
			fmt.Fprintf(c.out, "FAILED  %s: %s\n        %s\n", k.name, indented(err), k.mend)
			continue
		}
		fmt.Fprintf(c.out, "ok      %s: %s\n", k.name, found)
	}
	if failed > 0 {
		return fmt.Errorf("%s failed", counted(failed, "check"))
	}
	return nil
}

// indented keeps an error of several lines under its check. The database's
// driver says the same of each way it tried.
func indented(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(slices.Compact(lines), "\n        ")
}
