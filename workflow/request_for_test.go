package workflow

import (
	"slices"
	"testing"

	"latchkey/storage"
)

// Whoever has a key file a request for somebody else does not decide on it,
// from whichever account, and is not asked.
func TestWhoFilesForSomebodyDoesNotReview(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "bob", ScopeFile)
	r, err := h.SubmitFor(t.Context(), robot, h.person("alice"), write(), "filed:1")
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.LookAtRequest(t.Context(), r.ID)
	if err != nil || r.FiledBy != h.person("bob") || v.Filer.Name != "bob" || v.Request.FiledBy != r.FiledBy {
		t.Fatalf("filed by %d, shown as %+v, %v", r.FiledBy, v.Filer, err)
	}
	asked := v.Steps[0].Eligible
	if slices.ContainsFunc(asked, func(p Person) bool { return p.ID == h.person("bob") }) || len(asked) != 2 {
		t.Errorf("%+v are asked", asked)
	}
	for _, who := range []string{"bob", "bob2"} {
		_, err := h.approves(who, r.ID)
		refused(t, who+" approves", err, RuleSelfReview)
		_, err = h.ReviewForm(t.Context(), h.people[who], r.ID)
		refused(t, who+" opens the form", err, RuleSelfReview)
	}
	if r, err = h.approves("carol", r.ID); err != nil || r.State != storage.RequestApproved {
		t.Errorf("carol approves: %s, %v", r.State, err)
	}
	h.settle(t)
	h.check(t)
}

// Where nobody but the one who files could decide, nothing is filed.
func TestARequestOnlyItsFilerCouldReview(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "bob", ScopeFile)
	h.setGroup(t, "slack:S0IT", "bob")
	_, err := h.SubmitFor(t.Context(), robot, h.person("alice"), write(), "filed:1")
	refused(t, "with nobody else to decide", err, RuleGroupEmpty)
	h.submit(t, "alice", write()) // whom bob may review
}

// The key of a request that was filed for somebody goes to that person, and
// nowhere that whoever filed it could choose.
func TestWhoFilesForSomebodyChoosesNoSink(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "bob", ScopeFile)
	for field, change := range map[string]func(*Ask){"sink": func(a *Ask) { a.Sink = "vault" }, "place": func(a *Ask) { a.Place = "bob/tempo" }} {
		ask := write()
		change(&ask)
		_, err := h.SubmitFor(t.Context(), robot, h.person("alice"), ask, "filed:"+field)
		refused(t, "with a "+field, err, RuleKeyOnly)
		if r, _ := AsRefusal(err); r.Field != field {
			t.Errorf("the refusal is about %q, want %q", r.Field, field)
		}
	}
}
