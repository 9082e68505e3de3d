package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"latchkey/storage/auditlog"
	"latchkey/workflow"
)

type auditEvidenceCommand struct {
	From       moment `help:"Beginning of the period, such as 2026-01-01 (UTC) or 2026-01-01T09:30:00Z." required:"" placeholder:"TIME"`
	To         moment `help:"Its end, which it does not include. Default: now." placeholder:"TIME"`
	Out        string `short:"o" help:"Folder to make." required:"" placeholder:"DIR"`
	Sample     int    `help:"How many grants, rotations and terminations are looked at closely." default:"25"`
	Seed       string `help:"Decides which. Default: a random one, which the pack shows." placeholder:"TEXT"`
	ConfigFile string `name:"config" short:"c" help:"Configuration file." default:"latchkey.yaml" env:"LATCHKEY_CONFIG"`
}

// Help implements kong.HelpProvider.
func (auditEvidenceCommand) Help() string {
	return `Makes a folder with the evidence for an audit of a period:

  latchkey audit evidence --from 2026-01-01 --to 2027-01-01 -o evidence-2026

index.html is for people: how many credentials were granted, rotated and ended; a random sample of each with its request,
who allowed it and when, the systems' receipts; how long revocations and leavers took; every exception; who administers and
approves. evidence.json has the same for programs, audit.jsonl the audit log of the period, proofs.jsonl the sampled events
with a proof each. manifest.json has the hash of every file, and manifest.note signs it with the audit log's key.

Dates are days in UTC. An auditor checks the folder with "latchkey audit check-evidence", offline; sha256sum -c SHA256SUMS
finds changed files without Latchkey.`
}

// Run implements the command.
func (e *auditEvidenceCommand) Run(c *console) error {
	ask := workflow.EvidenceAsk{From: e.From.Time, To: e.To.Time, Sample: e.Sample, Seed: e.Seed}
	if ask.To.IsZero() {
		ask.To = time.Now()
	}
	if e.Sample < 1 {
		return errors.New("--sample: a sample has at least 1 item")
	}
	if _, err := os.Lstat(e.Out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already; name a folder that is not", e.Out)
	}
	cfg, err := loadConfig(c, e.ConfigFile)
	if err != nil {
		return err
	}
	m := &Main{Config: cfg, Logger: c.log}
	if m.postgres, m.db, err = visitDatabase(c.ctx, cfg, c.log); err != nil {
		return err
	}
	err = e.make(c, m, ask)
	return errors.Join(err, m.Stop(context.WithoutCancel(c.ctx)))
}

// make writes the pack beside its place and puts it there once it is whole.
func (e *auditEvidenceCommand) make(c *console, m *Main, ask workflow.EvidenceAsk) (err error) {
	keeper, done, err := openKeeper(c.ctx, m.Config)
	if err != nil {
		return err
	}
	defer done()
	if m.keys, err = m.db.OpenKeyring(c.ctx, keeper); err != nil {
		return err
	}
	service, err := m.onlooker(c.ctx)
	if err != nil {
		return err
	}
	out := filepath.Clean(e.Out)
	part, err := os.MkdirTemp(filepath.Dir(out), ".evidence-*")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	folder, err := os.OpenRoot(part)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	pack, err := service.WriteEvidencePack(c.ctx, "the operator", ask, filesIn(folder))
	if err = errors.Join(err, folder.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, out); err != nil {
		return fmt.Errorf("put the folder in its place: %w", err)
	}
	e.report(c.out, pack)
	return nil
}

// filesIn makes files within a folder, and the folders they are in.
func filesIn(root *os.Root) func(name string) (io.WriteCloser, error) {
	return func(name string) (io.WriteCloser, error) {
		if err := root.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o700); err != nil {
			return nil, err
		}
		return root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
}

// report says what the pack has, and what in it must not be.
func (e *auditEvidenceCommand) report(out io.Writer, pack workflow.Evidence) {
	fmt.Fprintf(out, "%s: %s of the audit log, verified. Open %s.\n", e.Out, counted(int(pack.Log.Events), "event"), filepath.Join(e.Out, "index.html"))
	var parts []string
	for _, p := range pack.Populations {
		parts = append(parts, fmt.Sprintf("%d %s", p.Count, p.Name))
	}
	fmt.Fprintf(out, "In the period: %s. %s looked at closely, drawn with the seed %s.\n", strings.Join(parts, ", "), counted(len(pack.Samples), "item"), pack.Seed)
	reportExceptions(out, pack)
}

func reportExceptions(out io.Writer, pack workflow.Evidence) {
	for _, x := range pack.Exceptions {
		if x.Clean && x.Count > 0 {
			fmt.Fprintf(out, "Must not be: %s in %s.\n", counted(int(x.Count), "line"), x.File)
		}
	}
}

type auditCheckEvidenceCommand struct {
	Folder     string `arg:"" help:"The folder." placeholder:"DIR"`
	Key        string `help:"The audit log's verifying key, from somebody who did not make the pack." placeholder:"KEY"`
	Checkpoint string `help:"File of a checkpoint that was kept earlier: the log must extend it." placeholder:"FILE" type:"existingfile"`
}

// Help implements kong.HelpProvider.
func (auditCheckEvidenceCommand) Help() string {
	return `Checks a folder that "latchkey audit evidence" made. It needs no configuration, no database and no network:

  latchkey audit check-evidence evidence-2026 --key "$(cat audit.pub)"

Every file has the hash that was signed, and no other file is there; each population is the list it says, and the seed draws
the samples shown from it; the audit log of the period and every event of the samples are proven in the signed tree. What is
wrong is named, a line each, and the exit status is then 1.

"latchkey audit key" prints the key where Latchkey runs. Without one the pack is checked against the key it brings along,
which shows that it is whole, and not who made it.`
}

// Run implements the command.
func (e *auditCheckEvidenceCommand) Run(c *console) error {
	known := auditlog.Known{Public: e.Key}
	var err error
	if known.Checkpoint, err = readText(e.Checkpoint); err != nil {
		return err
	}
	root, err := os.OpenRoot(e.Folder)
	if err != nil {
		return fmt.Errorf("open the pack: %w", err)
	}
	defer func() { _ = root.Close() }() // was only read
	check, err := workflow.CheckEvidence(root.FS(), known)
	if err != nil {
		return err
	}
	slices.Sort(check.Problems)
	for _, p := range check.Problems {
		fmt.Fprintln(c.out, p)
	}
	if len(check.Problems) > 0 {
		return fmt.Errorf("the pack is not what it says: %s", counted(len(check.Problems), "problem"))
	}
	pack := check.Evidence
	fmt.Fprintf(c.out, "%s of %s, %s to %s: all %s are as they were signed; %s of the audit log and %s of the samples are proven in the tree of %d.\n",
		"The evidence", pack.Origin, pack.From.Format(time.RFC3339), pack.To.Format(time.RFC3339), counted(check.Files, "file"), counted(int(pack.Log.Events), "event"),
		counted(int(pack.Log.Proofs), "event"), pack.Log.Size)
	reportExceptions(c.out, pack)
	if check.Believed {
		fmt.Fprintf(c.out, "\nTHE KEY WAS TAKEN FROM THE PACK ITSELF: who makes a pack from scratch can make a key as well.\nCompare %s with what `latchkey audit key` prints, or give --key.\n", pack.Public)
	}
	return nil
}
