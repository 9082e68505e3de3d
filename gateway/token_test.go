package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/secret"
	"latchkey/storage"
)

const (
	ownToken   = "own-t0ken-of-alice-0123456789"
	renewToken = "renewed-t0ken-of-alice-987654"
)

func tokenPlace(id storage.CredentialID) secret.Place {
	return secret.Place{Table: "oauth_grant", Row: id.String(), Column: "access"}
}

// grantToken makes a key one of an OAuth grant.
func (b *bundle) grantToken(t testing.TB, id storage.CredentialID, sealed []byte) {
	t.Helper()
	b.exec(t, `INSERT INTO data_key (id, sealed) VALUES (1, '') ON CONFLICT DO NOTHING`)
	b.exec(t, `UPDATE credential SET kind = 'oauth_grant' WHERE id = $1`, id)
	b.exec(t, `INSERT INTO oauth_grant (credential_id, data_key_id, access) VALUES ($1, 1, $2)`, id, sealed)
}

func (b *bundle) seal(id storage.CredentialID, text string) []byte {
	return b.box.Seal(secret.New(text), tokenPlace(id))
}

// known waits until the gateway has a key as wanted.
func (b *bundle) known(t testing.TB, text, what string, is func(*key) bool) {
	t.Helper()
	hash := b.box.Hash(text)
	eventually(t, what, func() bool { return is(b.keeper.snapshot.Load().find(hash)) })
}

// A key of an OAuth grant goes to the vendor with its owner's token, and
// another key of the same connection with the connection's credential.
func TestSendsTheOwnersToken(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("X-Kept", "yes")
		_, _ = io.WriteString(w, "you sent "+r.Header.Get("Authorization")+" and not "+vendorSecret)
	}, never)
	text, id := b.issue(t, "tempo", "everything")
	b.grantToken(t, id, b.seal(id, ownToken))
	b.known(t, text, "the token", func(k *key) bool { return k.token != nil })
	plain, _ := b.issue(t, "tempo", "everything")

	stars := func(text string) string { return strings.Repeat("*", len(text)) }
	a := b.send(t, "GET", "/tempo/x", text, "")
	if want := "you sent Bearer " + stars(ownToken) + " and not " + stars(vendorSecret); a.Status != http.StatusOK || a.Body != want ||
		a.Header.Get("X-Echo") != "" || a.Header.Get("X-Kept") != "yes" {
		t.Errorf("answer %+v", a)
	}
	b.send(t, "GET", "/tempo/x", plain, "")

	// A refreshed token is used at once, without a poll, and so is none.
	b.exec(t, `UPDATE oauth_grant SET access = $2 WHERE credential_id = $1`, id, b.seal(id, renewToken))
	b.known(t, text, "the renewed token", func(k *key) bool { return k.token.value.Expose() == "Bearer "+renewToken })
	b.send(t, "GET", "/tempo/x", text, "")
	b.exec(t, `UPDATE oauth_grant SET access = NULL WHERE credential_id = $1`, id)
	eventually(t, "the end of the grant", func() bool { return b.send(t, "GET", "/tempo/x", text, "").Status == http.StatusUnauthorized })

	var sent []string
	for _, s := range b.vendor.seen() {
		sent = append(sent, strings.Join(s.Header["Authorization"], ", "))
	}
	if diff := cmp.Diff([]string{"Bearer " + ownToken, "Bearer " + vendorSecret, "Bearer " + renewToken}, sent[:3]); diff != "" {
		t.Errorf("sent to the vendor (-want +got):\n%s", diff)
	}
	for _, s := range sent[3:] {
		if s != "Bearer "+renewToken {
			t.Errorf("sent to the vendor at the end: %q", s)
		}
	}
	if found := leaks(b.logs.String(), ownToken, renewToken, vendorSecret); len(found) > 0 {
		t.Errorf("logs hold %q", found)
	}
}

// What can't be opened, or can't be sent, opens nothing.
func TestTokensThatDoNotOpen(t *testing.T) {
	t.Parallel()
	b := start(t, nil, never)
	other, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, seal := range map[string]func(storage.CredentialID) []byte{
		"another data key": func(id storage.CredentialID) []byte { return other.Seal(secret.New(ownToken), tokenPlace(id)) },
		"another row":      func(id storage.CredentialID) []byte { return b.seal(id+1, ownToken) },
		"garbage":          func(storage.CredentialID) []byte { return []byte("garbage") },
		"empty":            func(id storage.CredentialID) []byte { return b.seal(id, "") },
		"two lines":        func(id storage.CredentialID) []byte { return b.seal(id, ownToken+"\r\nX-Admin: 1") },
		"too long":         func(id storage.CredentialID) []byte { return b.seal(id, strings.Repeat("x", maxToken+1)) },
	} {
		text, id := b.issue(t, "tempo", "everything")
		b.grantToken(t, id, seal(id))
		b.known(t, text, name, func(k *key) bool { return k.broken })
		if a := b.send(t, "GET", "/tempo/x", text, ""); a.Status != http.StatusUnauthorized || a.detail(t).Code != "invalid_key" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if got := b.vendor.seen(); len(got) > 0 {
		t.Errorf("the vendor saw %v", got)
	}
	logs := b.logs.String()
	if strings.Count(logs, "could not open an OAuth token") < 6 || len(leaks(logs, ownToken)) > 0 {
		t.Errorf("log:\n%s", logs)
	}
}

func TestVendorRefusesTheOwnersToken(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, never)
	text, id := b.issue(t, "tempo", "everything")
	b.grantToken(t, id, b.seal(id, ownToken))
	b.known(t, text, "the token", func(k *key) bool { return k.token != nil })
	if a := b.send(t, "GET", "/tempo/x", text, ""); a.Status != http.StatusBadGateway || a.detail(t).Code != "upstream_refused_grant" {
		t.Errorf("answer %+v", a)
	}
}
