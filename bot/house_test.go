package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/bot/slacksim"
	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
	"latchkey/workflow"
)

// patience bounds every wait; nothing takes that long when all is well, on a
// busy machine neither.
const patience = time.Minute

// house is a company in its own simulated Slack, with its own database, the
// real workflow and three systems: acme, which can do everything, vault, where
// only a person can end a key, and guide, where only a person can make one.
// Keys can be put into the store.
type house struct {
	t     *testing.T
	ctx   context.Context
	sim   *slacksim.Sim
	db    *storage.DB
	rules *workflow.Service
	acme  *fake.Vendor
	vault *fake.Vendor
	guide *fake.Vendor
	store *store

	directory *Directory
}

// byHand is a vendor that lists its keys and lets only people end them.
type byHand struct{ of *fake.Connector }

func (c byHand) Check(ctx context.Context) error { return c.of.Check(ctx) }

func (c byHand) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return c.of.Credentials(ctx)
}

func (c byHand) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	return c.of.Verify(ctx, r)
}

func (c byHand) GuideRevoke(r connectors.Ref) connectors.Task {
	return connectors.Task{URL: "https://vault.example.com/keys", Steps: []string{"Sign in as an admin.", "Delete the key " + r.ID + "."}}
}

// store keeps secrets by place, and lets nobody take a place that is taken.
type store struct {
	mu    sync.Mutex
	kept  map[string]string // by place: the label of the key that is there
	taken bool              // something else is in every place
}

func (s *store) Check(context.Context) error { return nil }

func (s *store) Deliver(_ context.Context, d connectors.Delivery) (connectors.Delivered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken {
		return connectors.Delivered{}, fmt.Errorf("store %s: %w", d.Place, connectors.ErrTaken)
	}
	s.kept[d.Place] = d.Label
	return connectors.Delivered{Version: d.Label, Where: d.Place}, nil
}

func (s *store) setTaken(taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = taken
}

func newHouse(t *testing.T, enforcement workflow.Enforcement, change ...func(*workflow.Document)) *house {
	t.Helper()
	return newHouseIn(t, enforcement, slacksim.World{}, change...)
}

// newHouseIn is newHouse in a workspace with other people.
func newHouseIn(t *testing.T, enforcement workflow.Enforcement, world slacksim.World, change ...func(*workflow.Document)) *house {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*patience)
	t.Cleanup(stop)
	h := &house{t: t, ctx: ctx, acme: fake.NewVendor(), vault: fake.NewVendor(), guide: fake.NewVendor(), db: houseDatabase(t), store: &store{kept: map[string]string{}}}
	manifest, err := Manifest("/tokens", "Latchkey")
	h.must(err)
	h.sim, err = slacksim.Start(ctx, slacksim.Config{Manifest: manifest, World: world, Logger: zerolog.Nop(),
		Timing: slacksim.Timing{TriggerTTL: patience, AckTimeout: patience}})
	h.must(err)
	t.Cleanup(func() { h.must(h.sim.Close()) })

	at, kept, made := h.acme.Settings("acme", h.acme.Start(t)), h.vault.Settings("vault", h.vault.Start(t)), h.guide.Settings("guide", h.guide.Start(t))
	acme, err := fake.Open(at, connectors.NewTransport(at))
	h.must(err)
	vault, err := fake.Open(kept, connectors.NewTransport(kept))
	h.must(err)
	guide, err := fake.OpenGuided(made, connectors.NewTransport(made))
	h.must(err)
	keys, err := h.db.OpenKeyring(ctx, storage.Keeper{
		Seal: func(_ context.Context, b []byte) ([]byte, error) { return b, nil },
		Open: func(_ context.Context, b []byte) ([]byte, error) { return b, nil }})
	h.must(err)

	client := NewClient(Config{BotToken: secret.New(h.sim.BotToken()), AppToken: secret.New(h.sim.AppToken()), APIURL: h.sim.APIURL(), Command: "/tokens",
		ApprovalsChannel: "C0APPROVALS", AckWithin: patience}, zerolog.Nop())
	directory := NewDirectory(client, h.db, nil, zerolog.Nop())
	h.directory = directory
	h.must(directory.Load(ctx))
	rules := houseRules(enforcement)
	for _, c := range change {
		c(&rules)
	}
	h.rules, err = workflow.New(ctx, workflow.Deps{DB: h.db, Keys: keys, Document: rules, PublicURL: "https://latchkey.example.com",
		Connectors: map[string]connectors.Connector{"acme": acme, "vault": byHand{vault}, "guide": guide, "store": h.store}, Logger: zerolog.Nop(), Refresh: directory.Refresh,
		Capabilities: map[string][]string{"acme": {"list", "revoke", "suspend"}, "vault": {"list", "verify"}}})
	h.must(err)
	notifier := NewNotifier(client, directory, h.db, h.rules, zerolog.Nop())
	workers, err := h.rules.NewWorkers(notifier)
	h.must(err)
	h.must(workers.Start(ctx))

	listening, hangUp := context.WithCancel(ctx)
	done := make(chan error, 1)
	b := New(Deps{Client: client, Directory: directory, Notifier: notifier, Workflow: h.rules, DB: h.db, Logger: zerolog.Nop()})
	go func() { done <- b.Run(listening) }()
	t.Cleanup(func() {
		hangUp()
		h.must(<-done)
		h.must(workers.Stop(ctx))
	})
	h.await("a socket", func() bool { return h.sim.Sockets() > 0 })
	return h
}

