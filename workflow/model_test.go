package workflow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/secret"
	"latchkey/storage"
)

// model is a second opinion on the rules, kept beside a real house: who is in
// which group and in the company, what was filed, and who voted. It knows
// nothing of the code's own tables.
type model struct {
	*house
	out      map[string]bool            // persons who left the company
	groups   map[string]map[string]bool // Slack groups by ID
	stale    map[string]bool            // groups that can't be read
	ahead    time.Duration              // of the deciding clock
	filed    []*filedRequest
	revealed map[storage.CredentialID]bool

	// Where this run's rows begin.
	firstRequest    storage.RequestID
	firstCredential storage.CredentialID
}

type filedRequest struct {
	storage.Request
	by       string
	steps    []modelStep
	votes    map[string]int // the step somebody's standing approval is for
	scopes   []string       // still on the table
	life     time.Duration
	decided  bool
	approved bool
}

type modelStep struct {
	group    string
	quorum   int
	eligible map[string]bool
}

// asks are what can be asked for, and the steps the policy puts before it.
var asks = map[string]struct {
	ask   Ask
	steps []modelStep
}{
	"read":  {Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 2 * day, Reason: "dashboards"}, nil},
	"write": {Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read", "files:write"}, Lifetime: 3 * day, Reason: "for the report"}, []modelStep{{group: "S0IT", quorum: 1}}},
	"long":  {Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: 10 * day, Reason: "for the report"}, []modelStep{{group: "S0IT", quorum: 1}, {group: "S0SEC", quorum: 1}}},
	"admin": {big(), []modelStep{{group: "S0IT", quorum: 2}, {group: "S0SEC", quorum: 1}}},
}

// Everybody who may click, and the person behind each account.
var clickers = map[string]string{
	"alice": "alice", "alice2": "alice", "bob": "bob", "bob2": "bob", "carol": "carol", "dana": "dana", "erin": "erin", "frank": "frank",
	"guest": "", "olga": "", "robot": "", "stranger": "",
}

func (m *model) reset(t *rapid.T) {
	m.out, m.stale, m.groups, m.revealed, m.filed = map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}, map[storage.CredentialID]bool{}, nil
	for id, names := range slackGroups {
		m.groups[id] = map[string]bool{}
		for _, n := range names {
			m.groups[id][n] = true
		}
		m.setGroup(t, "slack:"+id, names...)
	}
	m.exec(t, `UPDATE person SET active = true WHERE NOT active`)
	m.vendor.Heal()
	m.ahead = 0
	m.clock(t, 0)
	err := m.DB.Pool().QueryRow(context.Background(), `SELECT coalesce((SELECT max(id) FROM request), 0), coalesce((SELECT max(id) FROM credential), 0)`).Scan(&m.firstRequest, &m.firstCredential)
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) member(group, who string) bool { return m.groups[group][who] && !m.out[who] }

