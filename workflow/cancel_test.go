package workflow

import (
	"testing"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

func TestCancelInEveryState(t *testing.T) {
	t.Parallel()
	h := open(t)
	ends := map[string]func() storage.Request{
		"pending":  func() storage.Request { return h.submit(t, "alice", write()) },
		"approved": func() storage.Request { r, _ := h.approved(t, "alice"); return r },
		"failed": func() storage.Request {
			r, c := h.approved(t, "alice")
			h.vendor.Inject(fake.VerbIssue, fake.Refused, 1)
			if err := h.Issue(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
			return h.request(t, r.ID)
		},
		"fulfilled": func() storage.Request { return h.request(t, h.active(t, "alice").RequestID) },
		"denied": func() storage.Request {
			return h.mustVote(t, "bob", h.submit(t, "alice", write()).ID, Vote{Decision: storage.Deny, Reason: "no"})
		},
		"lapsed": func() storage.Request {
			r := h.submit(t, "alice", write())
			h.exec(t, `UPDATE request SET lapses_at = latchkey_now() WHERE id = $1`, r.ID)
			if err := h.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			return h.request(t, r.ID)
		},
		"canceled": func() storage.Request {
			r := h.submit(t, "alice", write())
			if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
				t.Fatal(err)
			}
			return h.request(t, r.ID)
		},
	}
	for _, state := range requestMachine.states() {
		r := ends[state]()
		if string(r.State) != state {
			t.Fatalf("a request meant to be %s is %s", state, r.State)
		}
		for who, rule := range map[string]string{"frank": RuleAdminOnly, "dana": RuleAdminOnly, "guest": RuleGuest, "olga": RuleOutsider} {
			_, err := h.Cancel(t.Context(), h.people[who], r.ID)
			refused(t, who+" cancels what is "+state, err, rule)
		}
		got, err := h.Cancel(t.Context(), h.people[map[bool]string{true: "alice2", false: "erin"}[state == "pending"]], r.ID)
		switch state {
		case "pending", "approved", "failed", "canceled":
			if err != nil || got.State != storage.RequestCanceled {
				t.Errorf("canceling what is %s: %s, %v", state, got.State, err)
			}
		default:
			refused(t, "canceling what is "+state, err, RuleDecided)
		}
	}
	_, err := h.Cancel(t.Context(), h.people["alice"], 999)
	refused(t, "a request that is not there", err, RuleUnknown)
	h.settle(t)
	h.check(t)
}
