package bot

import (
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

func TestEndingIsWhoeverBeganIt(t *testing.T) {
	t.Parallel()
	v := keyIn(storage.CredentialRevoked)
	again := storage.Event{Action: "credential.revoking", Before: "revoke_failed", Actor: "system: sweep"}
	v.Events = append(v.Events, again)
	if e, ok := ending(v); !ok || e.Actor != "Erin Evans" {
		t.Errorf("ended by %q, %t", e.Actor, ok)
	}
	if _, ok := ending(activeKey()); ok {
		t.Error("an active key has an ending")
	}
}

func TestLastUsedTellsThreeCasesApart(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]storage.Credential{
		"last used: never": {UseKnown: true},
		"last used: unknown, this system does not say": {},
		"last used: 21 Nov 2026, 12:00 UTC":            {LastUsedAt: noon()},
	} {
		if got := lastUsed(c, utc); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAKeyWithoutAnOwnerSaysSo(t *testing.T) {
	t.Parallel()
	v := found()
	v.Credential.OwnerID, v.Owner.Name, v.Owner.Slack = 0, "", ""
	if m := showMessage(fileOf(v, erinReads())); !strings.Contains(m.Text, "held by an unknown person") {
		t.Errorf("it says: %s", m.Text)
	}
}

func TestRefusedCallsAreNotTheSystems(t *testing.T) {
	t.Parallel()
	c := storage.Credential{LastUsedAt: noon()}
	call := func(status int, route string, at time.Duration) storage.EndpointUse {
		return storage.EndpointUse{Method: "GET", Route: route, LastAt: noon().Add(at), LastStatus: status}
	}
	for want, e := range map[string]storage.EndpointUse{
		"with status 200":             call(200, "/4/worklogs", 0),
		"with status 404":             call(404, "/4/worklogs", time.Second),
		"refused: outside the scopes": call(403, "/4/accounts", time.Second),
		"refused: outside the scopes, or by the system itself": call(403, "/4/accounts", -time.Second),
	} {
		if got := answered(c, e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := answered(c, call(403, noRoute, -time.Second)); got != "refused: outside the scopes" {
		t.Errorf("where no scope reaches: %q", got)
	}
	if got := endpoint(call(403, noRoute, 0)); got != "`GET` on other paths" {
		t.Errorf("where no scope reaches is called %q", got)
	}
}
