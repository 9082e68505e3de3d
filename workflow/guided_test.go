package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// guide approves a request on a system where people make the keys, and brings
// its task to them.
func (h *house) guide(t testing.TB, ask Ask) (storage.Request, storage.Credential, connectors.Task) {
	t.Helper()
	r := h.submit(t, "alice", ask)
	if r.State == storage.RequestPending {
		r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	}
	c := h.keyOf(t, r.ID)
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	v, err := h.LookAtCredential(t.Context(), c.ID)
	if err != nil || v.Credential.State != storage.CredentialIssuing || v.Task == nil {
		t.Fatalf("%s, task %v, %v", v.Credential.State, v.Task, err)
	}
	return r, v.Credential, *v.Task
}

// handmade is a key as the task asks for it.
func (h *house) handmade(c storage.Credential) fake.Key {
	return fake.Key{Label: h.label(c.ID), Owner: mailOf("alice"), Scopes: c.Scopes, ExpiresAt: time.Now().Add(5 * 24 * time.Hour)}
}

// What a person makes by the steps of the task becomes the key of the row;
// what they make otherwise is ended, and the request says why.
func TestAHandmadeKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*fake.Key)
		why    string // it is ended, and why; empty: it is taken
	}{
		"as approved":          {func(*fake.Key) {}, ""},
		"less than approved":   {func(k *fake.Key) { k.Scopes = k.Scopes[:1] }, ""},
		"a day later":          {func(k *fake.Key) { k.ExpiresAt = k.ExpiresAt.Add(24 * time.Hour) }, ""},
		"sooner":               {func(k *fake.Key) { k.ExpiresAt = time.Now().Add(time.Hour) }, ""},
		"more than approved":   {func(k *fake.Key) { k.Scopes = append(k.Scopes, "people:admin") }, "people:admin"},
		"nobody knows what":    {func(k *fake.Key) { k.Scopes = nil }, "does not say what it may do"},
		"much longer":          {func(k *fake.Key) { k.ExpiresAt = k.ExpiresAt.Add(48 * time.Hour) }, "longer than was approved"},
		"for ever":             {func(k *fake.Key) { k.ExpiresAt = time.Time{} }, "never ends"},
		"of nobody in special": {func(k *fake.Key) { k.Owner = connectors.AccountRef{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := guidedHouse(t, houseDocument())
			r, c, task := h.guide(t, asking("files:read", "files:write"))
			if text := strings.Join(task.Steps, " "); !strings.Contains(text, h.label(c.ID)) {
				t.Errorf("the task does not name the label: %s", text)
			}
			k := h.handmade(c)
			tt.change(&k)
			k = h.seed(k)
			_ = h.told(t)
			h.sync(t)
			h.workAll(t)
			got, req := h.credential(t, c.ID), h.request(t, r.ID)
			if told := h.told(t); told[subject(c.ID)] == 0 {
				t.Errorf("nobody is told: %v", told)
			}
			if tt.why == "" {
				latest := time.Now().Add(5*24*time.Hour + time.Minute)
				if got.State != storage.CredentialActive || got.VendorRef != k.ID || req.State != storage.RequestFulfilled || !h.vendor.Works(k.Secret) ||
					got.ExpiresAt.After(latest) || got.ExpiresAt.After(k.ExpiresAt.Add(time.Second)) || got.Label != c.Label {
					t.Errorf("%+v of %s", got, req.State)
				}
				h.sync(t) // and stays so
				if n := len(h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true})); n != 1 {
					t.Errorf("%d rows", n)
				}
				h.check(t)
				return
			}
			if got.State != storage.CredentialRevoked || !strings.Contains(got.StateReason, tt.why) || req.State != storage.RequestFailed || h.vendor.Works(k.Secret) {
				t.Errorf("%+v of %s %q", got, req.State, req.StateReason)
			}
			if proofs := h.receipts(t, c.ID); len(proofs) != 1 || proofs[0].Liveness != string(connectors.Dead) {
				t.Errorf("receipts: %+v", proofs)
			}
			h.check(t)
		})
	}
}

// A key with our label that somebody else made is theirs, and unmanaged.
func TestAHandmadeKeyOfSomebodyElse(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	_, c, _ := h.guide(t, asking("files:read", "files:write"))
	k := h.handmade(c)
	k.Owner = mailOf("frank")
	k = h.seed(k)
	h.sync(t)
	h.workAll(t)
	if row := h.found(t, k.ID); row.Managed || row.OwnerID != h.person("frank") || row.State != storage.CredentialActive {
		t.Errorf("%+v", row.Credential)
	}
	if got := h.credential(t, c.ID); got.State != storage.CredentialIssuing {
		t.Errorf("the row is %s", got.State)
	}
}

