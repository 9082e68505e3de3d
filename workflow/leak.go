package workflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

const (
	maxLeaks     = 1000 // in one report, as in GitHub's
	maxLeakToken = 8 << 10
	maxLeakWord  = 100
	maxLeakURL   = 1000
)

// LeakReport is a token that somebody found where it must not be. All but the
// token may be empty, and is only repeated to people.
type LeakReport struct {
	Token  secret.Value
	Type   string // what the finder takes it for
	Source string // where it was: "commit"
	URL    string
}

// LeakOutcome says what became of a report.
type LeakOutcome struct {
	Known      bool // it is a credential of ours
	Credential storage.CredentialID
	State      storage.CredentialState // of the credential by now: dead here at once, at its system soon
}

// ReportLeak ends every credential whose secret is among the reports, whoever's
// it is. An unknown token is remembered by its keyed hash only. Outcomes are in
// the order of the reports. Reporting again is no error.
func (s *Service) ReportLeak(ctx context.Context, a Actor, reports []LeakReport) ([]LeakOutcome, error) {
	if err := s.mayAs(ctx, a, ScopeReportLeaks, "report leaked keys"); err != nil {
		return nil, err
	}
	return s.takeLeaks(ctx, a.by(), reports)
}

// TakesLeaks tells whether a connection reports leaks.
func (s *Service) TakesLeaks(connection string) bool {
	_, ok := connectors.As[connectors.LeakSource](s.Connectors[connection])
	return ok
}

// TakeLeaks verifies what a connection's sender delivered and does what
// ReportLeak does. Ended is how many reports were of credentials of ours. The
// errors of connectors.LeakSource are passed on.
func (s *Service) TakeLeaks(ctx context.Context, connection string, r *http.Request, body []byte) (ended int, err error) {
	source, ok := connectors.As[connectors.LeakSource](s.Connectors[connection])
	if !ok {
		return 0, refuse(RuleUnknown, "There is no source of leaks called %s.", cut(connection))
	}
	leaks, err := source.Leaks(r, body)
	if err != nil {
		return 0, err
	}
	if err := s.fetchSoon(ctx, connection, leaks); err != nil {
		return 0, err
	}
	return s.takeFound(ctx, connection, leaks)
}

// takeFound ends what a connection found.
func (s *Service) takeFound(ctx context.Context, connection string, leaks []connectors.Leak) (ended int, err error) {
	by := storage.System("leaks from " + connection)
	var errs []error
	for some := range slices.Chunk(usable(leaks), maxLeaks) {
		outcomes, err := s.takeLeaks(ctx, by, some)
		errs = append(errs, err)
		for _, o := range outcomes {
			if o.Known {
				ended++
			}
		}
	}
	return ended, errors.Join(errs...)
}

// usable leaves out what can't be a secret of ours: what is wrong with one line
// of a report must not spare the others.
func usable(leaks []connectors.Leak) []LeakReport {
	var out []LeakReport
	for _, l := range leaks {
		if token := strings.TrimSpace(l.Secret.Expose()); token != "" && len(token) <= maxLeakToken {
			out = append(out, LeakReport{Token: l.Secret, Type: l.Type, Source: l.Source, URL: l.URL})
		}
	}
	return out
}

func (s *Service) takeLeaks(ctx context.Context, by storage.Actor, reports []LeakReport) ([]LeakOutcome, error) {
	hashes, err := s.leakHashes(reports)
	if err != nil {
		return nil, err
	}
	whose, err := s.DB.WhoseSecrets(ctx, hashes)
	if err != nil {
		return nil, err
	}
	out := make([]LeakOutcome, len(reports))
	var unknown [][]byte
	var errs []error // one that can't be ended now must not spare the others
	for i, r := range reports {
		hash := [32]byte(hashes[i])
		id := whose[hash]
		if id == 0 {
			unknown = append(unknown, hashes[i])
			continue
		}
		c, err := s.endLeaked(ctx, by, id, hash, r)
		out[i], errs = LeakOutcome{Known: true, Credential: id, State: c.State}, append(errs, err)
	}
	return out, errors.Join(append(errs, s.DB.NoteUnknownLeaks(ctx, unknown, by.Name))...)
}

