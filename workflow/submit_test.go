package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/secret"
	"latchkey/storage"
)

func TestPreviewSaysWhoWouldBeAsked(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := write()
	ask.Lifetime = 10 * day // adds security's step
	got, err := h.Preview(t.Context(), h.people["carol"], ask)
	if err != nil {
		t.Fatal(err)
	}
	names := func(all []Person) string {
		var out []string
		for _, p := range all {
			out = append(out, p.Name)
		}
		return strings.Join(out, " ")
	}
	var steps []string
	for _, s := range got.Steps {
		steps = append(steps, s.Group+": "+names(s.Eligible))
	}
	if diff := cmp.Diff([]string{"it-admins: bob erin", "security: dana erin"}, steps); diff != "" { // not carol herself
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if got.Policy != "write" || got.Auto || got.MaxLifetime != 30*day || got.PendingFor != day || !got.Steps[0].Current || got.Steps[1].Current {
		t.Errorf("preview: %+v", got)
	}
	ask.Scopes = []string{"files:read"}
	if got, err = h.Preview(t.Context(), h.people["alice"], ask); err != nil || !got.Auto || len(got.Steps) != 0 || got.PendingFor != DefaultPendingFor {
		t.Errorf("preview of an automatic rule: %+v, %v", got, err)
	}
	if rows, err := h.DB.Requests(t.Context(), storage.RequestFilter{}); err != nil || len(rows) != 0 {
		t.Errorf("a preview filed %d requests, %v", len(rows), err)
	}
}

// Whoever may not ask is refused at preview and at submit, by the same rule,
// and nothing is filed.
func TestWhoMayNotAsk(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.setActive(t, "frank", false)
	deleted := h.people["dana"]
	deleted.Account.IsDeleted = true
	h.people["deleted"] = deleted
	admin := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"people:admin"}, Lifetime: day, Reason: "for the move"}
	empty := write()
	empty.Connection = "nowhere"
	for name, tt := range map[string]struct {
		who  string
		ask  Ask
		rule string
	}{
		"an outsider":                 {"olga", write(), RuleOutsider},
		"a guest":                     {"guest", write(), RuleGuest},
		"a bot":                       {"robot", write(), RuleBot},
		"an account of nobody":        {"stranger", write(), RuleUnlinked},
		"a deactivated account":       {"deleted", write(), RuleInactive},
		"somebody who left":           {"frank", write(), RuleInactive},
		"no rule for the person":      {"dana", admin, RuleNoPolicy},
		"an unknown system":           {"alice", empty, RuleUnknown},
		"over the ceiling":            {"alice", func() Ask { a := write(); a.Lifetime = 31 * day; return a }(), RuleCeiling},
		"no reason but spaces":        {"alice", func() Ask { a := write(); a.Reason = "          "; return a }(), RuleReason},
		"a reason too short for rule": {"alice", func() Ask { a := write(); a.Reason = "pls       "; return a }(), RuleNoPolicy},
	} {
		_, err := h.Preview(t.Context(), h.people[tt.who], tt.ask)
		refused(t, name+", preview", err, tt.rule)
		_, err = h.Submit(t.Context(), h.people[tt.who], tt.ask, name)
		refused(t, name+", submit", err, tt.rule)
	}
	if rows, err := h.DB.Requests(t.Context(), storage.RequestFilter{}); err != nil || len(rows) != 0 {
		t.Errorf("%d requests were filed, %v", len(rows), err)
	}
	h.check(t)
}

func TestARequestNobodyCouldApproveIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	submit := func(who string, ask Ask) error {
		_, err := h.Submit(t.Context(), h.people[who], ask, secret.Token(8).Expose())
		return err
	}
	admin := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"people:admin"}, Lifetime: day, Reason: "for the move"}
	if err := submit("alice", admin); err != nil { // bob, carol and erin, then dana
		t.Fatal(err)
	}
	if err := submit("bob", admin); err != nil { // carol and erin, then dana
		t.Fatal(err)
	}
	h.setGroup(t, "slack:S0IT", "bob", "erin")
	err := submit("bob", admin) // he leaves erin alone, and two are needed
	refused(t, "quorum without oneself", err, RuleGroupEmpty)
	if r, _ := AsRefusal(err); !strings.Contains(r.Reason, "it-admins") {
		t.Errorf("the refusal does not name the group: %s", r.Reason)
	}
	h.setGroup(t, "slack:S0IT", "bob", "erin")
	h.setGroup(t, "slack:S0SEC", "erin")
	refused(t, "one person for two steps", submit("alice", admin), RuleGroupEmpty) // bob and erin, then erin
	h.setGroup(t, "slack:S0IT")
	refused(t, "an empty group", submit("alice", write()), RuleGroupEmpty)
	h.exec(t, `DELETE FROM group_source WHERE source = 'slack:S0IT'`)
	refused(t, "a group that was never read", submit("alice", write()), RuleGroupUnknown)
	h.setGroup(t, "slack:S0IT", "bob", "carol")
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '6 minutes' WHERE source = 'slack:S0IT'`)
	refused(t, "a group read too long ago", submit("alice", write()), RuleGroupUnknown)
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '4 minutes'`)
	if err := submit("alice", write()); err != nil {
		t.Errorf("a group read a short while ago: %v", err)
	}
	h.check(t)
}

