package gitlabtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

func TestDoubleOutlivesARestart(t *testing.T) {
	t.Parallel()
	before := gitlabtest.New(gitlabtest.Config{})
	before.Populate()
	gone := before.PersonByEmail("bob@example.com")
	removed, value := before.AddToken(gitlabtest.Token{User: gone, Name: "gone", Scopes: []string{"api"}})
	for _, h := range before.Holdings() {
		if h.Label == "gone" && (!before.Remove(h.ID) || before.Remove(h.ID)) {
			t.Fatal("a token is not removed once")
		}
	}
	raw, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	after := gitlabtest.New(gitlabtest.Config{})
	after.AddPerson(gitlabtest.Person{Name: "Nobody", Email: "nobody@example.com"})
	if err := after.Restore(raw); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() })
	if diff := cmp.Diff(before.Holdings(), after.Holdings(), same, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	for _, h := range before.Holdings() {
		if after.Works(h.Secret) != h.Works {
			t.Errorf("%s works: %v", h.Label, !h.Works)
		}
	}
	if after.Works(value) {
		t.Error("a revoked token works again")
	}
	if after.PersonByEmail("nobody@example.com") != 0 || after.PersonByEmail("bob@example.com") != gone {
		t.Error("the people are others")
	}
	if id, _ := after.AddToken(gitlabtest.Token{User: gone, Name: "fresh", ExpiresAt: time.Now().Add(time.Hour)}); id <= removed {
		t.Errorf("the ID %d is given twice", id)
	}
}

func TestRestoreRefusesWhatSaveNeverWrote(t *testing.T) {
	t.Parallel()
	before := gitlabtest.New(gitlabtest.Config{})
	_, kept := before.AddToken(gitlabtest.Token{Group: gitlabtest.TopGroup, Name: "kept", Scopes: []string{"api"}})
	saved, err := before.Save()
	if err != nil {
		t.Fatal(err)
	}
	raw := string(saved)
	for name, text := range map[string]string{
		"nothing": "", "another format": strings.Replace(raw, "gitlab-double", "tempo-double", 1),
		"another version": strings.Replace(raw, `"version":1`, `"version":2`, 1), "a tail": raw + "{}",
		"no top-level group":      strings.Replace(raw, `"groups":[{"id":9970`, `"groups":[{"id":9971`, 1),
		"a token without a value": strings.Replace(raw, kept.Expose(), "", 1),
	} {
		err := before.Restore([]byte(text))
		if err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), kept.Expose()) {
			t.Errorf("%s: the error quotes the token", name)
		}
	}
	if !before.Works(kept) {
		t.Error("a refused restore changed something")
	}
}
