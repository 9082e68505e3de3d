package github_test

import (
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
		if err := b.Decide(t.Context(), d); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "other way") {
			t.Errorf("%+v: %v", d, err)
		}
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
