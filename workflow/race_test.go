package workflow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"latchkey/storage"
)

// crowd makes so many members of it-admins.
func (h *house) crowd(t testing.TB, n int) []string {
	t.Helper()
	var names []string
	h.in(t, func(ctx context.Context, tx storage.Tx) error {
		for i := range n {
			name := fmt.Sprintf("admin%02d", i)
			a, err := tx.SaveAccount(ctx, storage.Account{System: storage.SystemSlack, Team: "T1", ExternalID: strings.ToUpper(name), Name: name, Email: name + "@example.com"}, "")
			if err != nil {
				return err
			}
			h.people[name] = Actor{Account: a, Ref: "slack:" + name}
			names = append(names, name)
		}
		return nil
	})
	h.setGroup(t, "slack:S0IT", names...)
	return names
}

// A04: fifty persons approve and deny at the same moment through three
// replicas, some of them twice. Everybody gets an answer, and there is one
// decision.
func TestFiftyAtOnce(t *testing.T) {
	t.Parallel()
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	d := houseDocument()
	d.Quotas = Quotas{Pending: 1000, Live: 1000}
	d.Policies[2].Approval = Approval{Steps: []StepRule{{Group: "it-admins", Quorum: 3}}}
	h := openWith(t, d, nil)
	replicas := []*Service{h.Service, h.service(t, d, nil), h.service(t, d, nil)}
	people := h.crowd(t, 50)
	ends := map[storage.RequestState]int{}
	for round := range rounds {
		r := h.submit(t, "alice", write())
		deniers := round % 4 // none, or some of fifty
		var answered, together sync.WaitGroup
		together.Add(len(people))
		for i, who := range people {
			v := Vote{Decision: storage.Approve, SourceKey: who}
			if i < deniers {
				v = Vote{Decision: storage.Deny, Reason: "no", SourceKey: who}
			}
			clicks := 1 + rand.IntN(2)
			answered.Go(func() {
				together.Done()
				together.Wait()
				for click := range clicks {
					_, err := replicas[(i+click)%len(replicas)].Review(context.Background(), h.people[who], r.ID, v)
					if _, refused := AsRefusal(err); err != nil && !refused {
						t.Errorf("%s was answered: %v", who, err)
					}
				}
			})
		}
		answered.Wait()
		got, steps, reviews, err := h.DB.Request(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		ends[got.State]++
		approvals, denies := 0, 0
		for _, v := range reviews {
			if v.Decision == storage.Deny {
				denies++
				continue
			}
			approvals++
		}
		keys := len(h.credentialsOf(t, r.ID))
		switch got.State {
		case storage.RequestApproved:
			if keys != 1 || denies != 0 || approvals != steps[0].Quorum {
				t.Errorf("approved with %d approvals, %d denies, %d keys", approvals, denies, keys)
			}
		case storage.RequestDenied:
			if keys != 0 || denies != 1 || approvals >= steps[0].Quorum {
				t.Errorf("denied with %d approvals, %d denies, %d keys", approvals, denies, keys)
			}
		default:
			t.Errorf("%s is %s", r.ID, got.State)
		}
	}
	if ends[storage.RequestApproved] < rounds/4 {
		t.Errorf("ends: %v", ends)
	}
	h.settle(t)
	h.check(t)
}

// Two persons approve each other's requests at the same moment, over and over.
func TestCrossApprovals(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	for range 8 {
		a, b := h.submit(t, "bob", write()), h.submit(t, "carol", write())
		errs := make(chan error, 2)
		go func() {
			_, err := h.Review(context.Background(), h.people["carol"], a.ID, Vote{Decision: storage.Approve, SourceKey: "a"})
			errs <- err
		}()
		go func() {
			_, err := other.Review(context.Background(), h.people["bob"], b.ID, Vote{Decision: storage.Approve, SourceKey: "b"})
			errs <- err
		}()
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
	h.settle(t)
	h.check(t)
}

// Everything a person can do to one request, and every worker, at once.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	for range 10 {
		r := h.submit(t, "alice", write())
		var all sync.WaitGroup
		do := func(what string, fn func() error) {
			all.Go(func() {
				err := fn()
				if _, refused := AsRefusal(err); err != nil && !refused {
					t.Errorf("%s was answered: %v", what, err)
				}
			})
		}
		ctx := context.Background()
		for i, s := range []*Service{h.Service, other} {
			do("approve", func() error {
				_, err := s.Review(ctx, h.people[[]string{"bob", "erin"}[i]], r.ID, Vote{Decision: storage.Approve, SourceKey: "x"})
				return err
			})
			do("sweep", func() error { return s.Sweep(ctx) })
			do("issue", func() error { return s.workOf(ctx, r.ID, s.Issue) })
			do("finish", func() error { return s.workOf(ctx, r.ID, s.FinishRevoke) })
			do("look", func() error { _, err := s.LookAtRequest(ctx, r.ID); return err })
		}
		do("deny", func() error {
			_, err := h.vote("carol", r.ID, Vote{Decision: storage.Deny, Reason: "no"})
			return err
		})
		do("cancel", func() error { _, err := other.Cancel(ctx, h.people["alice"], r.ID); return err })
		all.Wait()
	}
	h.settle(t)
	h.check(t)
}

// workOf does a job for a request's key, if there is one by now.
func (s *Service) workOf(ctx context.Context, id storage.RequestID, do func(context.Context, storage.CredentialID) error) error {
	c, err := s.DB.CredentialOf(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // none yet
	}
	if err != nil {
		return err
	}
	return do(ctx, c.ID)
}
