package workflow

import (
	"io"
	"testing"
	"time"

	"latchkey/storage"
)

// A key that may everything that keys may is refused whatever only a person may
// do, its owner an admin or not, and sees no link to collect a key by.
func TestWhatOnlyPersonsMayDo(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "erin", ScopeRead, ScopeEdit, ScopeRevoke, ScopeRotate, ScopeRequests, ScopeFile, ScopePeople, ScopeOffboard, ScopeAudit, ScopeReportLeaks)
	ctx := t.Context()
	r := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "for the report"})
	key := robot.Key
	for name, do := range map[string]func() error{
		"review": func() error { _, err := h.Review(ctx, robot, r.ID, Vote{Decision: storage.Approve}); return err },
		"deny": func() error {
			_, err := h.Review(ctx, robot, r.ID, Vote{Decision: storage.Deny, Reason: "no"})
			return err
		},
		"cancel":     func() error { _, err := h.Cancel(ctx, robot, r.ID); return err },
		"ask":        func() error { _, err := h.Submit(ctx, robot, Ask{Connection: "tempo"}, "x"); return err },
		"extend":     func() error { _, err := h.Extend(ctx, robot, key, day, "more", "x"); return err },
		"exempt":     func() error { _, err := h.Exempt(ctx, robot, key, time.Now().Add(time.Hour), "more"); return err },
		"let expire": func() error { _, err := h.LetExpire(ctx, robot, key); return err },
		"hand over":  func() error { _, err := h.HandOver(ctx, robot, key, h.person("alice"), "bye"); return err },
		"revoke many": func() error {
			_, err := h.RevokeMany(ctx, robot, Selection{Connection: "tempo"}, "tempo", 9, "all", "x")
			return err
		},
		"decide a crowd":  func() error { _, err := h.DecideHeld(ctx, robot, true, 9); return err },
		"waive":           func() error { return h.Waive(ctx, robot, 1, key, "mine") },
		"sync":            func() error { return h.SyncNow(ctx, robot, "tempo") },
		"campaign":        func() error { _, err := h.StartCampaign(ctx, robot, CampaignAsk{}, "x"); return err },
		"home":            func() error { _, err := h.Home(ctx, robot); return err },
		"what waits":      func() error { _, err := h.Waiting(ctx, robot); return err },
		"what it holds":   func() error { _, err := h.Mine(ctx, robot); return err },
		"a review's form": func() error { _, err := h.ReviewForm(ctx, robot, r.ID); return err },
	} {
		refused(t, name, do(), RuleKeyOnly)
	}
	if _, err := h.ExportCSV(ctx, robot, Listing{}, io.Discard); err != nil {
		t.Errorf("what it may list it may export: %v", err)
	}
	_, err := h.SubmitFor(ctx, h.people["erin"], h.person("alice"), Ask{Connection: "tempo"}, "x")
	refused(t, "a person for another one", err, RuleKeyOnly)
}

// Without its scope a key is refused where an admin would not be, although its
// owner is one.
func TestAKeyDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "erin", ScopeReportLeaks)
	ctx, key := t.Context(), robot.Key
	for name, do := range map[string]func() error{
		"list":         func() error { _, err := h.List(ctx, robot, Listing{Owner: robot.Account.PersonID}); return err },
		"show":         func() error { _, err := h.Show(ctx, robot, key); return err },
		"systems":      func() error { _, err := h.Inventory(ctx, robot); return err },
		"enforcement":  func() error { _, err := h.Enforcement(ctx, robot, "tempo"); return err },
		"requests":     func() error { _, err := h.Requests(ctx, robot, storage.RequestFilter{}); return err },
		"a request":    func() error { _, err := h.ShowRequest(ctx, robot, 1); return err },
		"file":         func() error { _, err := h.SubmitFor(ctx, robot, h.person("alice"), Ask{}, "x"); return err },
		"people":       func() error { _, err := h.People(ctx, robot, storage.PersonFilter{}); return err },
		"a person":     func() error { _, err := h.ShowPerson(ctx, robot, h.person("alice")); return err },
		"offboard":     func() error { _, err := h.OffboardPerson(ctx, robot, h.person("alice"), "bye", "x"); return err },
		"preview":      func() error { _, err := h.PreviewLeave(ctx, robot, h.person("alice")); return err },
		"cases":        func() error { _, err := h.OffboardingList(ctx, robot, 0, false, 0, 1); return err },
		"a case":       func() error { _, err := h.ShowOffboarding(ctx, robot, 1); return err },
		"access":       func() error { _, _, err := h.Access(ctx, robot, storage.AccessFilter{}); return err },
		"use":          func() error { _, err := h.Use(ctx, robot, key, time.Time{}); return err },
		"audit":        func() error { _, err := h.SearchAudit(ctx, robot, storage.AuditFilter{}); return err },
		"a proof":      func() error { _, err := h.ProveAudit(ctx, robot, 1); return err },
		"a checkpoint": func() error { _, _, err := h.AuditCheckpoint(ctx, robot); return err },
	} {
		refused(t, name, do(), RuleScope)
	}
	note := "mine"
	for name, do := range map[string]func() error{
		"edit":    func() error { _, err := h.Edit(ctx, robot, key, Edit{Note: &note}); return err },
		"suspend": func() error { _, err := h.Suspend(ctx, robot, key, "x"); return err },
		"resume":  func() error { _, err := h.Resume(ctx, robot, key, "x"); return err },
		"revoke":  func() error { _, err := h.Revoke(ctx, robot, key, "x"); return err },
		"rotate":  func() error { _, err := h.Rotate(ctx, robot, key, RotateAsk{}, "x"); return err },
	} {
		refused(t, name, do(), RuleAdminOnly)
	}
}
