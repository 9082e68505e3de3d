package conformance

import (
	"errors"
	"iter"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

const label = "conformance-label"

// issue: a credential with a secret, the label and no longer life than asked;
// found by listing where the vendor lists.
func (s *suite) issue() {
	issuer := with[connectors.Issuer](s)
	s.Make = nil
	req := s.Request(label)
	got := s.made(label)
	if got.Ref.ID == "" || got.Secret.Empty() {
		s.Fatal("the answer lacks an id or a secret")
	}
	if !got.ExpiresAt.IsZero() && got.ExpiresAt.After(req.ExpiresAt.Add(24*time.Hour)) {
		s.Errorf("expires %s, more than the vendor's rounding to a day after the %s asked for", got.ExpiresAt, req.ExpiresAt)
	}
	if s.Works != nil && !s.Works(got.Secret) {
		s.Error("the vendor does not take the secret it issued")
	}
	other := s.made("conformance-other")
	if other.Ref.ID == got.Ref.ID || other.Secret.Expose() == got.Secret.Expose() {
		s.Error("two labels share an id or a secret")
	}

	req.Label = ""
	if _, err := issuer.Issue(s.Context(), req); !errors.Is(err, connectors.ErrUnrecoverable) {
		s.Errorf("issue without a label: %v, want ErrUnrecoverable: it could never be found again", err)
	}

	if _, ok := connectors.As[connectors.Lister](s.Good); !ok {
		return
	}
	found := s.listed(label)
	if len(found) != 1 || found[0].Ref.ID != got.Ref.ID {
		s.Errorf("listed under the label: %+v", found)
	}
}

// lostAnswer: the error leaves open what happened, and whatever was made is
// found under its label.
func (s *suite) lostAnswer() {
	issuer := with[connectors.Issuer](s)
	with[connectors.Lister](s)
	s.Make = nil
	if s.LoseAnswer == nil {
		s.Skip("the double can't lose an answer")
	}
	s.LoseAnswer()
	_, err := issuer.Issue(s.Context(), s.Request(label))
	s.clean(err)
	var limited *connectors.RateLimitedError
	if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrUnsupported) || errors.As(err, &limited) {
		s.Errorf("lost answer: %v, want an ambiguous error", err)
	}
	lost := s.listed(label)
	if len(lost) != 1 {
		s.Fatalf("%d credentials after a lost answer, want 1", len(lost))
	}
	again := s.made(label)
	refs := map[string]bool{}
	for _, c := range s.listed(label) {
		refs[c.Ref.ID] = true
	}
	if !refs[again.Ref.ID] {
		s.Errorf("the repeated %s is not among %v", again.Ref.ID, refs)
	}
}

// list: every row can be addressed, says what it is, and the walk repeats.
func (s *suite) list() {
	lister := with[connectors.Lister](s)
	if s.canMake() {
		for _, l := range []string{"conformance-1", "conformance-2", "conformance-3", "conformance-4", "conformance-5"} {
			s.made(l)
		}
	}
	walk := func() map[string]connectors.Credential {
		out := map[string]connectors.Credential{}
		for c, err := range lister.Credentials(s.Context()) {
			s.ok("list", err)
			if _, twice := out[c.Ref.ID]; twice || c.Ref.ID == "" {
				s.Errorf("id %q is empty or listed twice", c.Ref.ID)
			}
			if c.Kind != connectors.APIKey && c.Kind != connectors.OAuthGrant {
				s.Errorf("%s has kind %q", c.Ref.ID, c.Kind)
			}
			if !c.LastUsed.At.IsZero() && !c.LastUsed.Known {
				s.Errorf("%s was used at a time, and yet that is not known", c.Ref.ID)
			}
			out[c.Ref.ID] = c
		}
		return out
	}
	first, second := walk(), walk()
	if s.canMake() && len(first) < 5 {
		s.Errorf("5 credentials were made, %d are listed", len(first))
	}
	if len(first) != len(second) {
		s.Errorf("first walk %d, second walk %d", len(first), len(second))
	}
	for range lister.Credentials(s.Context()) {
		break // a caller may stop early
	}
	if bad, ok := connectors.As[connectors.Lister](s.Bad); ok {
		failsWhole(s, "list", bad.Credentials(s.Context()))
	}
}

// failsWhole: a walk with a bad credential yields an error and nothing else,
// and does not look like one that found nothing.
func failsWhole[T any](s *suite, what string, walk iter.Seq2[T, error]) {
	s.Helper()
	n := 0
	for _, err := range walk {
		n++
		s.clean(err)
		if err == nil {
			s.Errorf("%s with a bad credential finds something", what)
		}
	}
	if n != 1 {
		s.Errorf("%s with a bad credential: %d errors, want one", what, n)
	}
}

// rotate: another value, and the old one is dead when the verb returns.
func (s *suite) rotate() {
	rotator := with[connectors.Rotator](s)
	old := s.made(label)
	fresh, err := rotator.Rotate(s.Context(), connectors.RotateRequest{Ref: old.Ref, Label: label, ExpiresAt: s.Request(label).ExpiresAt})
	s.ok("rotate", err)
	s.issued = append(s.issued, fresh.Secret)
	if fresh.Secret.Empty() || fresh.Secret.Expose() == old.Secret.Expose() {
		s.Error("rotation made no other value")
	}
	if s.Works != nil && (s.Works(old.Secret) || !s.Works(fresh.Secret)) {
		s.Errorf("after rotation the old value works: %t, the new one: %t", s.Works(old.Secret), s.Works(fresh.Secret))
	}
}

