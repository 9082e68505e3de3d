package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"latchkey/workflow"
)

type auditAcceptCommand struct {
	Reason     string `help:"Why the loss is accepted: it stays in the log." required:"" placeholder:"TEXT"`
	Yes        bool   `help:"Do not ask."`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`

	in io.Reader // of tests; nil means standard input
}

// Help implements kong.HelpProvider.
func (auditAcceptCommand) Help() string {
	return `For the day the database was restored from a backup. Each machine of the service keeps the newest checkpoint of the audit
log under data_dir, outside the database. A database that does not reach it is in quarantine: no key works through the
gateway, and nothing is approved or made. What had been revoked or had expired, and who had left, is stopped again
meanwhile, from the same folder.

This shows what was lost, asks, and ends the quarantine. From then on the log that there is counts; the old checkpoint
stays beside it as checkpoint.SIZE.

  latchkey audit accept --reason "disk failure on 3 May, restored the backup of 2 May"`
}

// Run implements the command.
func (a *auditAcceptCommand) Run(c *console) error {
	return onRules(c, a.ConfigFile, func(ctx context.Context, s *workflow.Service) error {
		lost, err := s.LookAtQuarantine(ctx)
		if err != nil {
			return err
		}
		showLost(c.out, lost)
		if !a.Yes && !a.confirmed(c.out) {
			return errors.New("nothing was done")
		}
		if err := s.AcceptRestore(ctx, lost.Quarantine, operator(c), a.Reason); err != nil {
			return err
		}
		fmt.Fprintln(c.out, "Accepted. The gateway lets keys through again within seconds, and the log says who accepted it, and why.")
		return nil
	})
}

// onRules runs a command over the rules and the configured database.
func onRules(c *console, configFile string, do func(context.Context, *workflow.Service) error) error {
	cfg, err := loadConfig(c, configFile)
	if err != nil {
		return err
	}
	m := &Main{Config: cfg, Logger: c.log}
	if m.postgres, m.db, err = visitDatabase(c.ctx, cfg, c.log); err != nil {
		return err
	}
	service, err := m.onlooker(c.ctx)
	if err == nil {
		err = do(c.ctx, service)
	}
	return errors.Join(err, m.Stop(context.WithoutCancel(c.ctx)))
}

func showLost(out io.Writer, l workflow.Lost) {
	q := l.Quarantine
	fmt.Fprintf(out, "The database is in quarantine since %s: %s.\n", q.At.UTC().Format(time.DateTime+" MST"), q.Why)
	if l.Events < 0 {
		fmt.Fprintf(out, "Its log has %d events and is another one than the one that was published with %d: how much was lost can't be told.\n", q.Have, q.Size)
	} else {
		fmt.Fprintf(out, "Lost: the last %s of %d, everything that happened after %s.\n", counted(int(l.Events), "event"), q.Size, l.Until.UTC().Format(time.DateTime+" MST"))
	}
	fmt.Fprintln(out, `Requests, approvals and keys of that time are gone here, and keys that were made then are unknown: those that the gateway
honours do not work, and those at systems show up as unmanaged at the next listing. What was revoked then, or expired,
and who left, is stopped again.`)
}

// confirmed asks for a word that nobody types by accident.
func (a *auditAcceptCommand) confirmed(out io.Writer) bool {
	if a.in == nil {
		a.in = os.Stdin
	}
	fmt.Fprint(out, "Type accept to go on with this database: ")
	line, _ := bufio.NewReader(a.in).ReadString('\n') // nothing is no
	return strings.TrimSpace(line) == "accept"
}

// operator is who runs this command, as their machine knows them.
func operator(c *console) string {
	if name, ok := c.env("SUDO_USER"); ok && name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
