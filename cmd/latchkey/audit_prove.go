package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"latchkey/storage"
)

type auditProveCommand struct {
	ID         string `arg:"" help:"Number of an event, or the ID of a key or request, such as TK-7F3K."`
	Since      string `name:"since-checkpoint" help:"File with an older checkpoint. The proof shows that the log extends it." placeholder:"FILE" type:"existingfile"`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (auditProveCommand) Help() string {
	return `Prints one event, or all of a key or a request, each with the proof that it lies in the signed log at its place. This
shows that something happened; that nothing else did takes an export.

  latchkey audit prove TK-7F3K > key.jsonl
  latchkey audit verify key.jsonl --key "$(cat audit.pub)"`
}

// Run implements the command.
func (a *auditProveCommand) Run(c *console) error {
	older, err := readText(a.Since)
	if err != nil {
		return err
	}
	return onDatabase(c, a.ConfigFile, func(ctx context.Context, db *storage.DB) error {
		positions, err := a.positions(ctx, db)
		if err != nil {
			return err
		}
		if len(positions) == 0 {
			return fmt.Errorf("nothing is in the log of %s; what happened just now gets its place within seconds", a.ID)
		}
		var out bytes.Buffer
		if err := db.WriteAuditProof(ctx, &out, older, positions...); err != nil {
			return err
		}
		_, err = out.WriteTo(c.out)
		return err
	})
}

// positions finds what the ID stands for.
func (a *auditProveCommand) positions(ctx context.Context, db *storage.DB) ([]int64, error) {
	if event, err := strconv.ParseInt(a.ID, 10, 64); err == nil {
		at, err := db.AuditPosition(ctx, event)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, nil
		}
		return []int64{at}, err
	}
	request, credential, err := storage.ParseID(a.ID)
	if err != nil {
		return nil, fmt.Errorf("%s is neither the number of an event nor an ID like TK-7F3K or RQ-7F3K", a.ID)
	}
	if request != 0 {
		return db.AuditPositions(ctx, storage.SubjectRequest, int64(request))
	}
	return db.AuditPositions(ctx, storage.SubjectCredential, int64(credential))
}