// Two keys by one label: one is the row's, the other is ended.
func TestTwoHandmadeKeys(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	_, c, _ := h.guide(t, asking("files:read", "files:write"))
	h.seed(h.handmade(c))
	h.seed(h.handmade(c))
	h.sync(t)
	h.workAll(t)
	live := h.vendor.Live()
	if got := h.credential(t, c.ID); len(live) != 1 || got.State != storage.CredentialActive || got.VendorRef != live[0].ID {
		t.Errorf("%d live keys, the row %s has %s", len(live), got.State, got.VendorRef)
	}
	h.check(t)
}

// A key that is made after its request was given up, by whatever way, is ended.
func TestAHandmadeKeyThatComesTooLate(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *house, storage.Request){
		"canceled": func(t *testing.T, h *house, r storage.Request) {
			if _, err := h.Cancel(context.Background(), h.people["alice"], r.ID); err != nil {
				t.Fatal(err)
			}
			h.workAll(t)
		},
		"a week passed": func(t *testing.T, h *house, _ storage.Request) {
			h.clock(t, humanWaits+time.Hour)
			h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
			if err := h.Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
			h.workAll(t)
		},
		"the owner left":    func(t *testing.T, h *house, _ storage.Request) { h.setActive(t, "alice", false) },
		"the approver left": func(t *testing.T, h *house, _ storage.Request) { h.setActive(t, "carol", false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := guidedHouse(t, houseDocument())
			r, c, _ := h.guide(t, asking("files:read", "files:write"))
			end(t, h, r)
			k := h.handmade(c)
			if name == "a week passed" {
				k.ExpiresAt = k.ExpiresAt.Add(humanWaits)
			}
			k = h.seed(k)
			h.sync(t)
			h.workAll(t)
			if got := h.credential(t, c.ID); h.vendor.Works(k.Secret) || got.Live() {
				t.Errorf("the row is %s, the key works: %v", got.State, h.vendor.Works(k.Secret))
			}
			req := h.request(t, r.ID)
			if req.State != storage.RequestCanceled && req.State != storage.RequestFailed {
				t.Errorf("the request is %s", req.State)
			}
			if left := strings.HasSuffix(name, "left"); left != strings.Contains(req.StateReason, "no longer an active member") {
				t.Errorf("the reason is %q", req.StateReason)
			}
			h.check(t)
		})
	}
}

// While the approvers' group can't be read, a key that was made by hand waits.
func TestAHandmadeKeyWaitsForItsGroup(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, houseDocument())
	_, c, _ := h.guide(t, asking("files:read", "files:write"))
	h.seed(h.handmade(c))
	h.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - interval '10 minutes'`)
	h.sync(t)
	if got, conn := h.credential(t, c.ID), h.connection(t, "acme"); got.State != storage.CredentialIssuing || conn.Problem != "" {
		t.Errorf("%s, %q", got.State, conn.Problem)
	}
	h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	h.sync(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialActive {
		t.Errorf("%s", got.State)
	}
}

// serviceAccount makes one that is known and alice's, as a people entry says.
func (h *house) serviceAccount(t testing.TB, name string) storage.AccountID {
	t.Helper()
	var ids map[string]storage.AccountID
	h.in(t, func(ctx context.Context, tx storage.Tx) (err error) {
		if ids, err = tx.SaveVendorAccounts(ctx, "acme", []storage.VendorAccount{{ExternalID: servicePrefix + name, Name: name, Service: true}}); err != nil {
			return err
		}
		_, err = tx.LinkAccounts(ctx, "acme", map[string]string{servicePrefix + name: "alice@example.com"})
		return err
	})
	return ids[servicePrefix+name]
}

// What was asked for a service account is made on that account and no other.
func TestAHandmadeKeyOfAServiceAccount(t *testing.T) {
	t.Parallel()
	for _, right := range []bool{true, false} {
		d := houseDocument()
		d.People = []PersonEntry{{Email: "alice@example.com", Accounts: map[string][]string{"acme": {servicePrefix + "robot-7"}}}}
		h := guidedHouse(t, d)
		ask := asking("files:read", "files:write")
		ask.Holder = h.serviceAccount(t, "robot-7")
		_, c, _ := h.guide(t, ask)
		k := h.handmade(c)
		if right {
			k.Owner = connectors.AccountRef{ID: "robot-7", Name: "robot-7", Service: true}
		}
		k = h.seed(k)
		h.sync(t)
		h.workAll(t)
		if got := h.credential(t, c.ID); (got.State == storage.CredentialActive) != right || h.vendor.Works(k.Secret) != right {
			t.Errorf("on the right account %v: %s, %q", right, got.State, got.StateReason)
		}
		h.check(t)
	}
}

// A key that we make for a service account is made on it.
func TestAKeyForAServiceAccount(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := asking("files:read", "files:write")
	ask.Holder = h.serviceAccount(t, "robot-7")
	r := h.submit(t, "alice", ask)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.settle(t)
	if live := h.vendor.Live(); len(live) != 1 || live[0].Owner.ID != "robot-7" || !live[0].Owner.Service {
		t.Errorf("%+v", live)
	}
	frank := ask
	_, err := h.Submit(t.Context(), h.people["frank"], frank, fresh())
	refused(t, "somebody else's service account", err, RuleNotPossible)
}
