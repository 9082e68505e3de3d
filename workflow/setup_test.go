package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
)

// house is a company with people, groups, two systems and its own database:
// "acme", a fake vendor reached over HTTP, and "tempo", a brokered system.
type house struct {
	*Service
	dsn    string
	vendor *fake.Vendor
	url    string // of the vendor
	people map[string]Actor
	logs   *bytes.Buffer // guarded by the logger's own lock
}

// The people of the house and their groups. Alice and Bob have a second
// account; the last four are those who may do nothing.
var (
	memberNames = []string{"alice", "bob", "carol", "dana", "erin", "frank"}
	slackGroups = map[string][]string{"S0IT": {"bob", "carol", "erin"}, "S0SEC": {"dana", "erin"}, "S0NONE": nil}
)

func open(t testing.TB) *house {
	t.Helper()
	return openWith(t, houseDocument(), nil)
}

// openWith opens a house with a policy; change adjusts what its service is
// made of.
func openWith(t testing.TB, d Document, change func(*Deps)) *house {
	t.Helper()
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	dsn := storagetest.Database(t, storagetest.Template{Key: key, Migrate: migrate})
	vendor := fake.NewVendor()
	h := &house{dsn: dsn, vendor: vendor, url: vendor.Start(t), people: map[string]Actor{}, logs: &bytes.Buffer{}}
	h.Service = h.service(t, d, change)
	h.hire(t)
	return h
}

