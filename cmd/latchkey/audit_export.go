package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

type auditExportCommand struct {
	From       moment          `help:"Events from this time on, such as 2026-03-01 (UTC) or 2026-03-01T09:30:00Z." placeholder:"TIME"`
	To         moment          `help:"Events before this time." placeholder:"TIME"`
	Format     auditlog.Format `help:"Form of the file: jsonl proves itself, csv is for spreadsheets, ocsf for SIEMs." default:"jsonl" enum:"jsonl,csv,ocsf"`
	Since      string          `name:"since-checkpoint" help:"File with an older checkpoint. The export proves that the log extends it." placeholder:"FILE" type:"existingfile"`
	Output     string          `short:"o" help:"Write to this file. Default: standard output." placeholder:"FILE"`
	Resume     bool            `help:"Go on with a file that was cut off."`
	ConfigFile string          `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (auditExportCommand) Help() string {
	return `Writes who did what, to what, when and why. The form jsonl has in it all that it takes to check it without us:

  latchkey audit export --from 2026-01-01 --to 2026-04-01 -o quarter.jsonl
  latchkey audit verify quarter.jsonl --key "$(cat audit.pub)"

The same times bring the same bytes, however often and whenever it is run, as long as --to is some minutes ago. A run
that was cut off is continued by the same command with --resume: what is in the file is compared and not written again.
The file has all events from the first to the last that happened in that time; some that took long to commit may be
among them with a time a little outside.`
}

// Run implements the command.
func (a *auditExportCommand) Run(c *console) error {
	if a.Resume && a.Output == "" {
		return errors.New("--resume goes with --output")
	}
	r := storage.AuditRange{From: a.From.Time, To: a.To.Time}
	var err error
	if r.Older, err = readText(a.Since); err != nil {
		return err
	}
	return onDatabase(c, a.ConfigFile, func(ctx context.Context, db *storage.DB) error {
		file, err := openExport(a.Output, a.Resume)
		if err != nil {
			return err
		}
		h, err := a.header(ctx, db, r, file)
		if err == nil {
			err = a.write(ctx, db, &h, c, file)
		}
		return errors.Join(err, file.close())
	})
}

// header says what to export. A file that is continued knows it.
func (a *auditExportCommand) header(ctx context.Context, db *storage.DB, r storage.AuditRange, file *exportFile) (auditlog.Header, error) {
	if a.Resume && a.Format == auditlog.FormatJSONL {
		h, err := file.header()
		if err != nil {
			return h, err
		}
		if h.Checkpoint != "" {
			return db.HeaderOf(ctx, h.From, h.To, h.Older)
		}
	}
	if a.Resume && r.To.IsZero() {
		return auditlog.Header{}, errors.New("--resume needs the same --to as before, for the log went on")
	}
	return db.AuditHeader(ctx, r)
}

func (a *auditExportCommand) write(ctx context.Context, db *storage.DB, h *auditlog.Header, c *console, file *exportFile) error {
	out := c.out
	if file != nil {
		out = file
	}
	w, err := auditlog.NewWriter(out, a.Format, h, storage.SubjectName)
	if err != nil {
		return err
	}
	p := progress{out: c.err, of: h.To - h.From, next: time.Now().Add(progressEach)}
	if err := db.ExportAudit(ctx, h, w, p.done); err != nil {
		return err
	}
	if file == nil {
		return nil
	}
	if err := file.whole(); err != nil {
		return err
	}
	fmt.Fprintf(c.err, "%s in %s.\n", counted(int(h.To-h.From), "event"), a.Output)
	return nil
}

// moment is a time on the command line.
type moment struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) (err error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if m.Time, err = time.Parse(form, string(text)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no time like 2026-03-01 or 2026-03-01T09:30:00Z", text)
}

// readText reads a small file, such as a checkpoint; none for no name.
func readText(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	const most = 1 << 20
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, most))
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}

// progressEach is how often a long export says how far it is.
const progressEach = 5 * time.Second

type progress struct {
	out  io.Writer
	of   int64
	next time.Time
}

// done hears how many events were written.
func (p *progress) done(n int64) {
	const look = 1024 // events between two looks at the clock
	if n%look != 0 || time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(progressEach)
	fmt.Fprintf(p.out, "%d of %s\n", n, counted(int(p.of), "event"))
}