func (m *model) now(t *rapid.T) time.Time {
	now, err := m.DB.Now(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// answered fails unless an error is a refusal, and reports success.
func (m *model) answered(t *rapid.T, what string, err error) bool {
	if _, refusal := AsRefusal(err); err != nil && !refusal {
		t.Fatalf("%s: %v", what, err)
	}
	return err == nil
}

func drawKey[V any](t *rapid.T, from map[string]V, label string) string {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(t, label)
}

func (m *model) drawRequest(t *rapid.T) *filedRequest {
	if len(m.filed) == 0 {
		t.Skip("nothing is filed")
	}
	return rapid.SampledFrom(m.filed).Draw(t, "request")
}

func (m *model) submitSome(t *rapid.T) {
	account, kind := drawKey(t, clickers, "who"), drawKey(t, asks, "ask")
	who, a := clickers[account], asks[kind]
	r, err := m.Submit(context.Background(), m.people[account], a.ask, secret.Token(12).Expose())
	if !m.answered(t, "submit", err) {
		return
	}
	if who == "" || m.out[who] {
		t.Fatalf("%s, who may not, filed %s", account, r.ID)
	}
	f := &filedRequest{Request: r, by: who, votes: map[string]int{}, scopes: a.ask.Scopes, life: time.Duration(a.ask.Lifetime), decided: len(a.steps) == 0, approved: len(a.steps) == 0}
	for _, s := range a.steps {
		if m.stale[s.group] {
			t.Fatalf("%s was filed although %s can't be read", r.ID, s.group)
		}
		s.eligible = map[string]bool{}
		for name := range m.groups[s.group] {
			if name != who && m.member(s.group, name) {
				s.eligible[name] = true
			}
		}
		if len(s.eligible) < s.quorum {
			t.Fatalf("%s was filed although %s has only %d besides %s", r.ID, s.group, len(s.eligible), who)
		}
		f.steps = append(f.steps, s)
	}
	if (r.State == storage.RequestApproved) != f.approved {
		t.Fatalf("%s is %s", r.ID, r.State)
	}
	m.filed = append(m.filed, f)
}

// maySpeak fails unless a person had any right to decide about a request.
func (m *model) maySpeak(t *rapid.T, account string, f *filedRequest, before time.Time) {
	who := clickers[account]
	rights := slices.ContainsFunc(f.steps, func(s modelStep) bool { return s.eligible[who] && m.member(s.group, who) && !m.stale[s.group] })
	_, twice := f.votes[who]
	switch {
	case who == "" || who == f.by || m.out[who] || !rights:
		t.Fatalf("%s decided about %s of %s: %+v, groups %v, left %v", account, f.ID, f.by, f.steps, m.groups, m.out)
	case twice && m.stands(f, who):
		t.Fatalf("%s voted twice on %s", who, f.ID)
	case f.decided:
		t.Fatalf("%s decided about %s, which was decided", account, f.ID)
	case !before.Before(f.LapsesAt):
		t.Fatalf("%s decided about %s, which lapsed %s, at %s", account, f.ID, f.LapsesAt, before)
	}
}

// stands reports whether an approval still counts.
func (m *model) stands(f *filedRequest, who string) bool {
	step, ok := f.votes[who]
	return ok && m.member(f.steps[step].group, who)
}

func (m *model) approveSome(t *rapid.T) {
	f, account := m.drawRequest(t), drawKey(t, clickers, "who")
	v := Vote{Decision: storage.Approve, SourceKey: secret.Token(12).Expose()}
	if rapid.IntRange(0, 3).Draw(t, "less") == 0 {
		v.Scopes = rapid.SliceOfN(rapid.SampledFrom([]string{"files:read", "files:write", "people:read", "people:admin"}), 0, 3).Draw(t, "scopes")
		v.Lifetime = Duration(rapid.Int64Range(-1, int64(11*day)).Draw(t, "lifetime"))
	}
	before := m.now(t)
	r, err := m.Review(context.Background(), m.people[account], f.ID, v)
	if !m.answered(t, "approve", err) {
		m.look(t, f)
		return
	}
	m.maySpeak(t, account, f, before)
	for who := range f.votes { // the house struck these just now
		if step := f.votes[who]; !m.member(f.steps[step].group, who) && !m.stale[f.steps[step].group] {
			delete(f.votes, who)
		}
	}
	step := m.current(f)
	if step == len(f.steps) || !f.steps[step].eligible[clickers[account]] || !m.member(f.steps[step].group, clickers[account]) {
		t.Fatalf("%s approved %s, where step %d is asked: %+v", account, f.ID, step, f)
	}
	f.votes[clickers[account]] = step
	for _, s := range r.GrantedScopes {
		if !slices.Contains(f.scopes, s) || v.Scopes != nil && !slices.Contains(v.Scopes, s) {
			t.Fatalf("%s grants %s; on the table was %v, the vote said %v", f.ID, s, f.scopes, v.Scopes)
		}
	}
	if r.Granted() > f.life || v.Lifetime > 0 && r.Granted() > time.Duration(v.Lifetime) {
		t.Fatalf("%s grants %s; on the table was %s, the vote said %s", f.ID, r.Granted(), f.life, v.Lifetime)
	}
	f.scopes, f.life = r.GrantedScopes, r.Granted()
	want := storage.RequestPending
	if m.current(f) == len(f.steps) {
		want, f.decided, f.approved = storage.RequestApproved, true, true
		if m.out[f.by] {
			want, f.approved = storage.RequestCanceled, false
		}
	}
	if r.State != want {
		t.Fatalf("after %s approved, %s is %s, want %s: %+v", account, f.ID, r.State, want, f)
	}
}

// current is the first step without its quorum of distinct persons.
func (m *model) current(f *filedRequest) int {
	for i, s := range f.steps {
		n := 0
		for _, step := range f.votes {
			if step == i {
				n++
			}
		}
		if n < s.quorum {
			return i
		}
	}
	return len(f.steps)
}

func (m *model) denySome(t *rapid.T) {
	f, account := m.drawRequest(t), drawKey(t, clickers, "who")
	before := m.now(t)
	r, err := m.Review(context.Background(), m.people[account], f.ID, Vote{Decision: storage.Deny, Reason: "no", SourceKey: secret.Token(12).Expose()})
	if !m.answered(t, "deny", err) {
		m.look(t, f)
		return
	}
	m.maySpeak(t, account, f, before)
	if r.State != storage.RequestDenied {
		t.Fatalf("denied by %s, %s is %s", account, f.ID, r.State)
	}
	f.decided = true
}

// look learns that a request ended by itself, which only the clock may do.
func (m *model) look(t *rapid.T, f *filedRequest) {
	r := m.request(t, f.ID)
	if r.State == storage.RequestLapsed && !f.decided {
		if m.now(t).Before(f.LapsesAt) {
			t.Fatalf("%s lapsed before its time", f.ID)
		}
		f.decided = true
	}
}

func (m *model) cancelSome(t *rapid.T) {
	f, account := m.drawRequest(t), drawKey(t, clickers, "who")
	_, err := m.Cancel(context.Background(), m.people[account], f.ID)
	if !m.answered(t, "cancel", err) {
		return
	}
	who := clickers[account]
	if who == "" || m.out[who] || who != f.by && (!m.member("S0IT", who) || m.stale["S0IT"]) {
		t.Fatalf("%s canceled %s of %s", account, f.ID, f.by)
	}
	f.decided = true
}

func (m *model) revokeSome(t *rapid.T) {
	f, account := m.drawRequest(t), drawKey(t, clickers, "who")
	c, err := m.DB.CredentialOf(context.Background(), f.ID)
	if err != nil {
		t.Skip("no key yet")
	}
	_, err = m.Revoke(context.Background(), m.people[account], c.ID, "because")
	who := clickers[account]
	if m.answered(t, "revoke", err) && (who == "" || m.out[who] || who != f.by && (!m.member("S0IT", who) || m.stale["S0IT"])) {
		t.Fatalf("%s revoked %s of %s", account, c.ID, f.by)
	}
}

func (m *model) revealSome(t *rapid.T) {
	f := m.drawRequest(t)
	c, err := m.DB.CredentialOf(context.Background(), f.ID)
	if err != nil {
		t.Skip("no key yet")
	}
	k, err := m.DB.TicketOf(context.Background(), c.ID)
	if err != nil {
		t.Skip("no ticket")
	}
	key, _, err := m.Reveal(context.Background(), m.ticketToken(c.ID, k.Nonce).Expose(), "")
	if !m.answered(t, "reveal", err) || key.Empty() {
		return
	}
	if m.revealed[c.ID] || m.out[f.by] || !f.approved {
		t.Fatalf("%s of %s was shown: before %v, left %v", c.ID, f.by, m.revealed[c.ID], m.out[f.by])
	}
	m.revealed[c.ID] = true
	if !c.Brokered && !m.vendor.Works(key) && c.State == storage.CredentialActive && m.now(t).Before(c.ExpiresAt) && !m.falseRevoke() {
		t.Fatalf("%s was shown and does not work", c.ID)
	}
}

// falseRevoke is true when the vendor's clock can have ended keys early.
func (m *model) falseRevoke() bool { return m.ahead > 0 }

// finish lets all work end, checks the invariants, and clears up for the next
// run.
func (m *model) finish(t *rapid.T) {
	m.vendor.Heal()
	for group := range m.groups {
		m.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() WHERE source = $1`, "slack:"+group)
	}
	m.settle(t)
	for _, f := range m.filed {
		m.look(t, f)
		r := m.request(t, f.ID)
		if r.State == storage.RequestFulfilled && !f.approved {
			t.Fatalf("%s led to a key without approval: %+v", f.ID, f)
		}
		if !f.decided && r.State != storage.RequestPending {
			t.Fatalf("%s is %s, and nobody decided", f.ID, r.State)
		}
	}
	m.checkSince(t, m.firstRequest, m.firstCredential)
	m.setGroup(t, "slack:S0IT", "bob", "erin")
	m.setActive(t, "erin", true)
	for _, f := range m.filed {
		_, err := m.Cancel(context.Background(), m.people["erin"], f.ID)
		m.answered(t, "clear up", err)
		if c, err := m.DB.CredentialOf(context.Background(), f.ID); err == nil {
			_, err := m.Revoke(context.Background(), m.people["erin"], c.ID, "clear up")
			m.answered(t, "clear up", err)
		}
	}
	m.settle(t)
	m.checkSince(t, m.firstRequest, m.firstCredential)
	if n := len(m.vendor.Live()); n != 0 {
		t.Fatalf("the vendor has %d live keys after everything was revoked", n)
	}
}

// A01 to A05, A16, A18, A20 to A22: whatever people, time, groups and vendors
// do in whatever order, the rules and the invariants hold.
func TestTheModelAgrees(t *testing.T) {
	t.Parallel()
	for i := range 3 { // each runs rapid's number of sequences, 100 unless told
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := houseDocument()
			d.Quotas = Quotas{Pending: 4, Live: 4}
			m := &model{house: openWith(t, d, nil)}
			rapid.Check(t, func(t *rapid.T) {
				m.reset(t)
				m.submitSome(t)
				t.Repeat(map[string]func(*rapid.T){
					"submit": m.submitSome, "submit too": m.submitSome, "approve": m.approveSome, "approve too": m.approveSome, "and approve": m.approveSome,
					"deny": m.denySome, "cancel": m.cancelSome, "revoke": m.revokeSome, "reveal": m.revealSome, "work": m.workHappens, "work too": m.workHappens,
					"group": m.someoneMoves, "leave": m.someoneLeavesOrReturns, "stale": m.aGroupGoesStale, "time": m.timePasses, "vendor": m.theVendorMisbehaves,
				})
				m.finish(t)
			})
			m.check(t)
		})
	}
}
