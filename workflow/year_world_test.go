package workflow

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"latchkey/storage"
)

// What people do in the long run, each at a moment at which all work is done.

// peopleAct has something happen, or nothing.
func (y *year) peopleAct(t *testing.T) {
	t.Helper()
	y.seeWaiting(t)
	if len(y.living()) < 14 && y.rng.IntN(2) == 0 {
		y.someoneAsks(t)
	}
	most := 100
	if y.waiting != nil {
		most = 40
	}
	switch n := y.rng.IntN(most); {
	case n < 9:
		y.someoneExtends(t)
	case n < 16:
		y.someoneLetsExpire(t)
	case n < 19:
		y.someoneGivesBack(t)
	case n < 24:
		y.someoneEdits(t)
	case n < 33:
		y.someoneComesOrGoes(t)
	case n < 35:
		y.someoneHandsOver(t)
	case n < 50:
		y.someoneReviews(t)
	}
}

func (y *year) living() []*yearKey {
	var out []*yearKey
	for _, k := range y.keys {
		if k.died.IsZero() {
			out = append(out, k)
		}
	}
	return out
}

// some picks a living key whose owner is there.
func (y *year) some(suits func(*yearKey) bool) *yearKey {
	all := slices.DeleteFunc(y.living(), func(k *yearKey) bool { return y.absent[k.owner] || !suits(k) })
	if len(all) == 0 {
		return nil
	}
	if i := slices.Index(all, y.waiting); i >= 0 && y.rng.IntN(3) > 0 {
		return all[i]
	}
	return all[y.rng.IntN(len(all))]
}