// prove: a fresh key is honoured, again and again; another value and a dead
// key are refused for good. The connector itself works on after that.
func (s *suite) prove() {
	prover := with[connectors.Prover](s)
	fresh := s.made(label)
	s.ok("prove", prover.Prove(s.Context(), fresh))
	s.ok("prove again", prover.Prove(s.Context(), fresh))
	refused := func(what string, i connectors.Issued) {
		s.Helper()
		err := prover.Prove(s.Context(), i)
		s.clean(err)
		if !errors.Is(err, connectors.ErrUnrecoverable) {
			s.Errorf("prove %s: %v, want ErrUnrecoverable", what, err)
		}
	}
	other := fresh
	other.Secret = secret.New("conformance-is-no-key")
	s.issued = append(s.issued, other.Secret)
	refused("a value that nobody issued", other)
	if revoker, ok := connectors.As[connectors.Revoker](s.Good); ok {
		s.ok("revoke", revoker.Revoke(s.Context(), fresh.Ref))
		refused("a revoked key", fresh)
	}
	s.ok("check", s.Good.Check(s.Context()))
}

// revoke: the secret is dead; again, and of the unknown, is nil.
func (s *suite) revoke() {
	revoker := with[connectors.Revoker](s)
	s.ok("revoke unknown", revoker.Revoke(s.Context(), connectors.Ref{ID: "conformance-unknown"}))
	if !s.canMake() {
		return
	}
	dead, kept := s.made(label), s.made("conformance-kept")
	s.ok("revoke", revoker.Revoke(s.Context(), dead.Ref))
	s.ok("revoke again", revoker.Revoke(s.Context(), dead.Ref))
	if s.Works != nil && (s.Works(dead.Secret) || !s.Works(kept.Secret)) {
		s.Errorf("after the revoke it works: %t, and another one: %t", s.Works(dead.Secret), s.Works(kept.Secret))
	}
	if _, ok := connectors.As[connectors.Lister](s.Good); ok && len(s.listed("conformance-kept")) != 1 {
		s.Error("revoking one took another off the list")
	}
}

// verify: live, then dead after a revoke; the unknown is never live, and a
// failed question is never a receipt. Another credential stays, because a
// vendor whose listing is empty proves nothing by it.
func (s *suite) verify() {
	verifier := with[connectors.Verifier](s)
	revoker := with[connectors.Revoker](s)
	liveness := func(r connectors.Ref) connectors.Liveness {
		s.Helper()
		l, err := verifier.Verify(s.Context(), r)
		s.ok("verify "+r.ID, err)
		return l
	}
	if l := liveness(connectors.Ref{ID: "conformance-unknown"}); l == connectors.Live {
		s.Error("an unknown credential is live")
	}
	got := s.made(label)
	s.made("conformance-kept")
	if l := liveness(got.Ref); l != connectors.Live {
		s.Errorf("after issue it is %s", l)
	}
	s.ok("revoke", revoker.Revoke(s.Context(), got.Ref))
	if l := liveness(got.Ref); l != connectors.Dead {
		s.Errorf("after the revoke it is %s", l)
	}
	bad, ok := connectors.As[connectors.Verifier](s.Bad)
	if !ok {
		return
	}
	l, err := bad.Verify(s.Context(), got.Ref)
	s.clean(err)
	if err == nil || l != connectors.Unknown {
		s.Errorf("verify with a bad credential: %s, %v", l, err)
	}
}

// emptyListings: a listing without a single row, which a lost permission or a
// fault of the vendor's looks like, is no proof that a live credential is dead.
func (s *suite) emptyListings() {
	verifier := with[connectors.Verifier](s)
	if s.EmptyListings == nil {
		s.Skip("the double can't empty its listings")
	}
	var live []connectors.Ref
	if s.canMake() {
		live = append(live, s.made(label).Ref)
	}
	if s.Grant != nil {
		grant, _ := s.Grant()
		live = append(live, connectors.Ref{ID: grant.ID, Owner: grant.Owner})
	}
	s.EmptyListings()
	for _, ref := range live {
		l, err := verifier.Verify(s.Context(), ref)
		s.clean(err)
		if l == connectors.Dead || l == connectors.Unknown && err == nil {
			s.Errorf("verify %s with empty listings: %s, %v", ref.ID, l, err)
		}
	}
}

// suspend: both ways, and each twice.
func (s *suite) suspend() {
	suspender := with[connectors.Suspender](s)
	got := s.made(label)
	for _, step := range []struct {
		what  string
		do    func() error
		works bool
	}{
		{"suspend", func() error { return suspender.Suspend(s.Context(), got.Ref) }, false},
		{"suspend again", func() error { return suspender.Suspend(s.Context(), got.Ref) }, false},
		{"resume", func() error { return suspender.Resume(s.Context(), got.Ref) }, true},
		{"resume again", func() error { return suspender.Resume(s.Context(), got.Ref) }, true},
	} {
		s.ok(step.what, step.do())
		if s.Works != nil && s.Works(got.Secret) != step.works {
			s.Errorf("after %s it works: %t", step.what, !step.works)
		}
	}
}
