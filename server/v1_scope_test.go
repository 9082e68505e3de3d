package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// sample is a call that succeeds for a key with the operation's scope, however
// often it is made.
type sample struct {
	path    string
	body    any
	headers []string
}

// samples are such calls for every operation, by its ID. Each is asked for
// anew, because some can be made once only.
func (b *v1Bundle) samples(t *testing.T, frank storage.PersonID, event int64, offboarding int64) map[string]func() sample {
	t.Helper()
	key := b.bobs(t)
	one := func(path string) func() sample { return func() sample { return sample{path: path} } }
	doing := func(verb string) func() sample {
		return func() sample { return sample{path: at("/v1/credentials/%s/%s", key.ID, verb), body: because("a test")} }
	}
	n := 0
	someones := func() storage.Credential {
		n++ // each time another's, since nobody may hold many
		return b.made(t, b.hire(t, fmt.Sprint("holder", n)), workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}})
	}
	fresh := func(path string) func() sample {
		return func() sample {
			c := someones()
			b.collect(t, c.ID)
			return sample{path: strings.ReplaceAll(path, "{id}", c.ID.String()), body: body(c.ExpiresAt)}
		}
	}
	request := key.RequestID
	return map[string]func() sample{
		"list-credentials": one("/v1/credentials"),
		"get-credential":   one(at("/v1/credentials/%s", key.ID)),
		"edit-credential": func() sample {
			return sample{at("/v1/credentials/%s", key.ID), map[string]any{"note": secret.Token(4).Expose()}, []string{"If-Match", etagOf(b.credential(t, key.ID))}}
		},
		"suspend-credential": doing("suspend"),
		"resume-credential":  doing("resume"),
		"revoke-credential": func() sample {
			return sample{path: at("/v1/credentials/%s/revoke", someones().ID), body: because("a test")}
		},
		"rotate-credential":      fresh("/v1/credentials/{id}/rotate"),
		"rotate-api-key":         fresh("/v1/orgs/tempo/api-keys/rotate/{id}"),
		"list-credential-events": one(at("/v1/credentials/%s/events", key.ID)),
		"get-credential-use":     one(at("/v1/credentials/%s/use", key.ID)),
		"list-grants":            one("/v1/grants"),
		"list-requests":          one("/v1/requests"),
		"get-request":            one(at("/v1/requests/%s", request)),
		"file-request": func() sample {
			return sample{path: "/v1/requests", body: map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"},
				"lifetime_seconds": 86400, "reason": "month-end report"}}
		},
		"list-systems":    one("/v1/systems"),
		"get-system":      one("/v1/systems/tempo"),
		"get-enforcement": one("/v1/systems/tempo/enforcement"),
		"list-people":     one("/v1/people"),
		"get-person":      one(at("/v1/people/%d", frank)),
		"offboard-person": func() sample {
			return sample{path: at("/v1/people/%d/offboard", frank), body: map[string]any{"dry_run": true}}
		},
		"list-offboardings": one("/v1/offboardings"),
		"get-offboarding":   one(at("/v1/offboardings/%d", offboarding)),
		"list-access":       one("/v1/access"),
		"list-events":       one("/v1/audit"),
		"get-checkpoint":    one("/v1/audit/checkpoint"),
		"get-proof":         one(at("/v1/audit/%d/proof", event)),
		"report-leaks": func() sample {
			return sample{path: "/v1/leaks", body: map[string]any{"leaks": []any{map[string]string{"token": "glpat-unknown"}}}}
		},
	}
}

// Every operation answers keys with its scope and refuses all others; the
// table of who may what is the golden file. None is missing in it, because it
// is made of the document that is served.
func TestEveryRouteForEveryScope(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	gone := b.hire(t, "gina")
	left := b.call(t, b.all, http.MethodPost, at("/v1/people/%d/offboard", gone.Account.PersonID), because("left"))
	if left.status != http.StatusOK {
		t.Fatalf("%d %s", left.status, left.body)
	}
	b.sequenced(t)
	events, err := b.db.SearchAudit(t.Context(), storage.AuditFilter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	samples := b.samples(t, b.hire(t, "frank").Account.PersonID, events[0].ID, read[v1Leave](t, left).Case.ID)
	scopes := append([]string{workflow.ScopeProvision}, allScopes...)
	keys := map[string]string{}
	dana := b.hire(t, "dana")
	for _, scope := range scopes {
		_, keys[scope] = b.ownKey(t, dana, scope)
	}
	deadID, dead := b.ownKey(t, dana, allScopes...)
	if _, err := b.service.Revoke(t.Context(), dana, deadID, "not needed"); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, op := range b.door().operations() {
		sampleOf, ok := samples[op.id]
		if !ok {
			t.Errorf("%s has no sample: add one, so that it is known who may call it", op.id)
			continue
		}
		fmt.Fprintf(&table, "%-5s %s\n", op.method, op.path)
		for _, scope := range scopes {
			b.unhurried()
			s := sampleOf()
			got := b.call(t, keys[scope], op.method, s.path, s.body, s.headers...)
			fmt.Fprintf(&table, "      %d %s\n", got.status, scope)
			if allowed := got.status < 300; allowed != (scope == op.scope) || !allowed && got.status != http.StatusForbidden {
				t.Errorf("%s with %s = %d %s", op.id, scope, got.status, got.body)
			}
			if got.status == http.StatusForbidden && !strings.Contains(got.header.Get("WWW-Authenticate"), `error="insufficient_scope", scope="`+op.scope+`"`) {
				t.Errorf("%s with %s does not say what it lacks: %q", op.id, scope, got.header.Get("WWW-Authenticate"))
			}
		}
		b.server.keyGuesses = newGuesses(b.server.keyGuesses.now)
		for name, key := range map[string]string{"no key": "", "a dead key": dead, "no key of ours": secret.NewKey().Expose(), "rubbish": "x"} {
			s := sampleOf()
			if got := b.call(t, key, op.method, s.path, s.body, s.headers...); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s = %d %s", op.id, name, got.status, got.body)
			}
		}
	}
	golden(t, "v1_scopes.txt", table.String())
}
