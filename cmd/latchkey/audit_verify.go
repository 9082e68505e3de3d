package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"latchkey/storage/auditlog"
)

type auditVerifyCommand struct {
	File       string `arg:"" help:"File that audit export or audit prove wrote; - is standard input."`
	Checkpoint string `help:"File with a checkpoint that you kept: the log has to extend it." placeholder:"FILE" type:"existingfile"`
	Key        string `help:"The log's key, as audit key printed it." placeholder:"KEY"`

	in io.Reader // of tests; nil means standard input
}

// Help implements kong.HelpProvider.
func (auditVerifyCommand) Help() string {
	return `Reads a file from its first byte to its last, needs nothing else, and says what it proves: that these events are all of
that stretch of the log, in that order, and as they were when a checkpoint of the log was signed. Else it names the first
position that is wrong; the exit status is then 1.

  latchkey audit verify quarter.jsonl --key "$(cat audit.pub)" --checkpoint kept.txt

A file alone only shows that it fits itself. The key shows that it is this log's. A checkpoint that was kept outside shows
that nothing before it was rewritten or cut off since, not even by somebody who has the database and the signing key.`
}

// Run implements the command.
func (a *auditVerifyCommand) Run(c *console) error {
	known := auditlog.Known{Public: a.Key}
	var err error
	if known.Checkpoint, err = readText(a.Checkpoint); err != nil {
		return err
	}
	in := a.in
	if in == nil {
		in = os.Stdin
	}
	if a.File != "-" {
		f, err := os.Open(a.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	v, err := auditlog.Verify(in, known)
	if _, damaged := errors.AsType[*auditlog.Problem](err); damaged {
		return fmt.Errorf("%s does not verify: %w", a.File, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.File, err)
	}
	printVerified(c.out, v)
	return nil
}

func printVerified(out io.Writer, v auditlog.Verified) {
	switch {
	case v.Single:
		fmt.Fprintf(out, "Verified: %s of %s.\n", counted(int(v.Events), "single event"), v.Origin)
	case v.Events == 0:
		fmt.Fprintf(out, "Verified: no events of %s.\n", v.Origin)
	default:
		fmt.Fprintf(out, "Verified: %s of %s, all from position %d to %d.\n", counted(int(v.Events), "event"), v.Origin, v.From, v.To-1)
	}
	if v.Events > 0 {
		fmt.Fprintf(out, "The earliest is of %s, the latest of %s.\n", v.First.Format(time.RFC3339), v.Last.Format(time.RFC3339))
	}
	if v.Erased > 0 {
		fmt.Fprintf(out, "The texts of %d were erased; what is left of them fits.\n", v.Erased)
	}
	fmt.Fprintf(out, "They are in the log of %s whose root is %s; %s.\n", counted(int(v.Size), "event"), v.Root, fitting(v.Checkpoints))
	if v.Kept > 0 {
		fmt.Fprintf(out, "The log extends the checkpoint of %s that you kept.\n", counted(int(v.Kept), "event"))
	}
	if v.Believed {
		fmt.Fprintf(out, `
WARNING: the key was taken from the file itself. Whoever writes a file from scratch can make a key as well. Compare it with
the one that the log's operator gave you on another way, or verify again with --key or --checkpoint:
  %s
`, v.Public)
	}
}

func fitting(checkpoints int) string {
	if checkpoints == 1 {
		return "the 1 checkpoint fits"
	}
	return fmt.Sprintf("all %d checkpoints fit", checkpoints)
}