func migrate(ctx context.Context, dsn string) error {
	db, err := storage.Open(ctx, storage.Config{DSN: dsn, MaxConns: 2, Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Migrate(ctx)
	return err
}

// testKeeper needs no key-encryption key.
func testKeeper() storage.Keeper {
	same := func(_ context.Context, b []byte) ([]byte, error) { return b, nil }
	return storage.Keeper{Seal: same, Open: same}
}

// service starts one more replica on the house's database, with a pool of its
// own.
func (h *house) service(t testing.TB, d Document, change func(*Deps)) *Service {
	t.Helper()
	db, err := storage.Open(context.Background(), storage.Config{DSN: h.dsn, MaxConns: 8, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	keys, err := db.OpenKeyring(context.Background(), testKeeper())
	if err != nil {
		t.Fatal(err)
	}
	deps := Deps{DB: db, Keys: keys, Document: d, Connectors: testConnectors(t, h.vendor.Settings("acme", h.url)), PublicURL: "https://latchkey.example.com",
		GatewayURL: "https://api.example.com", LeaseFor: time.Minute, Logger: zerolog.New(zerolog.SyncWriter(h.logs))}
	if change != nil {
		change(&deps)
	}
	s, err := New(context.Background(), deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testConnectors(t testing.TB, acme connectors.Settings) map[string]connectors.Connector {
	t.Helper()
	all, err := connectTo(acme)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// connectTo opens both systems of the house.
func connectTo(acme connectors.Settings) (map[string]connectors.Connector, error) {
	native, err := fake.Open(acme, http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	get := []connectors.Rule{{Methods: []string{http.MethodGet}, Path: "/**"}}
	var scopes []connectors.Scope
	for _, s := range houseDocument().Connections["tempo"].Scopes {
		scopes = append(scopes, connectors.Scope{Name: s.Name, Access: s.Access, Rules: get})
	}
	ours, err := brokered.Open(connectors.Settings{Name: "tempo", Kind: "brokered", BaseURL: "https://tempo.example.com", Token: secret.New("t"), Scopes: scopes}, http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	return map[string]connectors.Connector{"acme": native, "tempo": ours}, nil
}

// hire fills the directory.
func (h *house) hire(t rapid.TB) {
	t.Helper()
	save := func(name string, a storage.Account, owner string) {
		a.System, a.Team, a.ExternalID, a.Name = storage.SystemSlack, "T1", "U0"+strings.ToUpper(name), name
		h.in(t, func(ctx context.Context, tx storage.Tx) error {
			saved, err := tx.SaveAccount(ctx, a, owner)
			h.people[name] = Actor{Account: saved, Ref: "slack:" + name}
			return err
		})
	}
	for _, name := range memberNames {
		save(name, storage.Account{Email: name + "@example.com"}, "")
	}
	save("alice2", storage.Account{Email: "alice.admin@example.com"}, "alice@example.com")
	save("bob2", storage.Account{Email: "bob.admin@example.com"}, "bob@example.com")
	save("guest", storage.Account{Email: "guest@example.com", IsGuest: true}, "")
	save("olga", storage.Account{Email: "olga@elsewhere.example", IsOutsider: true}, "")
	save("robot", storage.Account{IsBot: true}, "")
	save("stranger", storage.Account{}, "")
	for id, names := range slackGroups {
		h.setGroup(t, "slack:"+id, names...)
	}
	h.setGroup(t, "scim:Auditors")
}

// setGroup makes the persons the members of a group, as just read.
func (h *house) setGroup(t rapid.TB, source string, names ...string) {
	t.Helper()
	var ids []storage.PersonID
	for _, name := range names {
		ids = append(ids, h.person(name))
	}
	h.in(t, func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.SetGroupMembers(ctx, source, ids)
		return err
	})
}

func (h *house) person(name string) storage.PersonID { return h.people[name].Account.PersonID }

func (h *house) setActive(t rapid.TB, name string, active bool) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx storage.Tx) error { return tx.SetActive(ctx, h.person(name), active) })
}

func (h *house) in(t rapid.TB, fn func(context.Context, storage.Tx) error) {
	t.Helper()
	if err := h.DB.InTx(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func (h *house) exec(t rapid.TB, sql string, args ...any) {
	t.Helper()
	if _, err := h.DB.Pool().Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// clock moves the deciding clock so far ahead of the real one.
func (h *house) clock(t rapid.TB, ahead time.Duration) {
	t.Helper()
	h.exec(t, fmt.Sprintf(`CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
		AS 'SELECT statement_timestamp() + interval ''%d microseconds'''`, ahead.Microseconds()))
	h.vendor.SetClock(func() time.Time { return time.Now().Add(ahead) })
}

// write asks for write access to acme, which one of it-admins approves.
func write() Ask {
	return Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read", "files:write"}, Lifetime: 5 * day, Reason: "for the yearly report"}
}

func (h *house) submit(t rapid.TB, who string, ask Ask) storage.Request {
	t.Helper()
	r, err := h.Submit(context.Background(), h.people[who], ask, secret.Token(12).Expose())
	if err != nil {
		t.Fatalf("%s asks for %v: %v", who, ask.Scopes, err)
	}
	return r
}

func (h *house) approves(who string, id storage.RequestID) (storage.Request, error) {
	return h.vote(who, id, Vote{Decision: storage.Approve})
}

func (h *house) vote(who string, id storage.RequestID, v Vote) (storage.Request, error) {
	if v.SourceKey == "" {
		v.SourceKey = secret.Token(12).Expose()
	}
	return h.Review(context.Background(), h.people[who], id, v)
}

func (h *house) mustVote(t rapid.TB, who string, id storage.RequestID, v Vote) storage.Request {
	t.Helper()
	r, err := h.vote(who, id, v)
	if err != nil {
		t.Fatalf("%s votes %s: %v", who, v.Decision, err)
	}
	return r
}

// approved files a request and has it approved; its key is not made yet.
func (h *house) approved(t rapid.TB, who string) (storage.Request, storage.Credential) {
	t.Helper()
	r := h.submit(t, who, write())
	r = h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	return r, h.keyOf(t, r.ID)
}

// active is approved with its key made.
func (h *house) active(t rapid.TB, who string) storage.Credential {
	t.Helper()
	r, c := h.approved(t, who)
	if err := h.Issue(context.Background(), c.ID); err != nil {
		t.Fatal(err)
	}
	c = h.keyOf(t, r.ID)
	if c.State != storage.CredentialActive {
		t.Fatalf("%s is %s", c.ID, c.State)
	}
	return c
}

func (h *house) keyOf(t rapid.TB, id storage.RequestID) storage.Credential {
	t.Helper()
	c, err := h.DB.CredentialOf(context.Background(), id)
	if err != nil {
		t.Fatalf("the key of %s: %v", id, err)
	}
	return c
}

func (h *house) request(t rapid.TB, id storage.RequestID) storage.Request {
	t.Helper()
	r, _, _, err := h.DB.Request(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) credential(t rapid.TB, id storage.CredentialID) storage.Credential {
	t.Helper()
	c, err := h.DB.Credential(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// jobs takes every job of a kind that is due from the queue, as River would.
func (h *house) jobs(t rapid.TB, kinds ...string) []takenJob {
	t.Helper()
	rows, err := h.DB.Pool().Query(context.Background(), `
		DELETE FROM river_job WHERE kind = ANY($1) AND state = 'available' RETURNING kind, args`, kinds)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []takenJob
	for rows.Next() {
		var j takenJob
		var args []byte
		if err := rows.Scan(&j.kind, &args); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(args, &j); err != nil {
			t.Fatal(err)
		}
		out = append(out, j)
	}
	return out
}

type takenJob struct {
	kind string
	ID   int64  `json:"id"`
	Ref  string `json:"ref"`

	Connection string `json:"connection"`
}

// work does every job that is due, all at once as workers would, and reports
// their errors.
func (h *house) work(t rapid.TB) []error {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, j := range h.jobs(t, IssueArgs{}.Kind(), RevokeArgs{}.Kind(), StrayArgs{}.Kind(), DeliverArgs{}.Kind(), OverdueArgs{}.Kind(), ReplanArgs{}.Kind(), OffboardArgs{}.Kind()) {
		wg.Go(func() {
			if err := j.do(h.Service); err != nil {
				if j.kind == (StrayArgs{}).Kind() { // River tries again; the others are found by the sweep
					h.in(t, func(ctx context.Context, tx storage.Tx) error {
						return tx.Enqueue(ctx, StrayArgs{storage.CredentialID(j.ID), j.Ref}, nil)
					})
				}
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s of %s: %w", j.kind, storage.CredentialID(j.ID), err))
			}
		})
	}
	wg.Wait()
	return errs
}

func (j takenJob) do(s *Service) error {
	id := storage.CredentialID(j.ID)
	switch j.kind {
	case IssueArgs{}.Kind():
		return s.Issue(context.Background(), id)
	case RevokeArgs{}.Kind():
		return s.FinishRevoke(context.Background(), id)
	case DeliverArgs{}.Kind():
		return s.Deliver(context.Background(), id)
	case OverdueArgs{}.Kind():
		return s.EndOverdue(context.Background(), j.Connection)
	case ReplanArgs{}.Kind():
		return s.Replan(context.Background())
	case OffboardArgs{}.Kind():
		return s.RunOffboarding(context.Background(), storage.OffboardingID(j.ID))
	}
	return s.RevokeStrays(context.Background(), id, j.Ref)
}

// settle sweeps and works until nothing is left to do, however often work has
// to be put off.
func (h *house) settle(t rapid.TB) {
	t.Helper()
	for range 100 {
		h.exec(t, `UPDATE credential SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL`)
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state IN ('issuing', 'revoking', 'revoke_failed')`)
		if err := h.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		_ = h.work(t) // what went wrong shows in the state
		var busy int
		err := h.DB.Pool().QueryRow(context.Background(), `
			SELECT (SELECT count(*) FROM credential WHERE state IN ('issuing', 'revoking', 'revoke_failed')) +
			       (SELECT count(*) FROM river_job WHERE kind <> 'notify' AND state = 'available')`).Scan(&busy)
		if err != nil {
			t.Fatal(err)
		}
		if busy == 0 {
			return
		}
	}
	t.Fatal("work is never done")
}

// refused fails unless err is a refusal by a rule.
func refused(t rapid.TB, what string, err error, rule string) {
	t.Helper()
	r, ok := AsRefusal(err)
	if !ok || r.Rule != rule {
		t.Errorf("%s: want a refusal by %s, got %q: %v", what, rule, r.Rule, err)
	}
}