// What is pushed to us does not age: an identity provider says when a group
// changes, and is silent otherwise.
func TestAPushedGroupDoesNotAge(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Policies[2].Approval = Approval{Steps: []StepRule{{Group: "auditors"}}}
	h := openWith(t, d, nil)
	h.setGroup(t, "scim:Auditors", "frank")
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '30 days' WHERE source = 'scim:Auditors'`)
	r := h.submit(t, "alice", write())
	if r = h.mustVote(t, "frank", r.ID, Vote{Decision: storage.Approve}); r.State != storage.RequestApproved {
		t.Errorf("%s is %s", r.ID, r.State)
	}
}

func TestTheSameSubmissionFilesOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	const times = 6
	type answer struct {
		r   storage.Request
		err error
	}
	answers := make(chan answer, times)
	for range times {
		go func() {
			r, err := h.Submit(context.Background(), h.people["alice"], write(), "view-1")
			answers <- answer{r, err}
		}()
	}
	seen := map[storage.RequestID]bool{}
	for range times {
		got := <-answers
		if got.err != nil || got.r.State != storage.RequestPending || got.r.Reason != write().Reason {
			t.Errorf("%+v, %v", got.r, got.err)
		}
		seen[got.r.ID] = true
	}
	if len(seen) != 1 {
		t.Errorf("requests %v", seen)
	}
	if n := len(h.jobs(t, NotifyArgs{}.Kind())); n != 1 {
		t.Errorf("%d notifications", n)
	}
	h.check(t)
}

// A rule that approves by itself: the key follows at once, nobody is asked,
// and the story says that the policy did it.
func TestAutomaticApproval(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, connection := range []string{"acme", "tempo"} {
		ask := Ask{Connection: connection, Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 90 * day, Reason: "dashboards"}
		r := h.submit(t, "alice", ask)
		if r.State != storage.RequestApproved {
			t.Fatalf("%s is %s", r.ID, r.State)
		}
		if errs := h.work(t); errs != nil {
			t.Fatal(errs)
		}
		c := h.keyOf(t, r.ID)
		if c.State != storage.CredentialActive || c.Brokered != (connection == "tempo") || c.UseKnown != c.Brokered || (c.KeyPrefix != "") != c.Brokered || len(c.KeyLast4) != 4 {
			t.Errorf("%s: %+v", connection, c)
		}
		if life := c.ExpiresAt.Sub(c.ActivatedAt); life > r.Granted() || life < r.Granted()-time.Minute || c.ActivatedAt.Before(r.CreatedAt) {
			t.Errorf("%s lives %s", connection, life)
		}
		events, err := h.DB.Events(t.Context(), storage.SubjectRequest, int64(r.ID))
		if err != nil || len(events) != 3 || events[1].Actor != "system: policy read" || events[1].PolicyHash != r.PolicyHash || events[0].Ref != "slack:alice" {
			t.Errorf("story: %+v, %v", events, err)
		}
	}
	h.check(t)
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 2, Live: 3}
	h := openWith(t, d, nil)
	read := Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "dashboards"}
	for range 3 {
		h.submit(t, "alice", read) // approved at once
	}
	_, err := h.Submit(t.Context(), h.people["alice"], read, "4th")
	refused(t, "a fourth live key", err, RuleQuota)
	_, err = h.Submit(t.Context(), h.people["alice2"], read, "4th of the other account")
	refused(t, "a fourth live key by another account", err, RuleQuota)
	_, err = h.Submit(t.Context(), h.people["alice"], write(), "5th")
	refused(t, "a request that could only lead to a fourth key", err, RuleQuota)
	h.submit(t, "bob", write())
	h.submit(t, "bob2", write())
	_, err = h.Submit(t.Context(), h.people["bob"], write(), "3rd")
	refused(t, "a third pending request", err, RuleQuota)
	h.settle(t)
	h.check(t)
}

// Two submissions at once can't both take the last place, nor can two
// approvals.
func TestQuotasCannotBeRaced(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 4, Live: 2}
	h := openWith(t, d, nil)
	const times = 12
	results := make(chan error, times)
	for range times {
		go func() {
			_, err := h.Submit(context.Background(), h.people["alice"], write(), secret.Token(8).Expose())
			results <- err
		}()
	}
	filed := 0
	for range times {
		err := <-results
		if err == nil {
			filed++
			continue
		}
		refused(t, "a raced submission", err, RuleQuota)
	}
	if filed != 4 {
		t.Errorf("%d requests were filed, the quota is 4", filed)
	}
	rows, err := h.DB.Requests(t.Context(), storage.RequestFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		go func() {
			_, err := h.approves("carol", r.ID)
			results <- err
		}()
	}
	approved := 0
	for range rows {
		err := <-results
		if err == nil {
			approved++
			continue
		}
		refused(t, "a raced approval", err, RuleQuota)
	}
	if approved != 2 {
		t.Errorf("%d requests were approved, the quota is 2", approved)
	}
	h.settle(t)
	h.check(t)
}
