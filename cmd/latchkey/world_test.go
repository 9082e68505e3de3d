package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/bot/slacksim"
	"latchkey/storage"
	"latchkey/storage/storagetest"
)

// world is the demo's world with its service, on a database of its own, and
// the words in which tests speak to it.
type world struct {
	*demo
	t   testing.TB
	ctx context.Context
	log *safeBuffer
}

// patience bounds every wait; nothing in a passing test comes near it.
const patience = 60 * time.Second

// newWorld has vendors without the keys of years: what happens in it, the test
// made happen.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, testWorld())
}

func newWorldWith(t testing.TB, people slacksim.World) *world {
	t.Helper()
	return startWorld(t, demoCommand{world: people, quiet: true})
}

// newLivedInWorld is the demo's own, with everything that is found in it.
func newLivedInWorld(t *testing.T) *world {
	t.Helper()
	return startWorld(t, demoCommand{world: testWorld()})
}

func startWorld(t testing.TB, flags demoCommand) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	t.Cleanup(cancel)
	log := &safeBuffer{}
	flags.Slack, flags.Panel, flags.Server, flags.Gateway = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	flags.Data, flags.databaseURL, flags.patient = t.TempDir(), database(t), patience
	d, err := startDemo(ctx, flags, zerolog.New(log))
	if err != nil {
		t.Fatalf("start: %v\n%s", err, log)
	}
	w := &world{demo: d, t: t, ctx: ctx, log: log}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Errorf("stop: %v", err)
		}
		for _, p := range d.sim.Problems() {
			t.Errorf("Slack would refuse: %s", p)
		}
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	return w
}

// testWorld lets everybody see the approvals channel, an outsider through
// Slack Connect too: who may press its buttons must not depend on who sees it.
func testWorld() slacksim.World {
	w := slacksim.DefaultWorld()
	for i := range w.Channels {
		if c := &w.Channels[i]; c.ID == "C0APPROVALS" {
			c.IsExtShared = true
			c.Members = []string{"U0ALICE", "U0BOB", "U0CAROL", "U0DANA", "U0ERIN", "U0ERINADM", "U0FRANK", "U0GUS", "U0OLGA", "U0LATCHBOT"}
		}
	}
	return w
}

// database is a fresh database with our schema.
func database(t testing.TB) string {
	t.Helper()
	key, err := storage.MigrationsKey()
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.Database(t, storagetest.Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		db, err := storage.Open(ctx, storage.Config{DSN: dsn, Logger: zerolog.Nop()})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx)
		return err
	}})
}

// safeBuffer is a log that goroutines share.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (w *world) user(id string) *slacksim.User { return w.sim.User(id) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// await waits until something is so in Slack.
func (w *world) await(what string, cond func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := w.sim.Wait(ctx, cond); err != nil {
		w.t.Fatalf("waited in vain for %s: %v\n%s", what, err, w.log)
	}
}

// slash runs a command in #general (or the DM of who is not there) and
// returns what is shown to its sender alone.
func (w *world) slash(who, text string) string {
	w.t.Helper()
	u := w.user(who)
	before := len(u.Messages("C0GENERAL"))
	_, err := u.Slash(w.ctx, "C0GENERAL", text)
	w.must(err)
	all := u.Messages("C0GENERAL")
	if len(all) <= before {
		return ""
	}
	return shown(all[len(all)-1])
}

// shown is a message as it reads, fallback included.
func shown(m slacksim.Message) string { return m.Text + "\n" + m.Show() }

var (
	requestIDs = regexp.MustCompile(`RQ-[0-9A-Z]{4,9}`)
	keyIDs     = regexp.MustCompile(`TK-[0-9A-Z]{4,9}`)
	revealURLs = regexp.MustCompile(`https?://[^\s"\\<>]+/reveal/[0-9A-Za-z]{32}`)
	ourKeys    = regexp.MustCompile(`lk_live_[0-9A-Za-z]{36}`)
)

// fillRequest opens the request form, fills it in and goes as far as the
// preview, which it returns.
func (w *world) fillRequest(who, system, preset, lifetime, reason string) slacksim.View {
	w.t.Helper()
	u := w.user(who)
	_, err := u.Slash(w.ctx, "C0GENERAL", "/tokens request "+system)
	w.must(err)
	w.await("the request form", func() bool { v, ok := u.Modal(); return ok && v.CallbackID == "request" })
	before, _ := u.Modal()
	w.must(u.Fill(w.ctx, "preset/"+system, "preset/"+system, slacksim.Value{Option: preset}))
	w.await("the form to follow the preset", func() bool { v, ok := u.Modal(); return ok && v.Hash != before.Hash })
	w.must(u.Fill(w.ctx, "lifetime/"+system, "", slacksim.Value{Option: lifetime}))
	w.must(u.Fill(w.ctx, "reason", "", slacksim.Value{Text: reason}))
	res, err := u.Submit(w.ctx)
	w.must(err)
	if len(res.Errors) > 0 {
		w.t.Fatalf("the form was refused: %v", res.Errors)
	}
	v, ok := u.Modal()
	if !ok || v.CallbackID != "preview" {
		w.t.Fatalf("no preview but %+v", v)
	}
	return v
}

