package atlassiantest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/secret"
)

func TestDoubleOutlivesARestart(t *testing.T) {
	t.Parallel()
	before := atlassiantest.NewDouble(atlassiantest.Config{})
	alice := before.AddPerson(atlassiantest.Person{Name: "Alice", Email: "alice@example.com"})
	bot := before.AddServiceAccount("deployer")
	plain := before.AddUserToken(atlassiantest.Token{Owner: alice, Label: "old", ExpiresAt: time.Now().Add(time.Hour)})
	blocked := before.AddServiceAccountToken(atlassiantest.Token{Owner: bot, Label: "ci", Scopes: []string{"read:jira-work"}, Blocked: true})
	key := before.AddOrgKey(atlassiantest.OrgKey{CreatedBy: alice, Label: "admin"})
	gone := before.AddUserToken(atlassiantest.Token{Owner: alice, Label: "gone"})
	before.Remove(gone.ID)

	raw, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	after := atlassiantest.NewDouble(atlassiantest.Config{})
	after.AddPerson(atlassiantest.Person{Name: "Nobody"})
	if err := after.Restore(raw); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() })
	if diff := cmp.Diff(before.Holdings(), after.Holdings(), same, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	for what, want := range map[string]struct {
		made  atlassiantest.Made
		works bool
	}{"a token": {plain, true}, "a blocked one": {blocked, false}, "a key": {key, true}, "a revoked one": {gone, false}} {
		if got := after.Works(want.made.Secret); got != want.works {
			t.Errorf("%s works: %v", what, got)
		}
	}
	if got := after.PersonByEmail("alice@example.com"); got != alice {
		t.Errorf("Alice is %q, was %q", got, alice)
	}
	fresh := after.AddUserToken(atlassiantest.Token{Owner: alice, Label: "fresh"})
	for _, old := range []string{plain.ID, blocked.ID, key.ID, gone.ID} {
		if fresh.ID == old {
			t.Errorf("the ID %s is given twice", old)
		}
	}
}

func TestRestoreRefusesWhatSaveNeverWrote(t *testing.T) {
	t.Parallel()
	before := atlassiantest.NewDouble(atlassiantest.Config{})
	kept := before.AddOrgKey(atlassiantest.OrgKey{Label: "admin"})
	raw, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	other, err := atlassiantest.NewDouble(atlassiantest.Config{OrgID: "another"}).Save()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "another format": strings.Replace(string(raw), "atlassian-double", "tempo-double", 1),
		"another version": strings.Replace(string(raw), `"version":1`, `"version":2`, 1), "another organisation": string(other),
		"a tail": string(raw) + "{}", "a key without a secret": strings.Replace(string(raw), kept.Secret.Expose(), "", 1),
		"an unknown field": strings.Replace(string(raw), `"people"`, `"peoples"`, 1),
	} {
		err := before.Restore([]byte(text))
		if err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), kept.Secret.Expose()) {
			t.Errorf("%s: the error quotes the key", name)
		}
	}
	if !before.Works(kept.Secret) {
		t.Error("a refused restore changed something")
	}
}
