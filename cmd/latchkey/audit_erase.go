package main

import (
	"context"
	"errors"
	"fmt"

	"latchkey/storage"
)

type auditEraseCommand struct {
	Person     string `arg:"" help:"E-mail address of the person."`
	Reason     string `help:"Why, without naming anybody: it stays in the log." required:"" placeholder:"TEXT"`
	Yes        bool   `help:"Really erase. Without it the events are only counted."`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// eraseAtOnce is how many events lose their texts in one transaction.
const eraseAtOnce = 1000

// Help implements kong.HelpProvider.
func (auditEraseCommand) Help() string {
	return `For people who may ask that what names them is forgotten. The texts (who, before, after, why) of all events by the person,
about them, and about their keys and requests become commitments: numbers from which nobody can tell the text. What
happened, when and to which key stays, and so does every proof; also files that were exported before still verify.

  latchkey audit erase frank@example.com --reason "asked by letter of 1 March"          how many there are
  latchkey audit erase frank@example.com --reason "asked by letter of 1 March" --yes    erase; there is no way back

What is in files, backups and Slack messages stays there.`
}

// Run implements the command.
func (a *auditEraseCommand) Run(c *console) error {
	return onDatabase(c, a.ConfigFile, func(ctx context.Context, db *storage.DB) error {
		person, err := db.PersonByEmail(ctx, a.Person)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return fmt.Errorf("nobody here has the address %s", a.Person)
		case errors.Is(err, storage.ErrDuplicate):
			return fmt.Errorf("more than one person has an account with the address %s; an entry under people in the configuration makes them one", a.Person)
		case err != nil:
			return err
		}
		n, err := db.AuditErasable(ctx, person.ID)
		if err != nil {
			return err
		}
		if !a.Yes {
			fmt.Fprintf(c.out, "The log has %s about %s with texts, and %d without. Nothing was done; --yes erases them, and there is no way back.\n",
				counted(int(n.Events), "event"), a.Person, n.Erased)
			return nil
		}
		return a.erase(ctx, c, db, person.ID, n)
	})
}

func (a *auditEraseCommand) erase(ctx context.Context, c *console, db *storage.DB, id storage.PersonID, found storage.Erasable) error {
	erased := int64(0)
	for n := int64(1); n > 0; erased += n {
		err := db.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			n, err = tx.EraseAudit(ctx, id, storage.System("audit erase"), a.Reason, eraseAtOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("erased the texts of %s, then: %w", counted(int(erased), "event"), err)
		}
	}
	fmt.Fprintf(c.out, "Erased the texts of %s. The log says so, and why.\n", counted(int(erased), "event"))
	if found.Waiting > 0 {
		fmt.Fprintf(c.out, "%s more happened just now. Run this again when the service has given them their place in the log.\n", counted(int(found.Waiting), "event"))
	}
	return nil
}
