package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// ids walks a list by its Link headers, as far as they lead.
func (b *v1Bundle) ids(t *testing.T, path string) []string {
	t.Helper()
	var out []string
	for path != "" {
		b.unhurried()
		got := b.call(t, b.all, http.MethodGet, path, nil)
		page := read[v1List[Credential]](t, got)
		for _, c := range page.Data {
			out = append(out, c.ID)
		}
		link := got.header.Get("Link")
		if (link != "") != (page.Next != "") || page.Next != "" && !strings.Contains(link, "cursor="+page.Next) {
			t.Fatalf("Link %q, next %q", link, page.Next)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	return out
}

func TestCredentialsAreListedAPageAtATime(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	var made []string
	for i := range 7 {
		c := b.made(t, b.hire(t, fmt.Sprint("holder", i)), workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}})
		made = append(made, c.ID.String())
	}
	slices.Reverse(made) // newest first
	for limit := 1; limit <= 8; limit++ {
		if got := b.ids(t, at("/v1/credentials?system=tempo&limit=%d", limit)); !slices.Equal(got, made) {
			t.Errorf("by %d: %v, want %v", limit, got, made)
		}
	}
	// Who comes between two pages shifts nothing, and is on none of the later ones.
	first := read[v1List[Credential]](t, b.call(t, b.all, http.MethodGet, "/v1/credentials?system=tempo&limit=4", nil))
	b.made(t, b.hire(t, "late"), workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}})
	if got := b.ids(t, "/v1/credentials?system=tempo&limit=4&cursor="+first.Next); !slices.Equal(got, made[4:]) {
		t.Errorf("after somebody came: %v, want %v", got, made[4:])
	}
}

func TestCredentialsAreFiltered(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	gone := b.bobs(t)
	if _, err := b.service.Revoke(t.Context(), b.bob, gone.ID, "done"); err != nil {
		t.Fatal(err)
	}
	if err := b.service.FinishRevoke(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]storage.CredentialID{
		"owner=bob@example.com":                              {key.ID},
		at("owner=%d", b.bob.Account.PersonID):               {key.ID},
		"owner=BOB@example.com&ended=true":                   {gone.ID, key.ID},
		"owner=bob@example.com&state=revoked":                {gone.ID},
		"owner=bob@example.com&state=active":                 {key.ID},
		"owner=bob@example.com&system=wiki":                  nil,
		"owner=bob@example.com&kind=oauth_grant":             nil,
		"owner=bob@example.com&kind=api_key&flag=never_used": {key.ID},
		"owner=bob@example.com&flag=unmanaged":               nil,
	} {
		var ids []string
		for _, id := range want {
			ids = append(ids, id.String())
		}
		b.unhurried()
		if got := b.ids(t, "/v1/credentials?"+query); !slices.Equal(got, ids) {
			t.Errorf("%s = %v, want %v", query, got, ids)
		}
	}
}

