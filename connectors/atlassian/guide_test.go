package atlassian_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
)

func TestGuideIssue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := connectors.AccountRef{ID: b.alice, Name: "Alice Ames", Email: "alice@example.com"}
	task, err := b.c.GuideIssue(connectors.IssueRequest{
		Label: "TK-7F3K", Owner: owner, Scopes: []string{"read:jira-user", "read:jira-work", "read:audit-log:jira"},
		ExpiresAt: time.Date(2026, 12, 3, 10, 0, 0, 0, time.UTC),
	})
	if err != nil || task.URL != "https://id.atlassian.com/manage-profile/security/api-tokens" {
		t.Fatalf("%s, %v", task.URL, err)
	}
	text := strings.Join(task.Steps, "\n")
	for _, want := range []string{
		"Alice Ames (alice@example.com)", "Create API token with scopes", ": TK-7F3K\n", "Thursday, 3 December 2026",
		"choose Jira", "scope read:jira-user (Jira users: read).", "scope read:jira-work (", "scope read:audit-log:jira.", "nothing else",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}

	classic, err := b.c.GuideIssue(connectors.IssueRequest{
		Label: "TK-1", Owner: owner, Scopes: []string{connectors.FullAccess}, ExpiresAt: start.AddDate(0, 1, 0),
	})
	if text := strings.Join(classic.Steps, "\n"); err != nil || !strings.Contains(text, "without scopes") || strings.Contains(text, "Select") {
		t.Errorf("classic token: %v\n%s", err, text)
	}
	robot, err := b.c.GuideIssue(connectors.IssueRequest{
		Label: "TK-2", Owner: connectors.AccountRef{ID: "r", Name: "build robot", Service: true},
		Scopes: []string{"read:page:confluence"}, ExpiresAt: start.AddDate(0, 1, 0),
	})
	if text := strings.Join(robot.Steps, "\n"); err != nil || robot.URL != "https://admin.atlassian.com" ||
		!strings.Contains(text, "build robot") || strings.Contains(text, "choose Jira") {
		t.Errorf("service account: %v\n%s", err, text)
	}
}

func TestGuideIssueRefusesWhatTheVendorCantMake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := connectors.IssueRequest{
		Label: "TK-1", Owner: connectors.AccountRef{ID: b.alice}, Scopes: []string{"read:jira-work"}, ExpiresAt: start.AddDate(0, 1, 0),
	}
	if _, err := b.c.GuideIssue(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*connectors.IssueRequest){
		"no label":       func(r *connectors.IssueRequest) { r.Label = " " },
		"no owner":       func(r *connectors.IssueRequest) { r.Owner = connectors.AccountRef{} },
		"no scopes":      func(r *connectors.IssueRequest) { r.Scopes = nil },
		"an empty scope": func(r *connectors.IssueRequest) { r.Scopes = []string{""} },
		"no end":         func(r *connectors.IssueRequest) { r.ExpiresAt = time.Time{} },
		"today":          func(r *connectors.IssueRequest) { r.ExpiresAt = start.Add(11 * time.Hour) },
		"over a year":    func(r *connectors.IssueRequest) { r.ExpiresAt = start.AddDate(1, 0, 5) },
		"robot without scopes": func(r *connectors.IssueRequest) {
			r.Owner.Service, r.Scopes = true, []string{connectors.FullAccess}
		},
	} {
		r := good
		spoil(&r)
		if task, err := b.c.GuideIssue(r); !errors.Is(err, connectors.ErrUnrecoverable) || len(task.Steps) > 0 {
			t.Errorf("%s: %v, %v", name, task.Steps, err)
		}
	}
}

// The human step from end to end: a guided person makes the token, the next
// listing matches it by label and owner, and one that exceeds what was approved
// shows, and can be revoked.
func TestTheGuidedTokenIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := connectors.IssueRequest{
		Label: "TK-7F3K", Owner: connectors.AccountRef{ID: b.alice}, Scopes: []string{"read:jira-work"},
		ExpiresAt: start.AddDate(0, 1, 0),
	}
	if _, err := b.c.GuideIssue(r); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateTokenAsUser(b.alice, r.Label, r.Scopes, r.ExpiresAt); err != nil {
		t.Fatal(err)
	}
	greedy, err := b.CreateTokenAsUser(b.frank, r.Label, []string{"read:jira-work", "manage:jira-project"}, start.AddDate(0, 6, 0))
	if err != nil {
		t.Fatal(err)
	}
	rows, errs := b.list(t)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var own, other connectors.Credential
	for _, c := range rows {
		switch {
		case c.Label == r.Label && c.Owner.ID == r.Owner.ID:
			own = c
		case c.Label == r.Label:
			other = c
		}
	}
	if !slices.Equal(own.Scopes, r.Scopes) || own.ExpiresAt.After(r.ExpiresAt) || own.Access != connectors.Read {
		t.Errorf("the guided token: %+v", own)
	}
	if other.Owner.ID != b.frank || other.Access != connectors.Admin || !other.ExpiresAt.After(r.ExpiresAt) {
		t.Errorf("the other token: %+v", other)
	}
	if err := b.c.Revoke(t.Context(), other.Ref); err != nil || b.Works(greedy.Secret) {
		t.Errorf("revoke: %v, works %t", err, b.Works(greedy.Secret))
	}
}

func TestPeopleCantMakeWhatTheFormDoesNotOffer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.c.CloseAccount(t.Context(), connectors.AccountRef{ID: b.frank}); err != nil {
		t.Fatal(err)
	}
	good := start.AddDate(0, 1, 0)
	for _, try := range []func() (atlassiantest.Made, error){
		func() (atlassiantest.Made, error) { return b.CreateTokenAsUser(b.frank, "x", nil, good) },
		func() (atlassiantest.Made, error) { return b.CreateTokenAsUser(b.alice, "", nil, good) },
		func() (atlassiantest.Made, error) { return b.CreateTokenAsUser(b.alice, "x", nil, start) },
		func() (atlassiantest.Made, error) {
			return b.CreateTokenAsUser(b.alice, "x", nil, start.AddDate(2, 0, 0))
		},
	} {
		if _, err := try(); err == nil {
			t.Error("the form took it")
		}
	}
}
