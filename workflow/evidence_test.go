package workflow

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// aPack makes a pack about the last hours of a house, in memory.
func (h *house) aPack(t testing.TB, ask EvidenceAsk) (Evidence, fstest.MapFS) {
	t.Helper()
	now, err := h.DB.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ask.From.IsZero() {
		ask.From = now.Add(-time.Hour)
	}
	if ask.To.IsZero() {
		ask.To = now.Add(time.Hour)
	}
	folder := fstest.MapFS{}
	pack, err := h.EvidencePack(t.Context(), h.people["erin"], ask, inMemory(folder))
	if err != nil {
		t.Fatal(err)
	}
	return pack, folder
}

func inMemory(folder fstest.MapFS) func(string) (io.WriteCloser, error) {
	return func(name string) (io.WriteCloser, error) { return &memoryFile{folder: folder, name: name}, nil }
}

// memoryFile is there once it is closed.
type memoryFile struct {
	bytes.Buffer

	folder fstest.MapFS
	name   string
}

// Close implements io.Closer.
func (f *memoryFile) Close() error {
	f.folder[f.name] = &fstest.MapFile{Data: f.Bytes()}
	return nil
}

// aYear is a house in which all that a pack tells of has happened once or more.
func aYear(t testing.TB) *house {
	t.Helper()
	h := openWith(t, houseDocument(), nil)
	native, ours := h.active(t, "alice"), h.brokeredKey(t, "frank")
	h.seed(fake.Key{Owner: mailOf("dana"), Scopes: []string{"files:write"}})
	h.sync(t)
	denied := h.submit(t, "bob", write())
	h.mustVote(t, "carol", denied.ID, Vote{Decision: storage.Deny, Reason: "not <needed>"})
	rotated, err := h.Rotate(t.Context(), h.people["frank"], ours.ID, RotateAsk{Reason: "it is time"}, fresh())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Issue(t.Context(), rotated.New.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), h.people["erin"], native.ID, "the contract ended"); err != nil {
		t.Fatal(err)
	}
	h.active(t, "bob")
	h.settle(t)
	h.gone(t, "bob")
	h.finish(t)
	return h
}

func countOf(t testing.TB, all []EvidencePopulation, name string) int64 {
	t.Helper()
	for _, p := range all {
		if p.Name == name {
			return p.Count
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// A pack has what happened, and an auditor who has nothing else finds it whole.
func TestEvidenceTellsWhatHappened(t *testing.T) {
	t.Parallel()
	h := aYear(t)
	pack, folder := h.aPack(t, EvidenceAsk{Seed: "2026"})
	for name, want := range map[string]int64{"grants": 3, "rotations": 1, "terminations": 2, "offboardings": 1, "denied": 1, "lapsed": 0, "campaigns": 0} {
		if got := countOf(t, pack.Populations, name); got != want {
			t.Errorf("%d %s, want %d", got, name, want)
		}
	}
	for name, want := range map[string]int64{"unmanaged": 1, "self-approvals": 0, "too-few-approvals": 0, "orphans": 0, "open-offboardings": 0} {
		if got := countOf(t, pack.Exceptions, name); got != want {
			t.Errorf("%d %s, want %d", got, name, want)
		}
	}
	if pack.Revoking.Count != 2 || pack.Revoking.Confirmed != 2 || pack.Leaving.Count != 1 || pack.Leaving.Confirmed != 1 {
		t.Errorf("revoking %+v, leaving %+v", pack.Revoking, pack.Leaving)
	}
	if len(pack.Samples) != 6 || pack.Log.Events == 0 || pack.Log.Proofs == 0 || len(pack.Policies) != 1 || pack.Policies[0].Requests == 0 {
		t.Errorf("%d samples, log %+v, policies %+v", len(pack.Samples), pack.Log, pack.Policies)
	}
	ended := slices.IndexFunc(pack.Samples, func(i EvidenceItem) bool { return i.Population == "terminations" && i.Owner == "alice" })
	item := pack.Samples[ended]
	if len(item.Receipts) == 0 || item.Receipts[0].Liveness != storage.LivenessDead || item.Request == nil || item.Request.Requester != "alice" ||
		len(item.Request.Steps) != 1 || item.Request.Steps[0].Reviews[0].Reviewer != "carol" || item.Request.Policy == "" || len(item.Events) < 5 {
		t.Errorf("%+v", item)
	}
	admins := slices.IndexFunc(pack.Groups, func(g EvidenceGroup) bool { return g.Admins })
	if g := pack.Groups[admins]; g.Name != "it-admins" || len(g.Members) != 2 || g.Members[0].Since == nil { // bob left
		t.Errorf("%+v", g)
	}

	check, err := CheckEvidence(folder, auditlog.Known{Public: pack.Public})
	if err != nil || len(check.Problems) > 0 || check.Believed || check.Files != len(folder) {
		t.Errorf("%v, %v, believed %t", check.Problems, err, check.Believed)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(folder[evidenceSums].Data)), "\n") {
		sum, name, _ := strings.Cut(line, "  ")
		if got := sha256.Sum256(folder[name].Data); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s does not have the hash of %s", name, evidenceSums)
		}
	}
	page := string(folder[evidencePage].Data)
	for _, want := range []string{"the contract ended", "not &lt;needed&gt;", "nothing was found", "it-admins"} {
		if want != "not &lt;needed&gt;" && !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "<needed>") || strings.Contains(page, "<script") {
		t.Error("what people wrote is markup on the page")
	}
}

// The seed alone decides who is in a sample.
func TestEvidenceIsDrawnAgain(t *testing.T) {
	t.Parallel()
	h := aYear(t)
	idsOf := func(e Evidence) (out []string) {
		for _, i := range e.Samples {
			out = append(out, i.Population+" "+i.ID)
		}
		return out
	}
	one, _ := h.aPack(t, EvidenceAsk{Seed: "seven", Sample: 2})
	again, _ := h.aPack(t, EvidenceAsk{Seed: "seven", Sample: 2})
	if a, b := idsOf(one), idsOf(again); !slices.Equal(a, b) || len(a) != 5 {
		t.Errorf("%v and %v", a, b)
	}
	random, folder := h.aPack(t, EvidenceAsk{})
	if random.Seed == "" || random.SampleSize != EvidenceSample {
		t.Errorf("seed %q, size %d", random.Seed, random.SampleSize)
	}
	if check, err := CheckEvidence(folder, auditlog.Known{}); err != nil || len(check.Problems) > 0 || !check.Believed {
		t.Error(check.Problems, err)
	}
}

// The rule of the draw is the one that the page gives in the words of a shell.
func TestEvidenceSampleIsThatOfTheTickets(t *testing.T) {
	t.Parallel()
	type entry struct{ ticket, name string }
	var all []entry
	forward, backward := &sampler{seed: "s", population: "grants", size: 25}, &sampler{seed: "s", population: "grants", size: 25}
	for i := range 1000 {
		name := fmt.Sprintf("TK-%04d", i)
		sum := sha256.Sum256([]byte("s\ngrants\n" + name + "\n"))
		all = append(all, entry{hex.EncodeToString(sum[:]), name})
		forward.offer(int64(i), name)
		backward.offer(int64(999-i), fmt.Sprintf("TK-%04d", 999-i))
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.ticket, b.ticket) })
	one, other := forward.sample(), backward.sample()
	for i, want := range all[:25] {
		if one[i].name != want.name || other[i].name != want.name {
			t.Errorf("ticket %d is that of %s and %s, want %s", i, one[i].name, other[i].name, want.name)
		}
	}
	if len(one) != 25 || len((&sampler{size: 3}).sample()) != 0 {
		t.Errorf("%d drawn", len(one))
	}
}

