package workflow

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/storage"
)

// actionsInCode finds every action that the code writes into the audit log:
// those that stand there whole, and those made from a state.
func actionsInCode(t *testing.T) []string {
	t.Helper()
	subjects := "credential|request|review|person|account|group|offboarding|campaign|batch|sync|audit|connection|leak|console|evidence"
	whole := regexp.MustCompile(`["'](?:` + subjects + `)\.[a-z_]+["']`)
	record := regexp.MustCompile(`Action:|action :?=|, action|audit_event|NoteProblem\(|SetExpiry\(|nullif\(`)
	found := map[string]bool{}
	for _, folder := range []string{"../storage", ".", "../server", "../gateway", "../cmd/latchkey"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if !record.MatchString(line) {
					continue
				}
				for _, quoted := range whole.FindAllString(line, -1) {
					found[strings.Trim(quoted, `"'`)] = true
				}
			}
		}
	}
	for subject, states := range map[string][]string{
		"credential.":  {"issuing", "active", "suspended", "revoking", "revoke_failed", "revoked", "issue_failed", "expired"},
		"request.":     {"pending", "approved", "fulfilled", "denied", "lapsed", "canceled", "failed"},
		"review.":      {"approve", "deny"},
		"offboarding.": {"held", "open", "closed", "undone"},
		"campaign.":    {"running", "ending", "done", "canceled"},
		"batch.":       {"held", "running", "done", "dropped"},
	} {
		for _, state := range states {
			found[subject+state] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Nothing is written into the log that people could not read there.
func TestEveryActionHasWords(t *testing.T) {
	t.Parallel()
	actions := actionsInCode(t)
	if len(actions) < 70 || !slices.Contains(actions, "credential.extended") || !slices.Contains(actions, "group.member_added") {
		t.Fatalf("found %d actions only, so the test looks in the wrong place: %q", len(actions), actions)
	}
	for _, action := range actions {
		subject, rest, _ := strings.Cut(action, ".")
		said := ""
		switch subject {
		case "credential":
			said = credentialWords(rest, storage.Event{})
		case "request", "review":
			said = requestWords(subject, rest)
		case "person", "account", "group":
			said = directoryWords(subject, rest)
		case "offboarding", "campaign", "batch":
			said = workWords(subject, rest)
		case "sync", "audit":
			said = ownWords(subject, rest)
		}
		if said == "" {
			t.Errorf("EventWords has no words for %s", action)
		}
	}
}

func TestEventWords(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{
		"credential.suspended": "suspended", "review.deny": "a vote to deny", "custom.something_else": "something else", "": "",
	} {
		if got := EventWords(storage.Event{Action: action}); got != want {
			t.Errorf("%s reads %q, want %q", action, got, want)
		}
	}
	if got := EventWords(storage.Event{Action: "credential.active", Before: "suspended"}); got != "resumed" {
		t.Errorf("a resumed key reads %q", got)
	}
}
