package workflow

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// held is a key that was asked for, approved where that is needed, made and
// collected.
func (h *house) held(t testing.TB, who string, ask Ask) storage.Credential {
	t.Helper()
	r := h.submit(t, who, ask)
	for _, reviewer := range []string{"erin", "bob"} {
		if r.State == storage.RequestPending {
			r = h.mustVote(t, reviewer, r.ID, Vote{Decision: storage.Approve})
		}
	}
	_ = h.work(t)
	c := h.keyOf(t, r.ID)
	if _, _, err := h.Reveal(t.Context(), h.ticket(t, c.ID), ""); err != nil {
		t.Fatalf("%s is %s: %v", c.ID, c.State, err)
	}
	return h.credential(t, c.ID)
}

// ofTempo asks for a key of tempo.
func ofTempo(scope string, lifetime Duration) Ask {
	return Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{scope}, Lifetime: lifetime, Reason: "for the dashboards"}
}

// sweepAt moves the clock so far ahead and sweeps.
func (h *house) sweepAt(t testing.TB, ahead time.Duration) {
	t.Helper()
	h.clock(t, ahead)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// mail lists what a person was told, a digest after the other.
func (h *house) mail(t testing.TB, who string) []storage.Digest {
	t.Helper()
	rows, err := h.DB.Pool().Query(t.Context(), `SELECT id FROM digest WHERE person_id = $1 ORDER BY id`, h.person(who))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var ids []storage.DigestID
	for rows.Next() {
		var id storage.DigestID
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	out := make([]storage.Digest, len(ids))
	for i, id := range ids {
		if out[i], err = h.DB.Digest(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// said lists the kinds of what a person was told of a key, in order.
func (h *house) said(t testing.TB, who string, id storage.CredentialID) []string {
	t.Helper()
	var out []string
	for _, d := range h.mail(t, who) {
		for _, n := range d.Notices {
			if n.CredentialID == id {
				out = append(out, n.Kind)
			}
		}
	}
	return out
}

// Thirty keys that end within a day of one another are one message, and what
// comes up until tomorrow is in it.
func TestManyKeysAreOneDigest(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 50, Live: 50}
	h := openWith(t, d, nil)
	var ids []storage.CredentialID
	for i := range 30 {
		ids = append(ids, h.held(t, "alice", ofTempo("files:read", 30*day+Duration(i)*Duration(time.Minute))).ID)
	}
	other := h.held(t, "bob", ofTempo("files:read", 30*day))
	_ = h.told(t)
	h.sweepAt(t, 23*24*time.Hour-time.Minute)
	if n := len(h.mail(t, "alice")); n != 0 {
		t.Fatalf("before the first rung: %d digests", n)
	}
	for range 3 {
		h.sweepAt(t, 23*24*time.Hour+time.Minute)
	}
	for range 24 {
		h.sweepAt(t, 23*24*time.Hour+time.Hour)
	}
	mail := h.mail(t, "alice")
	if len(mail) != 1 || len(mail[0].Notices) != len(ids) {
		t.Fatalf("%d digests: %+v", len(mail), mail)
	}
	for i, n := range mail[0].Notices {
		if n.CredentialID != ids[i] || n.Kind != storage.NoticeExpiry { // what ends first comes first
			t.Errorf("notice %d is %+v", i, n)
		}
	}
	told := h.told(t)
	if told["digest "+fmt.Sprint(int64(mail[0].ID))] != 1 || len(told) != 2 {
		t.Errorf("jobs: %v", told)
	}
	v, err := h.LookAtDigest(t.Context(), mail[0].ID)
	if err != nil || len(v.Lines) != 30 || v.Person.Name != "alice" {
		t.Fatalf("%+v, %v", v, err)
	}
	if l := v.Lines[0]; !l.Mine || !l.Rotate || !l.Extend || l.Key.Credential.ID != ids[0] || len(l.Kinds) != 1 {
		t.Errorf("%+v", l)
	}
	if got := h.said(t, "bob", other.ID); len(got) != 1 {
		t.Errorf("bob was told %v", got)
	}
	h.sweepAt(t, 29*24*time.Hour+time.Minute)
	h.sweepAt(t, 31*24*time.Hour)
	if mail := h.mail(t, "alice"); len(mail) != 3 || len(mail[1].Notices) != 30 || len(mail[2].Notices) != 30 || mail[2].Notices[0].Kind != storage.NoticeExpired {
		t.Errorf("%d digests at the end: %+v", len(mail), mail)
	}
	h.check(t)
}

// What comes up too soon for tomorrow's message joins today's, which is
// corrected; everything else waits for tomorrow.
func TestWhatCantWaitJoinsTheLastDigest(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Policies[0].NotifyBefore = []Duration{7 * day, Duration(time.Hour)}
	h := openWith(t, d, nil)
	h.held(t, "alice", ofTempo("files:read", 10*day))
	h.sweepAt(t, 3*24*time.Hour+time.Minute)
	if n := len(h.mail(t, "alice")); n != 1 {
		t.Fatalf("%d digests", n)
	}
	short := h.held(t, "alice", ofTempo("people:read", Duration(20*time.Hour))) // made after it
	long := h.held(t, "alice", ofTempo("people:read", 7*day+Duration(time.Hour)))
	_ = h.told(t)
	h.sweepAt(t, 3*24*time.Hour+19*time.Hour+2*time.Minute)
	mail := h.mail(t, "alice")
	if len(mail) != 1 || !slices.Equal(h.said(t, "alice", short.ID), []string{storage.NoticeExpiry}) || h.said(t, "alice", long.ID) != nil {
		t.Fatalf("%+v", mail)
	}
	if told := h.told(t); told["digest "+fmt.Sprint(int64(mail[0].ID))] != 1 {
		t.Errorf("jobs: %v", told)
	}
	h.sweepAt(t, 3*24*time.Hour+21*time.Hour)
	if got := h.said(t, "alice", short.ID); len(h.mail(t, "alice")) != 1 || !slices.Equal(got, []string{storage.NoticeExpiry, storage.NoticeExpired}) {
		t.Errorf("%v", got)
	}
	h.sweepAt(t, 4*24*time.Hour+2*time.Minute)
	if mail := h.mail(t, "alice"); len(mail) != 2 || len(h.said(t, "alice", long.ID)) != 1 {
		t.Errorf("%+v", mail)
	}
}

// waits is a key of which something waits for tomorrow's message.
func (h *house) waits(t *testing.T, who string) storage.Credential {
	t.Helper()
	h.held(t, who, ofTempo("files:read", 10*day))
	h.sweepAt(t, 3*24*time.Hour+time.Minute)
	c := h.held(t, who, ofTempo("people:read", 7*day+Duration(time.Hour)))
	h.sweepAt(t, 3*24*time.Hour+2*time.Hour)
	var n int
	if err := h.DB.Pool().QueryRow(t.Context(), `SELECT count(*) FROM notice WHERE credential_id = $1 AND digest_id IS NULL`, c.ID).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 1 {
		t.Fatalf("%d wait", n)
	}
	return h.credential(t, c.ID)
}

// What waits and comes to nothing meanwhile is not told, and there is no
// message of nothing.
func TestWhatCameToNothingIsNotTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*house, storage.CredentialID) error{
		"let it expire": func(h *house, id storage.CredentialID) error {
			_, err := h.LetExpire(context.Background(), h.people["alice"], id)
			return err
		},
		"given back": func(h *house, id storage.CredentialID) error {
			_, err := h.Revoke(context.Background(), h.people["alice"], id, "")
			return err
		},
		"put off": func(h *house, id storage.CredentialID) error {
			_, err := h.Extend(context.Background(), h.people["alice"], id, 60*day, "for longer", fresh())
			return err
		},
		"brought forward": func(h *house, id storage.CredentialID) error {
			soon := time.Now().Add(5 * 24 * time.Hour)
			_, err := h.Edit(context.Background(), h.people["alice"], id, Edit{ExpiresAt: &soon})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.waits(t, "alice")
			if err := change(h, c.ID); err != nil {
				t.Fatal(err)
			}
			h.sweepAt(t, 4*24*time.Hour+time.Hour)
			if got, mail := h.said(t, "alice", c.ID), h.mail(t, "alice"); got != nil && name != "brought forward" || name != "brought forward" && len(mail) != 1 {
				t.Errorf("told %v in %d digests", got, len(mail))
			}
		})
	}
}

// A manager who gets a message today hears in it what comes up for those who
// can't be told, and nothing that a fresh key replaces.
func TestADigestLooksAhead(t *testing.T) {
	t.Parallel()
	h := open(t)
	mine := h.held(t, "frank", ofTempo("files:read", 10*day))
	away := h.held(t, "alice", ofTempo("files:read", 10*day+Duration(20*time.Hour)))
	replaced := h.held(t, "frank", ofTempo("files:read", 10*day+Duration(10*time.Hour)))
	foreign := h.held(t, "bob", ofTempo("files:read", 10*day+Duration(5*time.Hour)))
	h.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, h.person("alice"), h.person("frank"))
	h.setActive(t, "alice", false)
	if _, err := h.Rotate(t.Context(), h.people["frank"], replaced.ID, RotateAsk{Reason: "it is time"}, fresh()); err != nil {
		t.Fatal(err)
	}
	_ = h.work(t)
	h.sweepAt(t, 3*24*time.Hour+time.Minute)
	for id, want := range map[storage.CredentialID]int{mine.ID: 1, away.ID: 1, replaced.ID: 0, foreign.ID: 0} {
		if got := len(h.said(t, "frank", id)); got != want {
			t.Errorf("of %s frank was told %d times, want %d", id, got, want)
		}
	}
	h.sweepAt(t, 4*24*time.Hour-time.Hour) // its own rung has come and gone
	if n := len(h.said(t, "frank", away.ID)); n != 1 || len(h.mail(t, "frank")) != 1 {
		t.Errorf("told %d times in %d digests", n, len(h.mail(t, "frank")))
	}
}