// Whatever is changed in a pack, the check finds it and names the file.
func TestEvidenceShowsEveryChange(t *testing.T) {
	t.Parallel()
	h := aYear(t)
	pack, folder := h.aPack(t, EvidenceAsk{Seed: "2026"})
	known := auditlog.Known{Public: pack.Public}
	found := func(change func(fstest.MapFS)) []string {
		spoiled := fstest.MapFS{}
		for name, file := range folder {
			spoiled[name] = &fstest.MapFile{Data: slices.Clone(file.Data)}
		}
		change(spoiled)
		check, err := CheckEvidence(spoiled, known)
		if err != nil {
			return []string{err.Error()}
		}
		return check.Problems
	}
	if problems := found(func(fstest.MapFS) {}); len(problems) > 0 {
		t.Fatalf("nothing was changed: %v", problems)
	}
	for _, name := range slices.Sorted(maps.Keys(folder)) {
		size := len(folder[name].Data)
		for _, at := range []int{0, size / 3, size / 2, size - 1} {
			if size == 0 {
				continue
			}
			problems := found(func(f fstest.MapFS) { f[name].Data[at] ^= 1 })
			if !strings.Contains(strings.Join(problems, "\n"), name) {
				t.Errorf("%s was changed at byte %d: %q", name, at, problems)
			}
		}
		if problems := found(func(f fstest.MapFS) { delete(f, name) }); !strings.Contains(strings.Join(problems, "\n"), name) {
			t.Errorf("%s was taken away: %q", name, problems)
		}
	}
	if problems := found(func(f fstest.MapFS) { f["more.txt"] = &fstest.MapFile{Data: []byte("x")} }); len(problems) != 1 {
		t.Errorf("a file was added: %q", problems)
	}
	other, _, err := auditlog.NewSigner("another.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	problems := found(func(f fstest.MapFS) { // all of it made anew, and signed with a key of the forger's own
		sum := sha256.Sum256(f[evidenceManifest].Data)
		note, err := auditlog.SignStatement(other, statementKind, "sha256 "+hex.EncodeToString(sum[:]))
		if err != nil {
			t.Error(err)
		}
		f[evidenceNote].Data = []byte(note)
	})
	if !strings.Contains(strings.Join(problems, "\n"), evidenceNote) {
		t.Errorf("another key signed it: %q", problems)
	}
}

