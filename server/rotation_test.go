package server

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

func TestRotationHandsOutAKeyThatWorks(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	old := b.bobs(t)
	ends, oldEnds := old.ExpiresAt.Add(20*24*time.Hour).Truncate(time.Second), time.Now().Add(48*time.Hour).Truncate(time.Second)
	answer := b.patch(t, b.key, rotatePath(old), changed(body(ends), "oldKeyExpiresAt", oldEnds.Format(time.RFC3339), "pskId", pskID))
	if answer.status != http.StatusOK || answer.header.Get("Content-Type") != "application/json" || answer.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", answer.status, answer.header, answer.body)
	}
	d := answer.data(t)
	if d.Status != "" || d.DeliveredTo != "" || d.KeyExpiresAt.After(ends) || ends.Sub(*d.KeyExpiresAt) > time.Second || !d.OldKeyExpiresAt.Equal(oldEnds) {
		t.Errorf("answer = %+v", d)
	}
	key := b.unsealed(t, d)
	_, id, err := storage.ParseID(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	hash := b.service.Keys.Box.Hash(key)
	var replaces storage.CredentialID
	err = b.db.Pool().QueryRow(t.Context(), `SELECT replaces_id FROM credential WHERE id = $1 AND key_hash = $2 AND state = 'active'`, id, hash[:]).Scan(&replaces)
	if err != nil || replaces != old.ID {
		t.Fatalf("the gateway does not know the key that was handed out: %v", err)
	}
	fresh := b.credential(t, id)
	if diff := cmp.Diff(old.Scopes, fresh.Scopes); diff != "" || fresh.OwnerID != old.OwnerID || fresh.PolicyName != old.PolicyName {
		t.Errorf("scopes, owner or rule are others: %s", diff)
	}
	if state := b.stateOf(t, old.ID); state != storage.CredentialActive {
		t.Errorf("the old key is %s while both should work", state)
	}
	rotations, err := b.db.Rotations(t.Context(), id)
	if err != nil || len(rotations) != 1 {
		t.Fatal(err)
	}
	if r := rotations[0]; r.Reason != "Scheduled rotation" || r.Contacts[0] != "secops@example.com" || !strings.Contains(string(r.Metadata), `"rotationPolicyId": "quarterly"`) ||
		r.KeyID != b.own {
		t.Errorf("rotation = %+v", r)
	}
	if address, err := b.service.RevealURL(t.Context(), id); err != nil || address != "" {
		t.Errorf("its owner can collect it too: %q, %v", address, err)
	}
}

func TestTheSameRequestAgainIsTheSameRotation(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{"by its body": nil, "by its key": {"Idempotency-Key", "run 4711"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupAPI(t)
			old := b.bobs(t)
			ask := body(old.ExpiresAt)
			first := b.patch(t, b.key, rotatePath(old), ask, headers...)
			if first.status != http.StatusOK {
				t.Fatalf("%d %s", first.status, first.body)
			}
			b.unsealed(t, first.data(t))
			before := b.rows(t)
			if again := b.patch(t, b.key, rotatePath(old), ask, headers...); again.status != http.StatusConflict || again.problem(t).Code != workflow.RuleDecided {
				t.Errorf("a second time = %d %s", again.status, again.body)
			}
			if after := b.rows(t); after != before {
				t.Error("a second time changed something")
			}
			other := b.patch(t, b.key, rotatePath(old), changed(ask, "rotateReason", "Leaked"), headers...)
			want, code := http.StatusConflict, workflow.RuleDecided // another rotation, and one is under way
			if headers != nil {
				want, code = http.StatusUnprocessableEntity, workflow.RuleReplay
			}
			if other.status != want || other.problem(t).Code != code {
				t.Errorf("something else = %d %s", other.status, other.body)
			}
			_, second := b.ownKey(t, b.alice, workflow.ScopeRotate)
			before = b.rows(t)
			if stranger := b.patch(t, second, rotatePath(old), ask, headers...); stranger.status != http.StatusConflict {
				t.Errorf("another key with the same request = %d %s", stranger.status, stranger.body)
			}
			if after := b.rows(t); after != before {
				t.Error("something changed")
			}
		})
	}
}