func houseDatabase(t *testing.T) *storage.DB {
	t.Helper()
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	dsn := storagetest.Database(t, storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}})
	db, err := storage.Open(t.Context(), storage.Config{DSN: dsn, MaxConns: 10, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func houseRules(e workflow.Enforcement) workflow.Document {
	scopes := []workflow.ScopeRule{{Name: "files:read", Title: "Files: read", Access: workflow.Read}, {Name: "files:write", Title: "Files: change", Access: workflow.Write}}
	return workflow.Document{
		Admins: []string{"it-admins"},
		Groups: map[string]workflow.Group{"it-admins": {SlackUsergroup: "S0ITADMIN"}, "approvers": {SlackUsergroup: "S0APPROVE"}},
		Connections: map[string]workflow.ConnectionRules{"acme": {Kind: "fake", Scopes: scopes}, "vault": {Kind: "fake", Scopes: scopes}, "guide": {Kind: "fake", Scopes: scopes},
			"store": {Kind: "store", Sink: true, Places: []string{"payroll/*"}}},
		Policies: []workflow.Policy{{Name: "all", Connections: []string{"*"}, Scopes: []string{"files:*"}, Requesters: []string{workflow.Everyone}, MaxLifetime: days(30), Sinks: []string{"store"},
			Approval: workflow.Approval{Steps: []workflow.StepRule{{Group: "approvers", Quorum: 1}}}}},
		Enforcement: e,
	}
}

// seed puts a key into a vendor as somebody making one there would.
func seed(v *fake.Vendor, label, email string) fake.Key {
	return v.Seed(fake.Key{Label: label, Owner: connectors.AccountRef{ID: "id-" + email, Email: email, Name: email}, Scopes: []string{"files:read", "files:write"}})
}

// sync lists every system now, one after the other, so that what is found has
// its IDs in the same order each time.
func (h *house) sync() {
	h.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(h.rules.Rules().Connections)) {
		_, err := h.db.Pool().Exec(h.ctx, `
			UPDATE connection
			SET sync_due_at = latchkey_now() + CASE WHEN name = $1 THEN '0' ELSE '1 day' END::interval
			WHERE sync_due_at IS NOT NULL`, name)
		h.must(err)
		h.must(h.rules.SyncDue(h.ctx))
	}
}

// sweep takes up now what is tried again later.
func (h *house) sweep() {
	h.t.Helper()
	_, err := h.db.Pool().Exec(h.ctx, `UPDATE credential SET next_action_at = latchkey_now() WHERE state = 'revoke_failed'`)
	h.must(err)
	h.must(h.rules.Sweep(h.ctx))
}

// key is the ID of the key with a label, as people type it.
func (h *house) key(label string) string {
	h.t.Helper()
	var id storage.CredentialID
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT id FROM credential WHERE label = $1`, label).Scan(&id))
	return id.String()
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) await(what string, cond func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, patience)
	defer cancel()
	if err := h.sim.Wait(ctx, cond); err != nil {
		h.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// slash runs a command in #general and returns what its sender is shown.
func (h *house) slash(who, text string) slacksim.Message {
	h.t.Helper()
	u := h.sim.User(who)
	before := len(u.Messages("C0GENERAL"))
	_, err := u.Slash(h.ctx, "C0GENERAL", text)
	h.must(err)
	h.await("the answer to "+text, func() bool { return len(u.Messages("C0GENERAL")) > before })
	m, _ := u.Last("C0GENERAL")
	return m
}

// open runs a command that opens a modal.
func (h *house) open(who, text, callback string) {
	h.t.Helper()
	_, err := h.sim.User(who).Slash(h.ctx, "C0GENERAL", text)
	h.must(err)
	h.awaitModal(who, callback)
}

func (h *house) awaitModal(who, callback string) slacksim.View {
	h.t.Helper()
	h.await("the modal "+callback, func() bool { v, ok := h.sim.User(who).Modal(); return ok && v.CallbackID == callback })
	v, _ := h.sim.User(who).Modal()
	return v
}

// choose picks from the menu of a key's row in a message.
func (h *house) choose(who string, m slacksim.Message, id string, v verb) {
	h.t.Helper()
	_, err := h.sim.User(who).Act(h.ctx, m.Place(), slacksim.Action{ActionID: actionID(verbRow, id), Value: slacksim.Value{Option: string(v)}})
	h.must(err)
}

func (h *house) click(who string, on slacksim.Place, v verb, id string) {
	h.t.Helper()
	_, err := h.sim.User(who).Click(h.ctx, on, actionID(v, id))
	h.must(err)
}

func (h *house) fill(who, block, text string) {
	h.t.Helper()
	h.must(h.sim.User(who).Fill(h.ctx, block, "", slacksim.Value{Text: text}))
}

// submit sends the top modal, which must be accepted.
func (h *house) submit(who string) {
	h.t.Helper()
	got, err := h.sim.User(who).Submit(h.ctx)
	h.must(err)
	if len(got.Errors) > 0 {
		h.t.Fatalf("the form was not accepted: %v", got.Errors)
	}
}

// told waits until a message in somebody's channel, or in their direct
// messages for "", says all of it.
func (h *house) told(who, channel string, parts ...string) slacksim.Message {
	h.t.Helper()
	u := h.sim.User(who)
	if channel == "" {
		channel = u.DM()
	}
	var found slacksim.Message
	h.await(who+" to be told "+strings.Join(parts, ", "), func() bool {
		for _, m := range u.Messages(channel) {
			if says(m, parts...) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func says(m slacksim.Message, parts ...string) bool {
	text := m.Text + "\n" + m.Show()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// silent fails if somebody was told of a thing.
func (h *house) silent(who, part string) {
	h.t.Helper()
	for _, m := range h.sim.User(who).Messages(h.sim.User(who).DM()) {
		if says(m, part) {
			h.t.Errorf("%s was told: %s", who, m.Text)
		}
	}
}

// offers reports whether a message has a control.
func offers(m slacksim.Message, v verb, id string) bool {
	needle, err := json.Marshal(actionID(v, id))
	return err == nil && strings.Contains(string(m.Blocks), string(needle))
}