// What a key sees is what an admin sees, and never how to collect a key: not
// even its own owner's.
func TestACredentialIsShownWithoutItsSecret(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	c := b.made(t, b.alice, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view", "worklogs:manage"}})
	address, err := b.service.RevealURL(t.Context(), c.ID)
	if err != nil || address == "" {
		t.Fatal(err)
	}
	got := b.call(t, b.all, http.MethodGet, at("/v1/credentials/%s", strings.ToLower(c.ID.String())), nil)
	v := read[v1CredentialDetail](t, got)
	if v.ID != c.ID.String() || v.Owner == nil || v.Owner.Name != "Alice" || v.State != "active" || v.Use != "never" || v.Access != "write" || len(v.Scopes) != 2 ||
		v.Collected || !slices.Equal(v.Can, []string{"revoke", "suspend", "rotate", "edit"}) || v.UseURL == "" || v.ExpiresAt == nil {
		t.Errorf("%s", got.body)
	}
	if strings.Contains(got.body, "/reveal/") {
		t.Error("the answer leads to the key")
	}
	b.call(t, b.all, http.MethodGet, "/v1/credentials/TK-ZZZZ", nil).want(t, 404, "unknown", "")
	b.call(t, b.all, http.MethodGet, "/v1/credentials/"+c.RequestID.String(), nil).want(t, 404, "unknown", "")
}

func TestEditsNeedTheVersionThatWasSeen(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	path := at("/v1/credentials/%s", key.ID)
	seen := b.call(t, b.all, http.MethodGet, path, nil).header.Get("ETag")
	before := b.rows(t)
	b.call(t, b.all, http.MethodPatch, path, map[string]any{"note": "x"}).want(t, 428, "if_match", "")
	for _, other := range []string{`"0123456789"`, `*`, seen + `, "x"`, `W/` + seen, strings.Trim(seen, `"`)} {
		b.unhurried()
		b.call(t, b.all, http.MethodPatch, path, map[string]any{"note": "x"}, "If-Match", other).want(t, 412, "changed_meanwhile", "")
	}
	if b.rows(t) != before {
		t.Fatal("something changed")
	}
	ends := key.ExpiresAt.Add(-24 * time.Hour).UTC().Truncate(time.Second)
	got := b.call(t, b.all, http.MethodPatch, path, map[string]any{"label": "month-end", "note": "<b>ask Alice</b>", "expires_at": ends, "reason": "ends early"}, "If-Match", seen)
	changed := read[v1Changed](t, got)
	if changed.Label != "month-end" || changed.Note != "<b>ask Alice</b>" || !changed.ExpiresAt.Equal(ends) || got.header.Get("ETag") == seen {
		t.Errorf("%s", got.body)
	}
	if now := b.call(t, b.all, http.MethodGet, path, nil).header.Get("ETag"); now != got.header.Get("ETag") {
		t.Errorf("the version is %s, and the edit said %s", now, got.header.Get("ETag"))
	}
	b.call(t, b.all, http.MethodPatch, path, map[string]any{"note": "late"}, "If-Match", seen).want(t, 412, "changed_meanwhile", "")
	b.call(t, b.all, http.MethodPatch, path, map[string]any{"expires_at": time.Now().AddDate(9, 0, 0)}, "If-Match", got.header.Get("ETag")).want(t, 422, "ceiling", "expires_at")
	b.call(t, b.all, http.MethodPatch, path, map[string]any{}, "If-Match", got.header.Get("ETag")).want(t, 422, "missing_field", "")
	// Use is no change that anybody decides by.
	if err := b.db.TouchLastUsed(t.Context(), map[storage.CredentialID]time.Time{key.ID: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if now := b.call(t, b.all, http.MethodGet, path, nil).header.Get("ETag"); now != got.header.Get("ETag") {
		t.Error("use changed the version")
	}
}

// A key may prolong its owner's credentials as little as its owner may.
func TestAKeyGivesItsOwnerNoMoreTime(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	mine := b.made(t, b.alice, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:manage"}})
	theirs := b.bobs(t)
	for c, want := range map[*storage.Credential]int{&mine: http.StatusForbidden, &theirs: http.StatusOK} {
		got := b.call(t, b.all, http.MethodPatch, at("/v1/credentials/%s", c.ID), map[string]any{"expires_at": c.ExpiresAt.AddDate(0, 0, 5), "reason": "more"}, "If-Match", etagOf(*c))
		if got.status != want {
			t.Errorf("%s = %d %s, want %d", c.ID, got.status, got.body, want)
		}
	}
}

func TestVerbsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	do := func(verb string, body any) reply {
		return b.call(t, b.all, http.MethodPost, at("/v1/credentials/%s/%s", key.ID, verb), body)
	}
	do("suspend", map[string]any{}).want(t, 422, "missing_field", "reason")
	do("suspend", because("")).want(t, 422, "invalid_field", "reason")
	do("suspend", because("  ")).want(t, 422, "reason_needed", "reason")
	for _, step := range []struct {
		verb string
		want storage.CredentialState
	}{{"suspend", storage.CredentialSuspended}, {"suspend", storage.CredentialSuspended}, {"resume", storage.CredentialActive}, {"revoke", storage.CredentialRevoking}, {"revoke", storage.CredentialRevoking}} {
		b.unhurried()
		if got := read[v1Changed](t, do(step.verb, because("found in a repository"))); got.State != string(step.want) || b.stateOf(t, key.ID) != step.want {
			t.Errorf("%s = %+v", step.verb, got)
		}
	}
	do("resume", because("oops")).want(t, 409, "already_decided", "")
	events := read[v1List[v1Event]](t, b.call(t, b.all, http.MethodGet, at("/v1/credentials/%s/events?limit=1", key.ID), nil))
	if e := events.Data[0]; e.Action != "credential.revoking" || e.Actor[:len("Alice by key TK-")] != "Alice by key TK-" || e.Reason != "found in a repository" || e.SubjectID != key.ID.String() ||
		!strings.HasPrefix(e.Ref, "http:") {
		t.Errorf("the log says %+v", e)
	}
}
