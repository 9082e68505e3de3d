package github_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
)

func TestDecideOpensAndKeepsShut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	yes := b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: "yes"})
	no := b.d.AddPATRequest(githubtest.PAT{Owner: "bob", Name: "no"})
	if b.d.Works(yes.Secret) {
		t.Fatal("a token works before its approval")
	}
	long := strings.Repeat("ü", 2000)
	for _, d := range []connectors.Decision{{ID: requestID(yes), Approve: true}, {ID: requestID(no), Reason: long}} {
		if err := b.Decide(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	if !b.d.Works(yes.Secret) || b.d.Works(no.Secret) {
		t.Errorf("approved works: %t, denied works: %t", b.d.Works(yes.Secret), b.d.Works(no.Secret))
	}
}

// The other way, somebody at GitHub was faster: we must not say otherwise.
func TestDecidedTheOtherWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	yes := b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: "yes"})
	no := b.d.AddPATRequest(githubtest.PAT{Owner: "bob", Name: "no"})
	for _, d := range []connectors.Decision{{ID: requestID(yes), Approve: true}, {ID: requestID(no)}} {
		if err := b.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		d.Approve = !d.Approve
		if err := b.Decide(t.Context(), d); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "at GitHub") {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

// A token that has access and asks for more: that it has access says nothing
// about what became of the request.
func TestDecideAnUpgrade(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meanwhile func(bundle, githubtest.Token) error // at GitHub
		approve   bool
		fails     bool
	}{
		"approve what waits":         {nil, true, false},
		"deny what waits":            {nil, false, false},
		"approve what was withdrawn": {withdraw, true, true},
		"deny what was withdrawn":    {withdraw, false, false},
		"approve what was denied":    {decide(false), true, true},
		"deny what was denied":       {decide(false), false, false},
		"approve what was approved":  {decide(true), true, false},
		"deny what was approved":     {decide(true), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			has := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "ci", MadeAt: made, Repository: map[string]string{"contents": "read"}})
			asked := b.d.AddUpgradeRequest(has, githubtest.PAT{Owner: "alice", Name: "ci", MadeAt: used, Repository: map[string]string{"contents": "write"}})
			if tt.meanwhile != nil {
				if err := tt.meanwhile(b, asked); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				err := b.Decide(t.Context(), connectors.Decision{ID: requestID(asked), Approve: tt.approve})
				if (err != nil) != tt.fails || tt.fails && !errors.Is(err, connectors.ErrUnrecoverable) {
					t.Errorf("decide: %v", err)
				}
			}
			if !b.d.Works(has.Secret) {
				t.Error("the token lost the access it had")
			}
		})
	}
}

func withdraw(b bundle, asked githubtest.Token) error {
	b.d.Withdraw(asked.Grant)
	return nil
}

func decide(approve bool) func(bundle, githubtest.Token) error {
	return func(b bundle, asked githubtest.Token) error {
		return b.Decide(context.Background(), connectors.Decision{ID: requestID(asked), Approve: approve})
	}
}

func TestNotFoundIsNoDecision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: "x"})
	b.d.Intercept(writes(answer(404, `{"message":"Not Found"}`)))
	for _, approve := range []bool{true, false} {
		err := b.Decide(t.Context(), connectors.Decision{ID: requestID(asked), Approve: approve})
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "it waits") {
			t.Errorf("approve %t: %v", approve, err)
		}
	}
	b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/orgs/") {
			return false
		}
		answer(404, `{"message":"Not Found"}`)(w, r)
		return true
	})
	if err := b.Decide(t.Context(), connectors.Decision{ID: requestID(asked)}); err == nil {
		t.Error("denied at an organisation that is not there")
	}
}

func TestDecideSendsNoEmptyReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.d.AddPATRequest(githubtest.PAT{Owner: "alice", Name: "x"})
	var sent map[string]any
	b.d.Intercept(writes(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&sent)
		w.WriteHeader(http.StatusNoContent)
	}))
	if err := b.Decide(t.Context(), connectors.Decision{ID: requestID(asked), Approve: true}); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 1 || sent["action"] != "approve" {
		t.Errorf("sent %v", sent)
	}
}
