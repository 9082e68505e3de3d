package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"latchkey/workflow"
)

type enforceCommand struct {
	Systems    []string `arg:"" optional:"" name:"system" help:"Systems to look at. Default: all of them."`
	DryRun     bool     `help:"Say what would be done. Needed: it is the running service that acts."`
	ConfigFile string   `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (enforceCommand) Help() string {
	return `Shows what the section "enforcement" of the configuration means for the keys that nobody asked for: which key would be
reported, which owner warned and until when, which key revoked, and why.

  latchkey enforce --dry-run
  latchkey enforce --dry-run jira

It judges what the last listing of each system found, by the configuration file as it is now, so a change can be tried
before the service gets it. The service itself acts after each listing; "dry_run: true" in the file stops that.`
}

// Run implements the command.
func (e *enforceCommand) Run(c *console) error {
	if !e.DryRun {
		return errors.New("enforcement is carried out by the running service after each listing of a system; add --dry-run to see what it would do")
	}
	cfg, err := loadConfig(c, e.ConfigFile)
	if err != nil {
		return err
	}
	m := &Main{Config: cfg, Logger: c.log}
	if m.postgres, m.db, err = visitDatabase(c.ctx, cfg, c.log); err != nil {
		return err
	}
	err = e.show(c, m)
	return errors.Join(err, m.Stop(context.WithoutCancel(c.ctx)))
}

func (e *enforceCommand) show(c *console, m *Main) error {
	service, err := m.onlooker(c.ctx)
	if err != nil {
		return err
	}
	systems := e.Systems
	if len(systems) == 0 {
		for _, s := range m.Config.Connections {
			systems = append(systems, s.Name)
		}
	}
	for i, name := range systems {
		plan, err := service.PlanEnforcement(c.ctx, name)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		if err := printPlan(c.out, plan); err != nil {
			return err
		}
	}
	return nil
}

// printPlan writes a plan as a table with its sums. Nothing is done.
func printPlan(out io.Writer, plan workflow.Enforcing) error {
	fmt.Fprintf(out, "%s: %s, %s that the rules are about. Nothing was done.\n", plan.Connection, counted(plan.Live, "native key"), counted(len(plan.Findings), "key"))
	if len(plan.Findings) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range plan.Findings {
		owner := f.Key.Owner.Name
		if owner == "" {
			owner = "unlinked " + f.Key.Account.Ref
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", f.Key.Credential.ID, actionWords(f), owner, f.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if plan.Tripped {
		fmt.Fprintf(out, "It would revoke %d at once, more than the breaker lets through: an admin would be asked first.\n", plan.Count("revoke"))
	}
	if plan.Paused {
		fmt.Fprintln(out, "An admin let such keys live within the last week, so none is revoked before that is over.")
	}
	if plan.DryRun {
		fmt.Fprintln(out, "The configuration says dry_run, so the service carries none of it out.")
	}
	return nil
}

func actionWords(f workflow.Finding) string {
	switch f.Action {
	case "warn":
		return "warn its owner, then until " + f.At.UTC().Format(time.DateOnly)
	case "wait":
		return "was warned, until " + f.At.UTC().Format(time.DateOnly)
	}
	return f.Action
}