// seeWaiting remembers a key of which something waits to be told, which is
// when things go wrong.
func (y *year) seeWaiting(t *testing.T) {
	t.Helper()
	var id storage.CredentialID
	err := y.DB.Pool().QueryRow(t.Context(), `SELECT coalesce((SELECT credential_id FROM notice WHERE digest_id IS NULL ORDER BY due_at LIMIT 1), 0)`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	y.waiting = nil
	if i := slices.IndexFunc(y.keys, func(k *yearKey) bool { return k.id == id && k.died.IsZero() }); i >= 0 {
		y.waiting = y.keys[i]
	}
}

func any1(*yearKey) bool { return true }

// lifetime is any that a rule allows, and often a short one.
func (y *year) lifetime(most time.Duration) Duration {
	if y.rng.IntN(3) == 0 {
		most = 60 * time.Hour
	}
	return Duration(time.Duration(y.rng.Int64N(int64(most-2*time.Hour)) + int64(2*time.Hour)).Truncate(time.Second))
}

func (y *year) someoneAsks(t *testing.T) {
	t.Helper()
	who := clerks[y.rng.IntN(len(clerks))]
	if y.rng.IntN(4) == 0 {
		who = "frank"
	}
	if y.absent[who] {
		return
	}
	scope := slices.Sorted(maps.Keys(yearRules))[y.rng.IntN(len(yearRules))]
	rule := yearRules[scope]
	k := &yearKey{owner: who, system: []string{"acme", "tempo", "tempo"}[y.rng.IntN(3)], ladder: rule.ladder, life: rule.life, write: rule.write}
	r := y.submit(t, who, Ask{Connection: k.system, Kind: APIKey, Scopes: []string{scope}, Lifetime: y.lifetime(k.life), Reason: "for the long run"})
	if k.write {
		r = y.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	}
	y.settleNow(t)
	c := y.keyOf(t, r.ID)
	for c.State == storage.CredentialIssuing { // its worker died
		y.move(t, y.now.Add(time.Minute))
		y.settleNow(t)
		c = y.keyOf(t, r.ID)
	}
	k.id, k.born = c.ID, c.ActivatedAt.UTC()
	k.spans = []span{{from: k.born, ends: c.ExpiresAt.UTC()}}
	if c.State != storage.CredentialActive || !k.born.Equal(y.now) || !c.ExpiresAt.Equal(y.now.Add(r.Granted())) {
		t.Fatalf("at %s %s is %s until %s", y.now, c.ID, c.State, c.ExpiresAt)
	}
	if k.collected = y.rng.IntN(12) > 0; k.collected {
		if _, _, err := y.Reveal(t.Context(), y.ticket(t, c.ID), ""); err != nil {
			t.Fatal(err)
		}
	}
	y.keys = append(y.keys, k)
	y.noteWhoIsThere()
}

// turn ends what was known of how a key ends, and begins with another end.
func (y *year) turn(t *testing.T, k *yearKey, ends time.Time, silent bool) {
	t.Helper()
	y.close(t, k)
	k.spans = append(k.spans, span{from: y.now, ends: ends.UTC(), silent: silent})
}

// close notes what was told of a key until now.
func (y *year) close(t *testing.T, k *yearKey) {
	t.Helper()
	last := &k.spans[len(k.spans)-1]
	last.to, last.told = y.now, y.toldOf(t, k.id, storage.NoticeExpiry)
}

func (y *year) dies(t *testing.T, k *yearKey, early bool) {
	t.Helper()
	y.close(t, k)
	k.died, k.revoked = y.now, early
	if end := k.spans[len(k.spans)-1].ends; !early {
		k.died = end
	}
}

func (y *year) someoneExtends(t *testing.T) {
	t.Helper()
	k := y.some(func(k *yearKey) bool { return k.system == "tempo" })
	if k == nil {
		return
	}
	r, err := y.Extend(t.Context(), y.people[k.owner], k.id, y.lifetime(k.life+time.Hour), "more of the long run", fresh())
	if _, refusal := AsRefusal(err); refusal {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if (r.State == storage.RequestPending) != k.write {
		t.Fatalf("the extension %s of %s is %s", r.ID, k.id, r.State)
	}
	y.puttings = append(y.puttings, putting{k, r.ID})
	if !k.write {
		y.extended(t, putting{k, r.ID})
	}
}

// someoneReviews decides on an extension that waits.
func (y *year) someoneReviews(t *testing.T) {
	t.Helper()
	y.puttings = slices.DeleteFunc(y.puttings, func(p putting) bool { return y.request(t, p.id).State != storage.RequestPending })
	if len(y.puttings) == 0 {
		return
	}
	p := y.puttings[y.rng.IntN(len(y.puttings))]
	v := Vote{Decision: storage.Approve}
	switch y.rng.IntN(4) {
	case 0:
		v = Vote{Decision: storage.Deny, Reason: "no"}
	case 1:
		v.Lifetime = y.lifetime(p.key.life)
	}
	y.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	_, err := y.vote("bob", p.id, v)
	if _, refusal := AsRefusal(err); err != nil && !refusal {
		t.Fatal(err)
	}
	if err == nil && v.Decision == storage.Approve {
		y.extended(t, p)
	}
}

// extended follows an approved extension: the key lives longer, within what
// was granted, or the request failed and nothing changed.
func (y *year) extended(t *testing.T, p putting) {
	t.Helper()
	r, c := y.request(t, p.id), y.credential(t, p.key.id)
	was := p.key.spans[len(p.key.spans)-1].ends
	switch r.State {
	case storage.RequestFulfilled:
		if !p.key.died.IsZero() || !c.ExpiresAt.After(was) || c.ExpiresAt.After(y.now.Add(r.Granted())) || r.Granted() > p.key.life {
			t.Fatalf("at %s %s put the end of %s off from %s to %s", y.now, r.ID, c.ID, was, c.ExpiresAt)
		}
		y.turn(t, p.key, c.ExpiresAt, false)
	case storage.RequestFailed:
		if !c.ExpiresAt.Equal(was) || r.StateReason == "" {
			t.Fatalf("%s failed and %s ends at %s, not at %s", r.ID, c.ID, c.ExpiresAt, was)
		}
	default:
		t.Fatalf("%s is %s", r.ID, r.State)
	}
}

func (y *year) someoneLetsExpire(t *testing.T) {
	t.Helper()
	k := y.some(any1)
	if k == nil {
		return
	}
	who := k.owner
	if y.rng.IntN(4) == 0 {
		who = "erin"
	}
	if _, err := y.LetExpire(t.Context(), y.people[who], k.id); err != nil {
		t.Fatal(err)
	}
	y.turn(t, k, k.spans[len(k.spans)-1].ends, true)
}

func (y *year) someoneGivesBack(t *testing.T) {
	t.Helper()
	k := y.some(any1)
	if k == nil {
		return
	}
	who, why := k.owner, ""
	if y.rng.IntN(3) == 0 {
		who, why = "erin", "leaked"
	}
	if _, err := y.Revoke(t.Context(), y.people[who], k.id, why); err != nil {
		t.Fatal(err)
	}
	y.dies(t, k, true)
	y.settleNow(t)
}

// someoneEdits moves an end: the owner forward, an admin either way.
func (y *year) someoneEdits(t *testing.T) {
	t.Helper()
	k := y.some(any1)
	if k == nil {
		return
	}
	was := k.spans[len(k.spans)-1].ends
	who, ends := k.owner, y.now.Add(time.Duration(y.rng.Int64N(int64(was.Sub(y.now))))+time.Second)
	if y.rng.IntN(2) == 0 {
		who, ends = "erin", y.now.Add(time.Duration(y.lifetime(k.life)))
	}
	c, err := y.Edit(t.Context(), y.people[who], k.id, Edit{ExpiresAt: &ends, Reason: "another plan"})
	if _, refusal := AsRefusal(err); refusal {
		if now := y.credential(t, k.id); !now.ExpiresAt.Equal(was) {
			t.Fatalf("refused, and %s ends at %s, not at %s", k.id, now.ExpiresAt, was)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	y.turn(t, k, c.ExpiresAt, false)
}

func (y *year) someoneComesOrGoes(t *testing.T) {
	t.Helper()
	who := comeAndGo[y.rng.IntN(len(comeAndGo))]
	if y.waiting != nil && y.rng.IntN(3) > 0 {
		who = y.waiting.owner
	}
	if !y.absent[who] && len(y.absent) > 2 {
		return
	}
	if y.absent[who] {
		delete(y.absent, who)
	} else {
		y.absent[who] = true
	}
	if y.rng.IntN(2) == 0 || !y.absent[who] {
		y.exec(t, `UPDATE account SET is_deleted = $2 WHERE person_id = $1`, y.person(who), y.absent[who])
	}
	if y.rng.IntN(2) == 0 || !y.absent[who] {
		y.setActive(t, who, !y.absent[who])
	}
	var told bool
	if err := y.DB.Pool().QueryRow(t.Context(), `SELECT p.active AND NOT a.is_deleted FROM person p JOIN account a ON a.person_id = p.id WHERE p.id = $1`, y.person(who)).Scan(&told); err != nil {
		t.Fatal(err)
	}
	if told && y.absent[who] {
		delete(y.absent, who) // neither happened
	}
	if y.rng.IntN(3) == 0 {
		clerk, boss := clerks[y.rng.IntN(len(clerks))], comeAndGo[y.rng.IntN(len(comeAndGo))]
		if clerk != boss {
			y.answersFor(t, boss, clerk)
		}
	}
	y.noteWhoIsThere()
}

// answersFor makes somebody a manager.
func (y *year) answersFor(t *testing.T, boss, of string) {
	t.Helper()
	y.manager[of] = boss
	y.exec(t, `UPDATE person SET manager_id = $2 WHERE id = $1`, y.person(of), y.person(boss))
}

func (y *year) someoneHandsOver(t *testing.T) {
	t.Helper()
	k, to := y.some(any1), clerks[y.rng.IntN(len(clerks))]
	if k == nil || y.absent[to] || to == k.owner {
		return
	}
	y.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	if _, err := y.HandOver(t.Context(), y.people["erin"], k.id, y.person(to), "another team"); err != nil {
		t.Fatal(err)
	}
	k.owner = to
	y.noteWhoIsThere()
}

// noteWhoIsThere remembers who is to hear of what from now on.
func (y *year) noteWhoIsThere() {
	p := presence{y.now, maps.Clone(y.absent), maps.Clone(y.manager), map[storage.CredentialID]string{}}
	for _, k := range y.keys {
		p.owner[k.id] = k.owner
	}
	y.presence = append(y.presence, p)
}

// hears is whom to tell of a key.
func (p presence) hears(k *yearKey) []string {
	owner := p.owner[k.id]
	if !p.absent[owner] {
		return []string{owner}
	}
	if boss := p.manager[owner]; boss != "" && !p.absent[boss] {
		return []string{boss}
	}
	return slices.DeleteFunc(slices.Clone(answerable[k.system]), func(name string) bool { return p.absent[name] })
}

// toldOf is what was told of a key, in digests.
func (y *year) toldOf(t *testing.T, id storage.CredentialID, kind string) map[yearNotice]int {
	t.Helper()
	rows, err := y.DB.Pool().Query(context.Background(), `
		SELECT n.due_at, p.name FROM notice n JOIN digest d ON d.id = n.digest_id AND d.person_id = n.person_id JOIN person p ON p.id = n.person_id
		WHERE n.credential_id = $1 AND n.kind = $2`, id, kind)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[yearNotice]int{}
	for rows.Next() {
		var n yearNotice
		if err := rows.Scan(&n.due, &n.whom); err != nil {
			t.Fatal(err)
		}
		n.due = n.due.UTC()
		out[n]++
	}
	return out
}
