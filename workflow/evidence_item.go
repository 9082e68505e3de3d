package workflow

import (
	"context"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// samples looks closely at what was drawn, and writes the proofs of its events.
func (p *evidencePack) samples(ctx context.Context) error {
	p.Samples = []EvidenceItem{}
	positions := [][]int64{}
	for _, draw := range p.drawn {
		for _, t := range draw.sample() {
			item, at, err := p.item(ctx, draw.population, storage.CredentialID(t.id))
			if err != nil {
				return err
			}
			p.Samples, positions = append(p.Samples, item), append(positions, at)
		}
	}
	if len(p.Samples) == 0 {
		return nil
	}
	return p.file(evidenceProofs, func(f *evidenceFile) error {
		v, err := p.verifying(f, func(out io.Writer) error { return p.proofs(ctx, out, positions) })
		p.Log.Proofs = v.Events
		return err
	})
}

// proofs writes each event once, and notes it with every item it belongs to.
func (p *evidencePack) proofs(ctx context.Context, out io.Writer, positions [][]int64) error {
	w, err := auditlog.NewProofWriter(out, &auditlog.Header{Public: p.signer.Public, Checkpoint: p.signed.Note})
	if err != nil {
		return err
	}
	written := map[int64]bool{}
	for i := range p.Samples {
		item := &p.Samples[i]
		for _, at := range positions[i] {
			err := p.DB.AuditEntries(ctx, at, at+1, func(e *auditlog.Entry, leaf tlog.Hash) error {
				item.Events = append(item.Events, EvidenceEvent{Position: at, At: e.At.UTC(), Action: e.Action, Actor: e.Texts.Actor, Before: e.Texts.Before,
					After: e.Texts.After, Reason: e.Texts.Reason, Erased: e.Erased != nil})
				if written[at] {
					return nil
				}
				written[at] = true
				proof, err := p.DB.ProveRecord(ctx, p.tree, at)
				if err != nil {
					return err
				}
				return w.Event(e, leaf, proof)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// item gathers everything about one credential, and where its events are.
func (p *evidencePack) item(ctx context.Context, population string, id storage.CredentialID) (EvidenceItem, []int64, error) {
	c, err := p.DB.Credential(ctx, id)
	if err != nil {
		return EvidenceItem{}, nil, err
	}
	owner, err := p.persons(ctx, c.OwnerID)
	if err != nil {
		return EvidenceItem{}, nil, err
	}
	out := EvidenceItem{Population: population, ID: id.String(), System: c.Connection, Kind: c.Kind, Managed: c.Managed, Owner: owner[c.OwnerID].Name,
		Scopes: c.Scopes, State: string(c.State), Reason: c.StateReason, IssuedAt: evidenceTime(c.ActivatedAt), ExpiresAt: evidenceTime(c.ExpiresAt),
		EndedAt: evidenceTime(c.EndedAt), Receipts: []EvidenceProof{}, Events: []EvidenceEvent{}}
	if c.ReplacesID != 0 {
		out.Replaces = c.ReplacesID.String()
	}
	receipts, err := p.DB.Receipts(ctx, id)
	if err != nil {
		return out, nil, err
	}
	for _, r := range receipts {
		out.Receipts = append(out.Receipts, EvidenceProof{At: r.At.UTC(), Verb: r.Verb, Answer: r.Answer, Liveness: r.Liveness, Attempts: r.Attempts})
	}
	if c.RequestID != 0 {
		if out.Request, err = p.request(ctx, c.RequestID); err != nil {
			return out, nil, err
		}
	}
	positions, waiting, err := p.DB.AuditPositionsOf(ctx, id, c.RequestID)
	if err == nil && (waiting > 0 || len(positions) > 0 && positions[len(positions)-1] >= p.tree.N) {
		err = refuse(RuleNotPossible, "Something is happening to %s right now, and has no place in the audit log yet. Try again in a minute.", id)
	}
	return out, positions, err
}

// request is what was asked for, and who allowed it.
func (p *evidencePack) request(ctx context.Context, id storage.RequestID) (*EvidenceRequest, error) {
	v, err := p.LookAtRequest(ctx, id)
	if err != nil {
		return nil, err
	}
	r := v.Request
	out := &EvidenceRequest{ID: id.String(), Requester: v.Requester.Name, Reason: r.Reason, Asked: r.Scopes, Granted: r.GrantedScopes, Lifetime: r.GrantedS,
		Policy: r.PolicyName, Version: r.PolicyHash, State: string(r.State), FiledAt: r.CreatedAt.UTC(), DecidedAt: evidenceTime(r.DecidedAt), Steps: []EvidenceStep{}}
	for _, st := range v.Steps {
		step := EvidenceStep{Group: st.Group, Quorum: st.Quorum, Eligible: []string{}, Reviews: []EvidenceVote{}}
		for _, who := range st.Eligible {
			step.Eligible = append(step.Eligible, who.Name)
		}
		for _, vote := range st.Votes {
			step.Reviews = append(step.Reviews, EvidenceVote{Reviewer: vote.By.Name, Decision: string(vote.Decision), Reason: vote.Reason, At: vote.At.UTC()})
		}
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}
