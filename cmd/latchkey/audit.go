package main

import (
	"context"
	"errors"
	"fmt"

	"latchkey/storage"
)

// auditCommand is what operators and auditors do with the audit log.
type auditCommand struct {
	Export auditExportCommand `cmd:"" help:"Write the log, or a stretch of it, to a file."`
	Verify auditVerifyCommand `cmd:"" help:"Check such a file, offline."`
	Prove  auditProveCommand  `cmd:"" help:"Write single events, each with a proof."`
	Key    auditKeyCommand    `cmd:"" help:"Print the key that verifies the log."`
	Erase  auditEraseCommand  `cmd:"" help:"Erase the texts about one person."`

	Accept  auditAcceptCommand  `cmd:"" help:"Go on with a database that was restored from a backup."`
	Deliver auditDeliverCommand `cmd:"" help:"Send the log to a receiver again, from a position on."`

	Evidence      auditEvidenceCommand      `cmd:"" help:"Make the evidence for an audit of a period."`
	CheckEvidence auditCheckEvidenceCommand `cmd:"" help:"Check a folder of evidence, offline."`
}

// onDatabase runs a command on the configured database.
func onDatabase(c *console, configFile string, do func(context.Context, *storage.DB) error) error {
	cfg, err := loadConfig(c, configFile)
	if err != nil {
		return err
	}
	m := &Main{Config: cfg, Logger: c.log}
	if m.postgres, m.db, err = visitDatabase(c.ctx, cfg, c.log); err != nil {
		return err
	}
	err = do(c.ctx, m.db)
	if errors.Is(err, storage.ErrNoCheckpoint) {
		err = fmt.Errorf("%w; nothing can be proven before that", storage.ErrNoCheckpoint)
	}
	return errors.Join(err, m.Stop(context.WithoutCancel(c.ctx)))
}

type auditKeyCommand struct {
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (auditKeyCommand) Help() string {
	return `Prints what verifies the checkpoints of this installation's audit log. It is no secret: give it to auditors on another
way than the files that they are to check, and let them keep it.

  latchkey audit key > audit.pub
  latchkey audit verify march.jsonl --key "$(cat audit.pub)"`
}

// Run implements the command.
func (a *auditKeyCommand) Run(c *console) error {
	return onDatabase(c, a.ConfigFile, func(ctx context.Context, db *storage.DB) error {
		public, err := db.AuditPublic(ctx)
		if errors.Is(err, storage.ErrNotFound) {
			return errors.New("there is no key yet: it is made at the first start of the service")
		}
		if err == nil {
			fmt.Fprintln(c.out, public)
		}
		return err
	})
}