func TestManyCallsAtOnceRotateOnce(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]func(i int) string{
		"one request":      func(int) string { return "same" },
		"several requests": func(i int) string { return strings.Repeat("x", i+1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupAPI(t)
			old := b.bobs(t)
			answers := make([]reply, 6)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					answers[i] = b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt), "Idempotency-Key", each(i))
				})
			}
			wg.Wait()
			handed := 0
			for _, a := range answers {
				switch a.status {
				case http.StatusOK:
					handed++
					b.unsealed(t, a.data(t))
				case http.StatusConflict:
				default:
					t.Errorf("%d %s", a.status, a.body)
				}
			}
			var rotations int
			if err := b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM rotation`).Scan(&rotations); err != nil {
				t.Fatal(err)
			}
			if handed != 1 || rotations != 1 {
				t.Errorf("%d keys handed out by %d rotations, want one by one", handed, rotations)
			}
		})
	}
}

func TestARotationThatTakesLongGoesOn(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	b.server.patience = time.Nanosecond
	old := b.made(t, b.bob, workflow.Ask{Connection: "slow", Scopes: []string{"pages:read"}})
	b.collect(t, old.ID)
	ask := body(old.ExpiresAt)
	b.slow.set(errors.New("connection reset"))
	first := b.patch(t, b.key, rotatePath(old), ask)
	d := first.data(t)
	if first.status != http.StatusAccepted || d.Status != "issuing" || d.EncryptedSecret != "" || d.KeyExpiresAt != nil || first.header.Get("Retry-After") == "" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	if again := b.patch(t, b.key, rotatePath(old), ask); again.status != http.StatusAccepted || again.data(t).ID != d.ID {
		t.Errorf("while it is made = %d %s", again.status, again.body)
	}
	b.slow.set(nil)
	b.server.patience = time.Minute
	last := b.patch(t, b.key, rotatePath(old), ask)
	if last.status != http.StatusOK || last.data(t).ID != d.ID || !strings.HasPrefix(b.unsealed(t, last.data(t)), "wiki_") {
		t.Errorf("when it is made = %d %s", last.status, last.body)
	}
}

func TestARotationThatFailsSaysSo(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	old := b.made(t, b.bob, workflow.Ask{Connection: "slow", Scopes: []string{"pages:read"}})
	b.collect(t, old.ID)
	b.slow.set(connectors.ErrUnrecoverable)
	for range 2 {
		answer := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt), "Idempotency-Key", "1")
		if answer.status != http.StatusBadGateway || answer.problem(t).Code != "issue_failed" {
			t.Fatalf("%d %s", answer.status, answer.body)
		}
	}
	if state := b.stateOf(t, old.ID); state != storage.CredentialActive {
		t.Errorf("the old key is %s", state)
	}
	b.slow.set(nil)
	if answer := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt), "Idempotency-Key", "2"); answer.status != http.StatusOK {
		t.Errorf("another try = %d %s", answer.status, answer.body)
	}
}

func TestAKeyThatGoesIntoASinkIsHandedToNobody(t *testing.T) {
	t.Parallel()
	b := setupAPIWith(t, b32(), nil)
	b.server.patience = time.Nanosecond
	old := b.made(t, b.bob, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}, Sink: "safe", Place: "payroll/tempo"})
	if err := b.service.Deliver(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	before := b.safe.at("payroll/tempo")
	b.guard(before)
	first := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt))
	if first.status != http.StatusAccepted || first.data(t).Status != "delivering" || first.data(t).EncryptedSecret != "" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	_, id, err := storage.ParseID(first.data(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.Deliver(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	last := b.patch(t, b.key, rotatePath(old), body(old.ExpiresAt))
	if d := last.data(t); last.status != http.StatusOK || d.DeliveredTo != "safe/payroll/tempo" || d.EncryptedSecret != "" || d.Encryption != nil || d.KeyExpiresAt == nil {
		t.Errorf("%d %s", last.status, last.body)
	}
	after := b.safe.at("payroll/tempo")
	b.guard(after)
	if after == before || after == "" {
		t.Error("the sink still has the old key")
	}
}

// A key that rotates itself takes nothing over the top.
func TestAKeyCanRotateItself(t *testing.T) {
	t.Parallel()
	b := setupAPI(t)
	mine := b.credential(t, b.own)
	answer := b.patch(t, b.key, rotatePath(mine), body(mine.ExpiresAt))
	if answer.status != http.StatusOK {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	fresh := b.unsealed(t, answer.data(t))
	old := b.bobs(t)
	for name, key := range map[string]string{"the old one": b.key, "the new one": fresh} {
		if answer := b.patch(t, key, rotatePath(old), body(old.ExpiresAt.AddDate(10, 0, 0))); answer.status != http.StatusUnprocessableEntity {
			t.Errorf("%s = %d %s", name, answer.status, answer.body)
		}
	}
}
