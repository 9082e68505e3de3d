package bot

import (
	"strings"
	"testing"

	"latchkey/storage"
)

func TestEveryEventHasWords(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{
		"credential.issuing": "began to be made", "credential.active": "became active", "credential.revealed": "collected",
		"credential.suspended": "suspended", "credential.expired": "expired", "credential.revoking": "revoking began",
		"credential.revoke_failed": "the system did not confirm the revoke", "credential.revoked": "revoked, confirmed by the system",
		"credential.issue_failed": "could not be made", "credential.handed_over": "handed over",
	} {
		if got := eventWords(action); got != want {
			t.Errorf("%s reads %q, want %q", action, got, want)
		}
	}
}

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
	if m := showMessage(v); !strings.Contains(m.Text, "held by an unknown person") {
		t.Errorf("it says: %s", m.Text)
	}
}