// Who may let a key expire, and that the rest is silence.
func TestLetItExpire(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.held(t, "alice", ofTempo("files:read", 10*day))
	letExpire := func(who string) error {
		_, err := h.LetExpire(t.Context(), h.people[who], c.ID)
		return err
	}
	for who, rule := range map[string]string{"frank": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest} {
		refused(t, who, letExpire(who), rule)
	}
	h.sweepAt(t, 3*24*time.Hour+time.Minute)
	var both sync.WaitGroup
	for range 4 { // she clicks again and again
		both.Go(func() {
			if err := letExpire("alice2"); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for range 3 {
		h.sweepAt(t, 9*24*time.Hour+time.Minute)
	}
	if got := h.said(t, "alice", c.ID); !slices.Equal(got, []string{storage.NoticeExpiry}) {
		t.Errorf("told %v", got)
	}
	if n := count(h.events(t, c.ID), "credential.let_expire"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	h.sweepAt(t, 10*24*time.Hour+time.Minute)
	if got := h.said(t, "alice", c.ID); !slices.Equal(got, []string{storage.NoticeExpiry, storage.NoticeExpired}) {
		t.Errorf("at its end: told %v", got)
	}
	refused(t, "what is over", letExpire("alice"), RuleDecided)
	k := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	h.sync(t)
	_, err := h.LetExpire(t.Context(), h.people["alice"], h.found(t, k.ID).ID)
	refused(t, "what has no end", err, RuleNotPossible)
}

func count(events []storage.Event, action string) (n int) {
	for _, e := range events {
		if e.Action == action {
			n++
		}
	}
	return n
}
