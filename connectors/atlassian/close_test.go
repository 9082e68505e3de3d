package atlassian_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
)

func TestCloseAccount(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		b := setup(t)
		b.Set(atlassiantest.Knobs{Plain204: plain})
		for range 2 {
			if err := b.c.CloseAccount(t.Context(), connectors.AccountRef{ID: b.frank}); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if b.AccountStatus(b.frank) != atlassiantest.Inactive || b.AccountStatus(b.alice) != atlassiantest.Active {
			t.Errorf("Frank is %s, Alice is %s", b.AccountStatus(b.frank), b.AccountStatus(b.alice))
		}
	}
}

func TestRefusedCloseSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddServiceAccount("build robot")
	tests := []struct {
		name    string
		account connectors.AccountRef
		says    string
	}{
		{"not eligible", connectors.AccountRef{ID: b.AddPerson(atlassiantest.Person{Ineligible: true})}, "not eligible"},
		{"by the identity provider", connectors.AccountRef{ID: b.AddPerson(atlassiantest.Person{ByIDP: true})}, "identity provider"},
		{"unknown", connectors.AccountRef{ID: "712020:nobody"}, "does not manage"},
		{"service account", connectors.AccountRef{ID: robot, Service: true}, "not a person's"},
		{"only an address", connectors.AccountRef{Email: "frank@example.com"}, "not a person's"},
		{"not an ID", connectors.AccountRef{ID: "../../orgs"}, "not a person's"},
	}
	for _, tt := range tests {
		for _, body := range []atlassiantest.ErrorBody{atlassiantest.JSONBody, atlassiantest.EmptyBody, atlassiantest.HTMLBody} {
			b.Set(atlassiantest.Knobs{Errors: body})
			err := b.c.CloseAccount(t.Context(), tt.account)
			if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

// A conflict whose reason can't be looked up leaves open what is true.
func TestCloseIsAmbiguousWhileTheProfileIsOutOfReach(t *testing.T) {
	t.Parallel()
	c := script(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	if err := c.CloseAccount(t.Context(), connectors.AccountRef{ID: "a1"}); !ambiguous(err) {
		t.Errorf("close: %v", err)
	}
}

// A profile of somebody else says nothing about this account.
func TestCloseWantsTheRightProfile(t *testing.T) {
	t.Parallel()
	c := script(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"account":{"account_id":"a2","account_status":"inactive"}}`))
	})
	if err := c.CloseAccount(t.Context(), connectors.AccountRef{ID: "a1"}); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("close: %v", err)
	}
}
