package githubtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

func TestDoubleOutlivesARestart(t *testing.T) {
	t.Parallel()
	key, err := githubtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	double := func() *githubtest.Double {
		d, err := githubtest.New(githubtest.Config{PrivateKey: key})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := double()
	pat := before.AddPAT(githubtest.PAT{Owner: "Alice", Name: "laptop", Repository: map[string]string{"contents": "write"}, ExpiresAt: time.Now().Add(time.Hour)})
	over := before.AddPAT(githubtest.PAT{Owner: "Alice", Name: "over", ExpiresAt: time.Now().Add(-time.Hour)})
	asked := before.AddPATRequest(githubtest.PAT{Owner: "bob", Name: "ci", Reason: "builds", Organization: map[string]string{"members": "read"}})
	_, classic := before.AddAuthorization(githubtest.Authorization{Owner: "carol", Type: githubtest.ClassicPAT, Label: "old", Scopes: []string{"repo"}})
	before.AddInstallation("renovate", map[string]string{"contents": "write"})

	raw, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	after := double()
	after.AddPAT(githubtest.PAT{Owner: "nobody"})
	if err := after.Restore(raw); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() })
	if diff := cmp.Diff(before.Holdings(), after.Holdings(), same, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	for what, want := range map[string]struct {
		value secret.Value
		works bool
	}{"a token": {pat.Secret, true}, "one that is over": {over.Secret, false}, "one that waits": {asked.Secret, false}, "a classic one": {classic, true}} {
		if got := after.Works(want.value); got != want.works {
			t.Errorf("%s works: %v", what, got)
		}
	}
	if got := after.RequestState(asked.Grant); got != "pending" {
		t.Errorf("the request is %q", got)
	}
	if !after.Member("alice") || after.Member("nobody") {
		t.Error("the members are others")
	}
	if fresh := after.AddPAT(githubtest.PAT{Owner: "alice"}); fresh.ID <= asked.ID || fresh.Grant <= asked.Grant {
		t.Error("a number is given twice")
	}
}

func TestRestoreRefusesWhatSaveNeverWrote(t *testing.T) {
	t.Parallel()
	before, err := githubtest.New(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	kept := before.AddPAT(githubtest.PAT{Owner: "alice", Name: "laptop"})
	saved, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	raw := string(saved)
	for name, text := range map[string]string{
		"nothing": "", "another format": strings.Replace(raw, "github-double", "tempo-double", 1),
		"another version": strings.Replace(raw, `"version":1`, `"version":2`, 1), "another organisation": strings.Replace(raw, githubtest.DefaultOrg, "other", 1),
		"a tail": raw + "{}", "a token without a value": strings.Replace(raw, kept.Secret.Expose(), "", 1),
		"an unknown owner": strings.Replace(raw, `"Owner":"alice"`, `"Owner":"mallory"`, 1),
	} {
		err := before.Restore([]byte(text))
		if err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), kept.Secret.Expose()) {
			t.Errorf("%s: the error quotes the token", name)
		}
	}
	if !before.Works(kept.Secret) {
		t.Error("a refused restore changed something")
	}
}

// What is removed at the vendor's own pages is gone for the API too.
func TestRemove(t *testing.T) {
	t.Parallel()
	d, err := githubtest.New(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d.AddPAT(githubtest.PAT{Owner: "alice"})
	d.AddPATRequest(githubtest.PAT{Owner: "alice"})
	d.AddAuthorization(githubtest.Authorization{Owner: "alice", Type: githubtest.SSHKey})
	for _, h := range d.Holdings() {
		if !d.Remove(h.ID) || d.Remove(h.ID) {
			t.Errorf("%s is not removed once", h.ID)
		}
	}
	if left := d.Holdings(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