// request files a request and returns its ID once its status shows in the
// requester's DM, and where they typed the command.
func (w *world) request(who, system, preset, lifetime, reason string) string {
	w.t.Helper()
	u := w.user(who)
	known := requestIDs.FindAllString(w.transcript(who, u.DM()), -1)
	w.fillRequest(who, system, preset, lifetime, reason)
	_, err := u.Submit(w.ctx)
	w.must(err)
	var id string
	w.await("the request's status", func() bool {
		for _, found := range requestIDs.FindAllString(w.transcript(who, u.DM()), -1) {
			if !slices.Contains(known, found) {
				id = found
				return true
			}
		}
		return false
	})
	w.await("the answer to the command", func() bool { return strings.Contains(w.transcript(who, "C0GENERAL"), "`"+id+"`") })
	return id
}

// transcript is a channel as one person reads it.
func (w *world) transcript(who, channel string) string {
	var out []string
	for _, m := range w.user(who).Messages(channel) {
		out = append(out, shown(m)+"\n"+string(m.Blocks))
	}
	return strings.Join(out, "\n---\n")
}

// card waits for a person's card about a request that offers a button.
func (w *world) card(who, id, action string) slacksim.Message {
	w.t.Helper()
	var found slacksim.Message
	w.await(who+"'s card for "+id, func() bool {
		for _, m := range w.user(who).Messages(w.user(who).DM()) {
			if strings.Contains(string(m.Blocks), `"`+action+"/"+id+`"`) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// click presses a button on somebody's card and returns what the clicker
// alone is told.
func (w *world) click(who, id, action string) string {
	w.t.Helper()
	return w.clickOn(who, w.card(who, id, action), action+"/"+id)
}

func (w *world) clickOn(who string, m slacksim.Message, action string) string {
	w.t.Helper()
	u := w.user(who)
	seen := map[string]bool{}
	for _, old := range u.Messages(m.Channel) {
		if old.Ephemeral {
			seen[old.TS] = true
		}
	}
	_, err := u.Click(w.ctx, m.Place(), action)
	w.must(err)
	var told string
	w.await("an answer to the click", func() bool {
		for _, now := range u.Messages(m.Channel) {
			if now.Ephemeral && !seen[now.TS] {
				told = shown(now)
				return true
			}
		}
		return false
	})
	return told
}

// reveal collects a key over the page, as a browser without JavaScript does.
func (w *world) reveal(who string) (key, id string) {
	w.t.Helper()
	u := w.user(who)
	var link string
	w.await("the reveal button", func() bool {
		link = revealURLs.FindString(w.transcript(who, u.DM()))
		return link != ""
	})
	status, page := w.get(link, "")
	if status != http.StatusOK || ourKeys.MatchString(page) {
		w.t.Fatalf("GET %d must show a button and no key:\n%s", status, page)
	}
	r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, link, nil)
	w.must(err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	w.must(err)
	key = ourKeys.FindString(string(body))
	if key == "" {
		w.t.Fatalf("POST %d shows no key:\n%s", answer.StatusCode, body)
	}
	return key, keyIDs.FindString(string(body))
}

func (w *world) get(url, key string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, url, nil)
	w.must(err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	w.must(err)
	return answer.StatusCode, string(body)
}

// use calls Tempo through the gateway.
func (w *world) use(key, path string) (int, string) {
	w.t.Helper()
	return w.get(w.main.GatewayURL()+"/tempo"+path, key)
}

// until asks the gateway again until it answers with a status.
func (w *world) until(key, path string, want int) time.Duration {
	w.t.Helper()
	began := time.Now()
	for {
		got, body := w.use(key, path)
		if got == want {
			return time.Since(began)
		}
		if time.Since(began) > patience {
			w.t.Fatalf("the gateway still answers %d: %s", got, body)
		}
	}
}

// says fails unless a text contains every part.
func (w *world) says(text string, parts ...string) {
	w.t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			w.t.Fatalf("%q is missing in:\n%s", p, text)
		}
	}
}

// count asks the database.
func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.main.db.Pool().QueryRow(w.ctx, query, args...).Scan(&n); err != nil {
		w.t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return n
}