// What must never happen shows as soon as somebody makes it happen past us.
func TestEvidenceShowsWhatMustNotBe(t *testing.T) {
	t.Parallel()
	h := open(t)
	c, orphan := h.active(t, "alice"), h.active(t, "frank")
	h.exec(t, `UPDATE review SET reviewer_id = $1 WHERE request_id = $2`, h.person("alice"), c.RequestID)
	h.exec(t, `UPDATE review SET voided_at = now() WHERE request_id = $1`, orphan.RequestID)
	h.exec(t, `UPDATE person SET active = false WHERE id = $1`, h.person("frank"))
	pack, folder := h.aPack(t, EvidenceAsk{Seed: "1"})
	for name, id := range map[string]string{"self-approvals": c.RequestID.String(), "too-few-approvals": orphan.ID.String(), "orphans": orphan.ID.String()} {
		i := slices.IndexFunc(pack.Exceptions, func(x EvidencePopulation) bool { return x.Name == name })
		if x := pack.Exceptions[i]; x.Count != 1 || !x.Clean || x.Rows[0].ID != id || string(folder[x.File].Data) != id+"\n" {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if page := string(folder[evidencePage].Data); !strings.Contains(page, "Something was found that must never happen: self-approvals, too few approvals, orphaned keys.") {
		t.Error("the page does not say so at its beginning")
	}
}

// Evidence is for admins and for keys that may read the log, of periods that
// make sense.
func TestEvidenceIsForAdmins(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.active(t, "alice")
	now := time.Now()
	ask := EvidenceAsk{From: now.Add(-time.Hour), To: now.Add(time.Hour)}
	folder := fstest.MapFS{}
	_, err := h.EvidencePack(t.Context(), h.people["alice"], ask, inMemory(folder))
	refused(t, "alice", err, RuleAdminOnly)
	for name, ask := range map[string]EvidenceAsk{
		"no beginning": {To: now}, "no time": {From: now, To: now.Add(-time.Minute)}, "the future": {From: now.Add(24 * time.Hour), To: now.Add(48 * time.Hour)},
		"too many": {From: ask.From, To: ask.To, Sample: maxEvidenceSample + 1}, "a seed that is none": {From: ask.From, To: ask.To, Seed: "'; rm"},
	} {
		_, err := h.EvidencePack(t.Context(), h.people["erin"], ask, inMemory(folder))
		refused(t, name, err, RuleNotPossible)
	}
	if len(folder) != 0 {
		t.Errorf("%d files were made", len(folder))
	}
	broken := func(name string) (io.WriteCloser, error) { return nil, fmt.Errorf("no room for %s", name) }
	if _, err := h.EvidencePack(t.Context(), h.people["erin"], ask, broken); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("%v", err)
	}
}

// A period without anything has a pack too.
func TestEvidenceOfNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.active(t, "alice")
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	pack, folder := h.aPack(t, EvidenceAsk{From: from, To: from.AddDate(1, 0, 0), Seed: "x"})
	check, err := CheckEvidence(folder, auditlog.Known{Public: pack.Public})
	if err != nil || len(check.Problems) > 0 || len(pack.Samples) != 0 || pack.Log.Events != 0 {
		t.Errorf("%v, %v, %+v", check.Problems, err, pack.Log)
	}
}

// A pack is of one tree, also when more happens while it is made.
func TestEvidenceWhileMoreHappens(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.active(t, "alice")
	h.sequenced(t, 1)
	before, err := h.DB.LatestCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, since := range map[string]time.Duration{"from before": -time.Hour, "from now on": 0} {
		now, err := h.DB.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		folder, once := fstest.MapFS{}, sync.Once{}
		pack, err := h.EvidencePack(t.Context(), h.people["erin"], EvidenceAsk{From: now.Add(since), To: now.Add(time.Hour)}, func(name string) (io.WriteCloser, error) {
			once.Do(func() { h.sequenced(t, 3) })
			return inMemory(folder)(name)
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check, err := CheckEvidence(folder, auditlog.Known{Public: pack.Public})
		if err != nil || len(check.Problems) > 0 || pack.Log.To > pack.Log.Size || pack.Log.Size < before.Size {
			t.Errorf("%s: %v, %v, %+v", name, check.Problems, err, pack.Log)
		}
	}
}

// What was erased stays provable in a pack that is made later.
func TestEvidenceAfterErasure(t *testing.T) {
	t.Parallel()
	h := aYear(t)
	h.aPack(t, EvidenceAsk{Seed: "1"}) // everything has its place
	h.in(t, func(ctx context.Context, tx storage.Tx) error {
		n, err := tx.EraseAudit(ctx, h.person("alice"), storage.System("test"), "she asked for it", 1000)
		if n == 0 {
			t.Error("nothing was erased")
		}
		return err
	})
	pack, folder := h.aPack(t, EvidenceAsk{Seed: "1"})
	check, err := CheckEvidence(folder, auditlog.Known{Public: pack.Public})
	if err != nil || len(check.Problems) > 0 || pack.Log.Erased == 0 {
		t.Errorf("%v, %v, %d erased", check.Problems, err, pack.Log.Erased)
	}
}
