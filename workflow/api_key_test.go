package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/latchkey"
	"latchkey/secret"
	"latchkey/storage"
)

// openWithOwn opens a house in which people can ask for keys of Latchkey's
// own.
func openWithOwn(t testing.TB) *house {
	t.Helper()
	own, err := latchkey.Open(connectors.Settings{Name: "latchkey", Kind: OwnKind}, nil)
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := own.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := houseDocument()
	rules := ConnectionRules{Kind: OwnKind, Owners: "it-admins"}
	for _, sc := range scopes {
		rules.Scopes = append(rules.Scopes, ScopeRule{sc.Name, sc.Title, sc.Access, sc.Description})
	}
	d.Connections["latchkey"] = rules
	d.Policies = append(d.Policies, Policy{Name: "own", Connections: []string{"latchkey"}, Scopes: []string{"*"}, Requesters: []string{"it-admins", "payroll"},
		Approval: Approval{Auto: true}, MaxLifetime: 60 * day})
	return openWith(t, d, func(deps *Deps) { deps.Connectors["latchkey"] = own })
}

// ownKey has somebody ask for a key of Latchkey's own, and collect it.
func (h *house) ownKey(t testing.TB, who string, scopes ...string) (secret.Value, storage.Credential) {
	t.Helper()
	r := h.submit(t, who, Ask{Connection: "latchkey", Kind: APIKey, Scopes: scopes, Lifetime: 30 * day, Reason: "for the nightly job"})
	c := h.keyOf(t, r.ID)
	if err := h.Issue(context.Background(), c.ID); err != nil {
		t.Fatal(err)
	}
	url, err := h.RevealURL(context.Background(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := h.Reveal(context.Background(), url[strings.LastIndex(url, "/")+1:], "test")
	if err != nil {
		t.Fatal(err)
	}
	return key, h.credential(t, c.ID)
}

// keyed is somebody acting by such a key.
func (h *house) keyed(t testing.TB, who string, scopes ...string) Actor {
	t.Helper()
	key, _ := h.ownKey(t, who, scopes...)
	a, err := h.Authenticate(context.Background(), key, "http:1")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAKeyActsForWhoAskedForIt(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	key, c := h.ownKey(t, "erin", ScopeRotate, "audit:read")
	if !c.Brokered || !c.LastUsedAt.IsZero() {
		t.Fatalf("brokered %v, last used %s", c.Brokered, c.LastUsedAt)
	}
	a, err := h.Authenticate(t.Context(), key, "http:42")
	if err != nil {
		t.Fatal(err)
	}
	if a.Account.ID != h.people["erin"].Account.ID || a.Account.PersonID != h.person("erin") || a.Key != c.ID || a.Ref != "http:42" || len(a.Scopes) != 2 {
		t.Errorf("actor = %+v", a)
	}
	if c = h.credential(t, c.ID); c.LastUsedAt.IsZero() {
		t.Error("its use was not noted")
	}
	if err := a.May(ScopeRotate); err != nil {
		t.Errorf("May(%s) = %v", ScopeRotate, err)
	}
	refused(t, "a scope that it lacks", a.May("people:offboard"), RuleScope)
	refused(t, "what only people do", a.Admit(), RuleKeyOnly)
}

// A stranger learns nothing of which keys there are.
func TestKeysThatAreNotHonouredLookAlike(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(t *testing.T, h *house, c storage.Credential){
		"suspended": func(t *testing.T, h *house, c storage.Credential) {
			if _, err := h.Suspend(t.Context(), h.people["carol"], c.ID, "looks odd"); err != nil {
				t.Fatal(err)
			}
		},
		"revoked": func(t *testing.T, h *house, c storage.Credential) {
			h.exec(t, `UPDATE credential SET state = 'revoking' WHERE id = $1`, c.ID)
		},
		"expired, not swept yet": func(t *testing.T, h *house, _ storage.Credential) { h.clock(t, 30*24*time.Hour+time.Second) },
		"owner left":             func(t *testing.T, h *house, _ storage.Credential) { h.setActive(t, "erin", false) },
		"owner a guest by now": func(t *testing.T, h *house, _ storage.Credential) {
			h.exec(t, `UPDATE account SET is_guest = true WHERE id = $1`, h.people["erin"].Account.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openWithOwn(t)
			key, c := h.ownKey(t, "erin", ScopeRotate)
			if _, err := h.Authenticate(t.Context(), key, "http:1"); err != nil {
				t.Fatal(err)
			}
			stop(t, h, c)
			if a, err := h.Authenticate(t.Context(), key, "http:2"); !errors.Is(err, errNoKey) || a.Key != 0 {
				t.Errorf("err = %v, key %s", err, a.Key)
			}
		})
	}
}

func TestOnlyKeysOfLatchkeysOwnAreHonoured(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	r := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "for the report"})
	c := h.keyOf(t, r.ID)
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	url, err := h.RevealURL(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	gatewayKey, _, err := h.Reveal(t.Context(), url[strings.LastIndex(url, "/")+1:], "test")
	if err != nil {
		t.Fatal(err)
	}
	for what, key := range map[string]secret.Value{
		"of the gateway": gatewayKey, "unknown": secret.NewKey(), "malformed": secret.New("lk_live_x"), "empty": {}, "for tests": secret.NewTestKey(),
	} {
		if _, err := h.Authenticate(t.Context(), key, "http:1"); !errors.Is(err, errNoKey) {
			t.Errorf("%s: err = %v", what, err)
		}
	}
}

func TestAKeyRotatesForOthersOnly(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "alice", ScopeRotate)
	_, other := h.ownKey(t, "erin", "people:offboard")
	theirs, mine := h.active(t, "frank"), h.active(t, "alice")
	later := RotateAsk{Ends: mine.ExpiresAt.Add(24 * time.Hour)}
	target := func(a Actor, connection string, id storage.CredentialID, ask RotateAsk) error {
		_, err := h.RotationTarget(t.Context(), a, connection, id, ask)
		return err
	}
	if err := target(robot, "acme", theirs.ID, RotateAsk{Ends: theirs.ExpiresAt.Add(24 * time.Hour)}); err != nil {
		t.Errorf("a longer life for somebody else's: %v", err)
	}
	refused(t, "a longer life of one's own key", target(robot, "acme", mine.ID, later), RuleKeyOnly)
	if err := target(robot, "acme", mine.ID, RotateAsk{Ends: mine.ExpiresAt}); err != nil {
		t.Errorf("the same life of one's own key: %v", err)
	}
	refused(t, "another key of Latchkey's own", target(robot, "latchkey", other.ID, RotateAsk{Ends: other.ExpiresAt}), RuleKeyOnly)
	own := h.credential(t, robot.Key)
	if err := target(robot, "latchkey", robot.Key, RotateAsk{Ends: own.ExpiresAt}); err != nil {
		t.Errorf("itself: %v", err)
	}
	refused(t, "itself, for longer", target(robot, "latchkey", robot.Key, RotateAsk{Ends: own.ExpiresAt.Add(time.Hour)}), RuleKeyOnly)
	refused(t, "in another connection", target(robot, "tempo", theirs.ID, later), RuleUnknown)
	refused(t, "one that is not there", target(robot, "acme", 99_999, later), RuleUnknown)
	refused(t, "without the scope", target(h.keyed(t, "erin", "credentials:read"), "acme", theirs.ID, later), RuleScope)
}

func TestTheSameRotationTwiceIsOne(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot, c := h.keyed(t, "erin", ScopeRotate), h.active(t, "frank")
	ask := RotateAsk{Ends: c.ExpiresAt.Add(-time.Hour), OldEnds: c.ExpiresAt.Add(-2 * time.Hour), Reason: " monthly ",
		Contacts: []string{"Ops@example.com", "ops@example.com"}, Metadata: json.RawMessage(`{"rotatedBy":"ci","initiatedFrom":"pipeline"}`)}
	made, err := h.RotateByKey(t.Context(), robot, c.ID, ask, "api:1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.RotateByKey(t.Context(), robot, c.ID, ask, "api:1"); err != nil || again != made {
		t.Errorf("again = %s, %v; want %s", again, err, made)
	}
	for what, change := range map[string]func(*RotateAsk){
		"end":       func(a *RotateAsk) { a.Ends = a.Ends.Add(time.Second) },
		"old end":   func(a *RotateAsk) { a.OldEnds = a.OldEnds.Add(time.Second) },
		"reason":    func(a *RotateAsk) { a.Reason = "leaked" },
		"contacts":  func(a *RotateAsk) { a.Contacts = nil },
		"metadata":  func(a *RotateAsk) { a.Metadata = json.RawMessage(`{"rotatedBy":"ci"}`) },
		"no words":  func(a *RotateAsk) { a.Metadata = nil },
		"other key": func(a *RotateAsk) { a.Contacts = []string{"not an address"} },
	} {
		other := ask
		change(&other)
		_, err := h.RotateByKey(t.Context(), robot, c.ID, other, "api:1")
		refused(t, "another "+what+" under the same key", err, RuleReplay)
	}
	_, err = h.RotateByKey(t.Context(), robot, c.ID, ask, "api:2")
	refused(t, "a second rotation", err, RuleDecided)
}

func TestFinishedRotationHandsItsKeyOnce(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot, c := h.keyed(t, "erin", ScopeRotate), h.active(t, "frank")
	made, err := h.RotateByKey(t.Context(), robot, c.ID, RotateAsk{Ends: c.ExpiresAt}, "api:1")
	if err != nil {
		t.Fatal(err)
	}
	fresh, r, err := h.FinishRotation(t.Context(), made, time.Minute)
	if err != nil || fresh.State != storage.CredentialActive || fresh.ReplacesID != c.ID || r.OldID != c.ID || r.NewCollected {
		t.Fatalf("FinishRotation = %s, rotation %+v, %v", fresh.State, r, err)
	}
	_, _, err = h.Hand(t.Context(), h.keyed(t, "bob", ScopeRotate), made, "api:1")
	refused(t, "to another key", err, RuleUnknown)
	key, _, err := h.Hand(t.Context(), robot, made, "api:1")
	if err != nil || !h.vendor.Works(key) {
		t.Fatalf("the key that was handed out works: %v, %v", !key.Empty(), err)
	}
	_, _, err = h.Hand(t.Context(), robot, made, "api:1")
	refused(t, "a second time", err, RuleDecided)
	if strings.Contains(h.logs.String(), key.Expose()) {
		t.Error("the key is in the log")
	}
	var row string
	if err := h.DB.Pool().QueryRow(t.Context(), `SELECT actor FROM audit_event WHERE action = 'credential.rotation_begun'`).Scan(&row); err != nil ||
		row != "erin by key "+robot.Key.String() {
		t.Errorf("the audit log says %q: %v", row, err)
	}
}
