package gitlab_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/gitlab/gitlabtest"
)

func TestCloseAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{SelfManaged: true})
	for name, p := range map[string]gitlabtest.Person{
		"active":          {},
		"deactivated":     {State: "deactivated"}, // comes back by signing in
		"blocked already": {State: "blocked"},
		"blocked by LDAP": {State: "ldap_blocked"},
		"banned":          {State: "banned"},
	} {
		id := w.AddPerson(p)
		if err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: itoa(id)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if state := w.State(id); state == "active" || state == "deactivated" {
			t.Errorf("%s: is %s", name, state)
		}
	}
	if err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: itoa(w.alice)}); err != nil || w.Works(w.values["laptop"]) {
		t.Errorf("err = %v, a token of theirs works: %t", err, w.Works(w.values["laptop"]))
	}
	if err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: "1"}); err != nil {
		t.Errorf("deleted: %v", err)
	}
	for _, id := range []string{"", "0", "-1", "alice", "1/../2"} {
		if err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: id}); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("ID %q: %v, want ErrUnrecoverable", id, err)
		}
	}
}

// An owner of a group can block nobody.
func TestCloseAccountOnGitLabCom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{})
	err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: itoa(w.alice)})
	if !errors.Is(err, connectors.ErrUnsupported) || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("err = %v, want ErrUnsupported with a sentence", err)
	}
	if err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: "1"}); err == nil {
		t.Error("a user that an owner does not see counts as closed")
	}
}

func TestCloseAccountIsNotFooled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gitlabtest.Config{SelfManaged: true})
	w.answer(http.MethodPost, "/block", http.StatusCreated, "true")
	err := w.CloseAccount(t.Context(), connectors.AccountRef{ID: itoa(w.alice)})
	if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("err = %v, want an ambiguous one", err)
	}
}
