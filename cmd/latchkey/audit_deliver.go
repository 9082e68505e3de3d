package main

import (
	"context"
	"fmt"
	"slices"

	"latchkey/cmd/latchkey/config"
	"latchkey/workflow"
)

type auditDeliverCommand struct {
	Receiver   string `help:"Name of the receiver, as under audit.webhooks." required:"" placeholder:"NAME"`
	From       int64  `help:"Position of the first event to send." required:"" placeholder:"POSITION"`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (auditDeliverCommand) Help() string {
	return `Has a receiver of the live log get everything from a position on again, from the running service. For one that lost
what it had, or that was added to the configuration when there was a log already and needs less than all of it.

  latchkey audit deliver --receiver siem --from 0`
}

// Run implements the command.
func (a *auditDeliverCommand) Run(c *console) error {
	cfg, err := loadConfig(c, a.ConfigFile)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(cfg.Audit.Webhooks, func(w config.AuditWebhook) bool { return w.Name == a.Receiver }) {
		return fmt.Errorf("there is no receiver called %s under audit.webhooks", a.Receiver)
	}
	return onRules(c, a.ConfigFile, func(ctx context.Context, s *workflow.Service) error {
		if err := s.DeliverFrom(ctx, a.Receiver, a.From, operator(c)); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "The service sends %s everything from position %d on.\n", a.Receiver, a.From)
		return nil
	})
}
