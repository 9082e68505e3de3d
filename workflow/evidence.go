package workflow

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"time"

	"latchkey/storage"
)

// EvidenceSample is how many of each population are looked at closely when
// nobody says how many: what auditors of a year ask for.
const EvidenceSample = 25

// maxEvidenceSample bounds a pack: a person reads it.
const maxEvidenceSample = 1000

// seedForm is what a seed may be, so that it can be typed into a shell.
var seedForm = regexp.MustCompile(`^[0-9A-Za-z._-]{0,100}$`)

// EvidenceAsk is what an evidence pack is to be about.
type EvidenceAsk struct {
	From, To time.Time // from From on until, not including, To, or now if that is earlier
	Sample   int       // of each population; zero means EvidenceSample
	Seed     string    // decides which; empty means a random one. The same seed draws the same samples
}

// EvidencePack writes an evidence pack for an audit of a period. create makes
// its files, one after the other: each is closed before the next one begins.
// For admins, and keys with audit:read.
func (s *Service) EvidencePack(ctx context.Context, a Actor, ask EvidenceAsk, create func(name string) (io.WriteCloser, error)) (Evidence, error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "have the evidence for an audit"); err != nil {
		return Evidence{}, err
	}
	return s.WriteEvidencePack(ctx, a.by().Name, ask, create)
}

// WriteEvidencePack is EvidencePack without a question of authority: for the
// operator, who has the database anyway. by is who the pack says asked for it.
func (s *Service) WriteEvidencePack(ctx context.Context, by string, ask EvidenceAsk, create func(name string) (io.WriteCloser, error)) (Evidence, error) {
	now, err := s.DB.Now(ctx)
	if err != nil {
		return Evidence{}, err
	}
	if ask, err = ask.settle(now); err != nil {
		return Evidence{}, err
	}
	signer, err := s.AuditSigner(ctx)
	if err != nil {
		return Evidence{}, err
	}
	// What was committed until now gets its place, also where no service runs.
	if err := sequence(ctx, storage.NewSequencer(s.DB), signer); err != nil {
		return Evidence{}, err
	}
	p := &evidencePack{Service: s, create: create, signer: signer}
	p.Format, p.MadeAt, p.MadeBy, p.From, p.To, p.Seed, p.SampleSize = evidenceFormat, now.UTC(), by, ask.From.UTC(), ask.To.UTC(), ask.Seed, ask.Sample
	if age := s.today.Enforcement.MaxAge; age > 0 {
		p.MaxAge = age.String()
	}
	for _, step := range []func(context.Context) error{p.openLog, p.lists, p.exceptions, p.times, p.policies, p.people, p.samples, p.log, p.write} {
		if err := step(ctx); err != nil {
			return p.Evidence, err
		}
	}
	return p.Evidence, nil
}

// settle fills in what was left open, and refuses what makes no pack.
func (a EvidenceAsk) settle(now time.Time) (EvidenceAsk, error) {
	if a.To.After(now) {
		a.To = now
	}
	if a.Sample == 0 {
		a.Sample = EvidenceSample
	}
	switch {
	case a.From.IsZero() || a.To.IsZero():
		return a, refuse(RuleNotPossible, "Say from when until when the audit is about.")
	case !a.From.Before(a.To):
		return a, refuse(RuleNotPossible, "The period must begin before it ends, and before now.")
	case a.Sample < 0 || a.Sample > maxEvidenceSample:
		return a, refuse(RuleNotPossible, "A sample has 1 to %d items.", maxEvidenceSample)
	case !seedForm.MatchString(a.Seed):
		return a, refuse(RuleNotPossible, "A seed has at most 100 letters, digits, dots, dashes and underscores.")
	}
	if a.Seed == "" {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		a.Seed = hex.EncodeToString(random[:])
	}
	return a, nil
}

// policies lists the versions that had a say.
func (p *evidencePack) policies(ctx context.Context) error {
	uses, err := p.DB.PolicyUses(ctx, p.From, p.To)
	if err != nil {
		return err
	}
	p.Policies = []EvidencePolicy{}
	for _, u := range uses {
		rules, err := p.rulesOf(ctx, u.Hash)
		if err != nil {
			return fmt.Errorf("read policy %s: %w", u.Hash, err)
		}
		v := EvidencePolicy{Hash: u.Hash, FirstAt: u.FirstAt.UTC(), LastAt: evidenceTime(u.LastAt), Requests: u.Requests, Today: u.Hash == p.today.Hash}
		for _, r := range rules.Policies {
			v.Rules = append(v.Rules, r.Name)
		}
		p.Policies = append(p.Policies, v)
	}
	return nil
}

// times measures how long ends and leaves took.
func (p *evidencePack) times(ctx context.Context) error {
	revoked, err := p.DB.RevokeTimes(ctx, p.From, p.To)
	if err != nil {
		return err
	}
	left, err := p.DB.LeaveTimes(ctx, p.From, p.To)
	p.Revoking, p.Leaving = evidenceTimes(revoked), evidenceTimes(left)
	return err
}

func evidenceTimes(t storage.EvidenceTimes) EvidenceTimes {
	out := EvidenceTimes{Count: t.Count, Confirmed: t.Took, Median: t.Median, Most: t.Most, Longest: t.Longest}
	bounds := storage.EvidenceBounds()
	for i, n := range t.Buckets {
		b := EvidenceBucket{Count: n}
		if i < len(bounds) {
			b.Below = &bounds[i]
		}
		out.Buckets = append(out.Buckets, b)
	}
	return out
}

// evidenceTime is nil for a time that was never set: neither Go's zero nor the
// database's stand-in for it.
func evidenceTime(t time.Time) *time.Time {
	if t.Year() <= 1 {
		return nil
	}
	t = t.UTC()
	return &t
}
