package workflow

import (
	"context"
	"errors"
	"io"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// openLog settles in which tree everything of the pack is proven: the newest.
func (p *evidencePack) openLog(ctx context.Context) error {
	var err error
	if p.signed, err = p.DB.LatestCheckpoint(ctx); errors.Is(err, storage.ErrNotFound) {
		return refuse(RuleNotPossible, "The audit log is empty, so there is nothing to prove.")
	}
	if err != nil {
		return err
	}
	if p.tree, err = p.signer.Open(p.signed.Note); err != nil {
		return err
	}
	p.Origin, p.Public = auditlog.Origin(p.signer.Public), p.signer.Public
	p.Log.Size, p.Log.Root, p.Log.SignedAt = p.tree.N, p.tree.Hash.String(), p.signed.At.UTC()
	return nil
}

// log writes the period's stretch of the audit log, and verifies it as it
// passes by.
func (p *evidencePack) log(ctx context.Context) error {
	first, past, err := p.DB.AuditSpans(ctx, p.From, p.To)
	if err != nil {
		return err
	}
	// What got its place since the tree was settled is not in it.
	if past = min(past, p.tree.N); first >= past {
		first, past = 0, 0
	}
	stretch := auditlog.Stretch{From: first, To: past, Size: p.tree.N}
	outside, err := p.DB.AuditOutside(ctx, p.tree, stretch)
	if err != nil {
		return err
	}
	header := auditlog.Header{Public: p.signer.Public, From: first, To: past, Checkpoint: p.signed.Note, Outside: outside}
	var verified auditlog.Verified
	err = p.file(evidenceAudit, func(f *evidenceFile) (err error) {
		verified, err = p.verifying(f, func(out io.Writer) error { return p.stretch(ctx, out, &header) })
		return err
	})
	p.Log.From, p.Log.To, p.Log.Events, p.Log.Erased = verified.From, verified.To, verified.Events, verified.Erased
	return err
}

func (p *evidencePack) stretch(ctx context.Context, out io.Writer, h *auditlog.Header) error {
	w, err := auditlog.NewWriter(out, auditlog.FormatJSONL, h, nil)
	if err != nil {
		return err
	}
	return p.DB.ExportAudit(ctx, h, w, func(int64) {})
}

// verifying writes what an auditor's own check is run on at the same time: a
// pack is not made of a log that does not verify.
func (p *evidencePack) verifying(f *evidenceFile, write func(io.Writer) error) (auditlog.Verified, error) {
	in, out := io.Pipe()
	type answer struct {
		verified auditlog.Verified
		err      error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := auditlog.Verify(in, auditlog.Known{Public: p.signer.Public})
		_ = in.CloseWithError(err) // never fails; nil ends the writer's waiting too
		done <- answer{v, err}
	}()
	err := write(io.MultiWriter(f, out))
	_ = out.CloseWithError(err) // likewise
	a := <-done
	if a.err != nil {
		return a.verified, a.err
	}
	return a.verified, err
}