func (s *Service) leakHashes(reports []LeakReport) ([][]byte, error) {
	if len(reports) == 0 || len(reports) > maxLeaks {
		return nil, refuse(RuleLeak, "Send between 1 and %d tokens at once.", maxLeaks)
	}
	out := make([][]byte, len(reports))
	for i, r := range reports {
		token := strings.TrimSpace(r.Token.Expose())
		if token == "" || len(token) > maxLeakToken {
			return nil, refuse(RuleLeak, "Token number %d is empty or longer than %d characters. Nothing was done.", i+1, maxLeakToken)
		}
		hash := s.Keys.Box.Hash(token)
		out[i] = hash[:]
	}
	return out, nil
}

// RuleLeak is the rule about what a report of leaks may hold.
const RuleLeak = "leak"

// endLeaked ends one credential for good. One that has ended already gets the
// event all the same: somebody may have used it before.
func (s *Service) endLeaked(ctx context.Context, by storage.Actor, id storage.CredentialID, hash [32]byte, r LeakReport) (storage.Credential, error) {
	leak := storage.Leak{Hash: hash, CredentialID: id, Type: leakWord(r.Type), Source: leakWord(r.Source), URL: leakURL(r), Reporter: by.Name}
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, err
	}
	err = s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		request, err := lockRequestOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		fresh, err := tx.NoteLeak(ctx, &leak)
		if err != nil {
			return err
		}
		ends := slices.Contains([]storage.CredentialState{storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended}, c.State)
		if fresh || ends {
			if err := tx.Record(ctx, by, storage.Event{Action: "credential.leaked", Subject: storage.SubjectCredential, SubjectID: int64(id),
				Before: string(c.State), After: leak.Source, Reason: leak.URL}); err != nil {
				return err
			}
			if err := tx.Enqueue(ctx, NotifyArgs{storage.SubjectLeak, int64(leak.ID)}, nil); err != nil {
				return err
			}
		}
		if !ends {
			return nil
		}
		reason := leakReason(leak)
		if err := s.beginRevoke(ctx, tx, &c, by, reason); err != nil {
			return err
		}
		if !requestMachine.allows(string(request.State), eventCancel) {
			return nil
		}
		if err := moveRequest(ctx, tx, &request, eventCancel, by, reason); err != nil {
			return err
		}
		return notifyRequest(ctx, tx, request.ID)
	})
	return c, err
}

// leakReason says to the owner why the key ended.
func leakReason(l storage.Leak) string {
	where := ""
	if l.Source != "" {
		where = " (" + strings.ReplaceAll(l.Source, "_", " ") + ")"
	}
	if l.URL != "" {
		where += ": " + l.URL
	}
	return "its secret was found where others can read it" + where
}

// leakWord keeps a finder's word if it is one.
func leakWord(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > maxLeakWord || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != ' '
	}) {
		return ""
	}
	return s
}

// leakURL keeps where a token was found, but for what of the address could
// hold the token itself or another one.
func leakURL(r LeakReport) string {
	u, err := url.Parse(strings.TrimSpace(r.URL))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	plain := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Fragment: u.Fragment}).String()
	if len(plain) > maxLeakURL || strings.Contains(plain, strings.TrimSpace(r.Token.Expose())) || strings.Contains(plain, "lk_live_") || strings.Contains(plain, "lk_test_") {
		return ""
	}
	return plain
}

// LeakView is what people are told of a leak.
type LeakView struct {
	Leak      storage.Leak
	Key       CredentialView
	Approvers []Person // who approved the key's request
}

// LookAtLeak gathers what the messages about a leaked credential show.
func (s *Service) LookAtLeak(ctx context.Context, id storage.LeakID) (LeakView, error) {
	l, err := s.DB.Leak(ctx, id)
	if err != nil {
		return LeakView{}, err
	}
	out := LeakView{Leak: l}
	if out.Key, err = s.LookAtCredential(ctx, l.CredentialID); err != nil {
		return out, fmt.Errorf("look at leaked key: %w", err)
	}
	if out.Key.Credential.RequestID == 0 {
		return out, nil
	}
	request, err := s.LookAtRequest(ctx, out.Key.Credential.RequestID)
	if err != nil {
		return out, err
	}
	for _, step := range request.Steps {
		for _, v := range step.Votes {
			if v.Decision == storage.Approve {
				out.Approvers = append(out.Approvers, v.By)
			}
		}
	}
	return out, nil
}
