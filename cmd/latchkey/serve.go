package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

type serveCommand struct {
	ConfigFile string   `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
	Roles      []string `help:"Parts to run in this process: bot (Slack), worker (background jobs), server (pages and API), gateway (where keys are used). Default: all." default:"bot,worker,server,gateway" placeholder:"ROLE"`
}

// Help implements kong.HelpProvider.
func (serveCommand) Help() string {
	return `Brings the database up to date and runs until interrupted. Then it drains: no new work is taken, what is under way
ends. What does not end in time is taken up again at the next start.

Run as many replicas as you like on one database, and the gateway on machines of its own, which need no Slack tokens:

  latchkey serve
  latchkey serve --roles bot,worker,server
  latchkey serve --roles gateway

The environment variable SLACK_API_URL points the bot at another Web API than Slack's own.`
}

// Run implements the command.
func (s *serveCommand) Run(c *console) error {
	roles, err := parseRoles(s.Roles)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(c, s.ConfigFile)
	if err != nil {
		return err
	}
	slackURL, _ := c.env("SLACK_API_URL")
	m := &Main{Config: cfg, Roles: roles, Logger: c.log, SlackAPIURL: slackURL}
	if m.talksToSlack() && !cfg.Slack.Ready() {
		return errors.New("slack.bot_token and slack.app_token are needed for the roles bot and worker; `latchkey manifest` begins a Slack app")
	}
	if err := m.Start(c.ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.err, "latchkey runs as %s. Stop it with Ctrl-C.\n", strings.Join(s.Roles, ", "))
	return m.until(c.ctx)
}

// until runs until the context ends or a role fails, then drains.
func (m *Main) until(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- m.Wait() }()
	select {
	case <-ctx.Done():
		return m.Stop(context.WithoutCancel(ctx))
	case err := <-failed:
		if stop := m.Stop(context.WithoutCancel(ctx)); err == nil {
			err = stop
		}
		return err
	}
}

type migrateCommand struct {
	Grant      string `help:"Database role to give what the service needs, and no more." placeholder:"ROLE"`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (migrateCommand) Help() string {
	return `Applies the migrations that are missing, under a lock: any number of machines may run it at once.

"latchkey serve" does the same when it starts. Run this first where the service's own database role may not change the
schema, which is better: then nobody can change the audit log with the service's rights. As the owner of the database,
after each update:

  latchkey migrate --grant latchkey_service`
}

// Run implements the command.
func (s *migrateCommand) Run(c *console) error {
	cfg, err := loadConfig(c, s.ConfigFile)
	if err != nil {
		return err
	}
	private, db, err := visitDatabase(c.ctx, cfg, c.log)
	if err != nil {
		return err
	}
	applied, err := db.Migrate(c.ctx)
	if err == nil && s.Grant != "" {
		err = db.Grant(c.ctx, s.Grant)
	}
	db.Close()
	if private != nil {
		defer func() { _ = private.Stop(context.WithoutCancel(c.ctx)) }()
	}
	if err != nil {
		return err
	}
	if len(applied) == 0 {
		fmt.Fprintln(c.out, "The database is up to date.")
	} else {
		fmt.Fprintf(c.out, "Applied %s.\n", strings.Join(applied, ", "))
	}
	if s.Grant != "" {
		fmt.Fprintf(c.out, "The role %s can run the service, and can't change the audit log. Give database_url that role.\n", s.Grant)
	}
	return nil
}
