package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

func b32() secret.Value { return secret.New(string(secret.NewDataKey())) }

// Whatever is wrong has one status, one code and, where there is one, the
// member it is about; and nothing has changed.
func TestWrongRotationsChangeNothing(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	old := b.bobs(t)
	mine := b.made(t, b.alice, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:manage"}})
	guided := b.made(t, b.bob, workflow.Ask{Connection: "byhand", Scopes: []string{"pages:read"}})
	gone := b.bobs(t)
	if _, err := b.db.Pool().Exec(t.Context(), `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, gone.ID); err != nil {
		t.Fatal(err)
	}
	_, erins := b.ownKey(t, b.hire(t, "erin"), workflow.ScopeRotate)
	colleague := b.made(t, b.bob, workflow.Ask{Connection: "latchkey", Scopes: []string{"people:offboard"}})
	good, path := body(old.ExpiresAt), rotatePath(old)
	const far = "/v1/orgs/tempo/api-keys/rotate/"
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	long := strings.Repeat("x", 501)
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprint("m", i)] = "x"
	}
	tests := []struct {
		name    string
		path    string
		body    any
		headers []string
		status  int
		code    string
		field   string
	}{
		{"unknown ID", far + storage.CredentialID(9999).String(), good, nil, 404, "unknown", ""},
		{"no ID", far + "latest", good, nil, 404, "unknown", ""},
		{"a request's ID", far + storage.RequestID(1).String(), good, nil, 404, "unknown", ""},
		{"another connection", "/v1/orgs/wiki/api-keys/rotate/" + old.ID.String(), good, nil, 404, "unknown", ""},
		{"unknown connection", "/v1/orgs/nowhere/api-keys/rotate/" + old.ID.String(), good, nil, 404, "unknown", ""},
		{"another address", "/v1/orgs/tempo/api-keys", good, nil, 404, "unknown_address", ""},
		{"a query", path + "?access_token=x", good, nil, 400, "query", ""},

		{"no type", path, good, []string{"Content-Type", ""}, 415, "content_type", ""},
		{"a form", path, "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type", ""},
		{"another alphabet", path, good, []string{"Content-Type", "application/json; charset=utf-16"}, 415, "content_type", ""},
		{"compressed", path, good, []string{"Content-Encoding", "gzip"}, 415, "content_encoding", ""},
		{"too large", path, changed(good, "rotateReason", strings.Repeat("x", maxBody)), nil, 413, "body_size", ""},
		{"empty", path, "", nil, 400, "malformed_body", ""},
		{"a list", path, "[]", nil, 400, "malformed_body", ""},
		{"cut short", path, `{"newKeyExpiresAt":"2027`, nil, 400, "malformed_body", ""},
		{"two objects", path, `{}{}`, nil, 400, "malformed_body", ""},
		{"no UTF-8", path, "{\"rotateReason\":\"\xff\"}", nil, 400, "malformed_body", ""},
		{"an unknown member", path, changed(good, "newKeyExpiry", at(old.ExpiresAt)), nil, 400, "malformed_body", "newKeyExpiry"},
		{"another case", path, `{"newkeyexpiresat":"` + at(old.ExpiresAt) + `"}`, nil, 400, "malformed_body", "newkeyexpiresat"},
		{"a member twice", path, `{"pskId":"ci","pskId":"ci"}`, nil, 400, "malformed_body", "pskId"},
		{"a number for a time", path, changed(good, "newKeyExpiresAt", 1), nil, 400, "malformed_body", "newKeyExpiresAt"},
		{"a string for contacts", path, changed(good, "notifyContacts", "ops@example.com"), nil, 400, "malformed_body", "notifyContacts"},
		{"a list for metadata", path, changed(good, "metadata", []string{"x"}), nil, 400, "malformed_body", "metadata"},
		{"a number in metadata", path, changed(good, "metadata", map[string]any{"rotatedBy": 1}), nil, 400, "malformed_body", "metadata"},

		{"no end", path, changed(good, "newKeyExpiresAt", nil), nil, 422, "missing_field", "newKeyExpiresAt"},
		{"end null", path, `{"newKeyExpiresAt":null}`, nil, 422, "missing_field", "newKeyExpiresAt"},
		{"end never", path, changed(good, "newKeyExpiresAt", "never"), nil, 422, "invalid_field", "newKeyExpiresAt"},
		{"end without a zone", path, changed(good, "newKeyExpiresAt", "2027-01-31T12:00:00"), nil, 422, "invalid_field", "newKeyExpiresAt"},
		{"end of nothing", path, changed(good, "newKeyExpiresAt", "0001-01-01T00:00:00Z"), nil, 422, "invalid_field", "newKeyExpiresAt"},
		{"end on 30 February", path, changed(good, "newKeyExpiresAt", "2027-02-30T12:00:00Z"), nil, 422, "invalid_field", "newKeyExpiresAt"},
		{"end past", path, body(time.Now().Add(-time.Second)), nil, 422, "ceiling", "newKeyExpiresAt"},
		{"end beyond the ceiling", path, body(time.Now().Add(91 * 24 * time.Hour)), nil, 422, "ceiling", "newKeyExpiresAt"},
		{"end in 2099", path, changed(good, "newKeyExpiresAt", "2099-12-31T23:59:59Z"), nil, 422, "ceiling", "newKeyExpiresAt"},
		{"end in 9999", path, changed(good, "newKeyExpiresAt", "9999-12-31T23:59:59Z"), nil, 422, "ceiling", "newKeyExpiresAt"},
		{"old end after new", path, changed(body(old.ExpiresAt.Add(-2*time.Hour)), "oldKeyExpiresAt", at(old.ExpiresAt.Add(-time.Hour))), nil, 422, "ceiling", "oldKeyExpiresAt"},
		{"old end past", path, changed(good, "oldKeyExpiresAt", at(time.Now().Add(-time.Hour))), nil, 422, "ceiling", "oldKeyExpiresAt"},
		{"old end later than it is", path, changed(body(old.ExpiresAt.AddDate(0, 0, 10)), "oldKeyExpiresAt", at(old.ExpiresAt.AddDate(0, 0, 1))), nil, 422, "ceiling", "oldKeyExpiresAt"},
		{"old end of nothing", path, changed(good, "oldKeyExpiresAt", "0001-01-01T00:00:00Z"), nil, 422, "invalid_field", "oldKeyExpiresAt"},
		{"no address", path, changed(good, "notifyContacts", []string{"ops"}), nil, 422, "unknown", "notifyContacts"},
		{"too many contacts", path, changed(good, "notifyContacts", strings.Split(strings.Repeat("a@example.com ", 21), " ")), nil, 422, "unknown", "notifyContacts"},
		{"too long a reason", path, changed(good, "rotateReason", strings.Repeat("x", 1001)), nil, 422, "reason_needed", "rotateReason"},
		{"a zero byte in the reason", path, changed(good, "rotateReason", "a\x00b"), nil, 422, "invalid_field", "rotateReason"},
		{"a zero byte in metadata", path, changed(good, "metadata", map[string]string{"a": "\x00"}), nil, 422, "invalid_field", "metadata"},
		{"a zero byte in a name", path, changed(good, "metadata", map[string]string{"\x00": "a"}), nil, 422, "invalid_field", "metadata"},
		{"too much metadata", path, changed(good, "metadata", many), nil, 422, "invalid_field", "metadata"},
		{"too long metadata", path, changed(good, "metadata", map[string]string{"a": long}), nil, 422, "invalid_field", "metadata"},
		{"unknown PSK", path, changed(good, "pskId", "prod"), nil, 422, "unknown_psk", "pskId"},
		{"an empty idempotency key", path, good, []string{"Idempotency-Key", ""}, 400, "idempotency_key", ""},
		{"a long idempotency key", path, good, []string{"Idempotency-Key", long}, 400, "idempotency_key", ""},

		{"revoked", rotatePath(gone), good, nil, 409, "already_decided", ""},
		{"made by hand", rotatePath(guided), body(time.Now().Add(24 * time.Hour)), nil, 409, "not_possible", ""},
		{"a longer life of one's own", rotatePath(mine), body(mine.ExpiresAt.AddDate(0, 0, 5)), nil, 403, "persons_only", ""},
		{"a colleague's key of Latchkey's", rotatePath(colleague), body(colleague.ExpiresAt), nil, 403, "persons_only", ""},
	}
	before := b.rows(t)
	for i, tt := range tests {
		key := b.key
		if i%2 == 1 && tt.path != rotatePath(mine) {
			key = erins
		}
		b.server.paces = newPaces(time.Now) // this is not about how fast they come
		answer := b.patch(t, key, tt.path, tt.body, tt.headers...)
		p := answer.problem(t)
		if answer.status != tt.status || p.Code != tt.code || p.Field != tt.field {
			t.Errorf("%s: %d %s on %q, want %d %s on %q: %s", tt.name, answer.status, p.Code, p.Field, tt.status, tt.code, tt.field, p.Detail)
		}
		if after := b.rows(t); after != before {
			t.Fatalf("%s: something changed", tt.name)
		}
	}
	if good := b.patch(t, b.key, path, changed(good, "pskId", pskID)); good.status != http.StatusOK {
		t.Errorf("after all that, a right one = %d %s", good.status, good.body)
	} else {
		b.unsealed(t, good.data(t))
	}
}

func TestWhichPreSharedKeyHasToBeClear(t *testing.T) {
	t.Parallel()
	for name, psks := range map[string]map[string]secret.Value{"none": nil, "two": {"a": b32(), "b": b32()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupAPIWith(t, b32(), psks)
			old := b.bobs(t)
			before := b.rows(t)
			answer := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt))
			if p := answer.problem(t); answer.status != http.StatusUnprocessableEntity || p.Code != "unknown_psk" || p.Field != "pskId" {
				t.Errorf("%d %s", answer.status, answer.body)
			}
			if b.rows(t) != before {
				t.Error("something changed")
			}
		})
	}
}

// A pre-shared key that can't be used is our own mistake, and found before
// there is a key that nobody could be given.
func TestABrokenPreSharedKeyIsFoundInTime(t *testing.T) {
	t.Parallel()
	b := setupAPIWith(t, b32(), map[string]secret.Value{pskID: secret.New("short")})
	old := b.bobs(t)
	before := b.rows(t)
	answer := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt))
	if answer.status != http.StatusInternalServerError || answer.problem(t).Code != "internal" || b.rows(t) != before {
		t.Errorf("%d %s", answer.status, answer.body)
	}
}
