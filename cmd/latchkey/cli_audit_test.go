package main

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/secret"
	"latchkey/storage"
)

// audited is a site whose log has something in it, and what an auditor kept
// of that.
type audited struct {
	*site
	db     *storage.DB
	signer storage.AuditSigner
	dir    string
	kept   string // file with a checkpoint of the first 40 events
	public string
	key    string // Frank's credential
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	a := &audited{site: newSite(t), dir: t.TempDir()}
	if got := a.run(t, "migrate"); got.status != 0 {
		t.Fatal(got.err)
	}
	a.db = openedDB(t, a.env["DATABASE_URL"])
	a.exec(t, `INSERT INTO data_key (id, sealed) VALUES (1, '\x00')`)
	box, err := secret.NewBox(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if a.signer, err = a.db.AuditSigner(t.Context(), storage.Keyring{ID: 1, Box: box}, "latchkey.example.com/audit"); err != nil {
		t.Fatal(err)
	}
	a.public, a.key = a.signer.Public, storage.CredentialID(7).String()
	a.exec(t, `INSERT INTO person (email, name) VALUES ('frank@example.com', 'Frank Fuller')`)
	a.happen(t, 40)
	c, err := a.db.LatestCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.kept = a.file("kept.txt")
	if err := os.WriteFile(a.kept, []byte(c.Note), 0o600); err != nil {
		t.Fatal(err)
	}
	a.happen(t, 60)
	return a
}

func (a *audited) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := a.db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// happen records events of the year 2026, an hour apart, a quarter of them by
// Frank, and gives them their place.
func (a *audited) happen(t *testing.T, n int) {
	t.Helper()
	a.exec(t, `
		INSERT INTO audit_event (at, actor_id, actor, action, subject, subject_id, before, after, reason)
		SELECT timestamptz '2026-03-01Z' + (had.n + g) * interval '1 hour', CASE WHEN g % 4 = 0 THEN p.id END, CASE WHEN g % 4 = 0 THEN p.name ELSE 'system: sweep' END,
			'credential.suspended', 'credential', g % 10, 'active', 'suspended', '=why ' || g
		FROM generate_series(1, $1::int) g, person p, (SELECT count(*) AS n FROM audit_event) had`, n)
	if placed, err := storage.NewSequencer(a.db).Next(context.Background(), a.signer.Open, a.signer.Sign, 1000); err != nil || placed != n {
		t.Fatal(placed, err)
	}
}

func (a *audited) file(name string) string { return filepath.Join(a.dir, name) }

// verify runs without a configuration: an auditor has none.
func (a *audited) verify(t *testing.T, args ...string) ran {
	t.Helper()
	return latchkey(t.Context(), nil, append([]string{"audit", "verify"}, args...)...)
}

func TestAuditExportAndVerify(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	if got := a.run(t, "audit", "key"); got.out != a.public+"\n" || got.status != 0 {
		t.Errorf("key: %+v", got)
	}
	file := a.file("export.jsonl")
	export := []string{"audit", "export", "--from", "2026-03-01", "--to", "2026-03-04T06:00:00Z", "-o", file}
	if got := a.run(t, export...); got.status != 0 || got.out != "" || !strings.Contains(got.err, "77 events in "+file) {
		t.Fatalf("export: %+v", got)
	}
	whole := read(t, file)

	got := a.verify(t, file, "--key", a.public, "--checkpoint", a.kept)
	for _, want := range []string{"Verified: 77 events of latchkey.example.com/audit, all from position 0 to 76.\n", "from 2026-03-01T01:00:00Z",
		"the log of 100 events", "extends the checkpoint of 40 events that you kept.\n"} {
		if want = strings.ReplaceAll(want, "from 2026-03-01T01", "of 2026-03-01T01"); got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("verify: %+v, want %q", got, want)
		}
	}
	if strings.Contains(got.out, "WARNING") {
		t.Errorf("a warning: %s", got.out)
	}
	if got := a.verify(t, file); got.status != 0 || !strings.Contains(got.out, "WARNING: the key was taken from the file itself.") || !strings.Contains(got.out, a.public) {
		t.Errorf("verify without a key: %+v", got)
	}

	// The file is not overwritten; cut off anywhere, it is continued.
	if got := a.run(t, export...); got.status != 1 || !strings.Contains(got.err, "--resume goes on with it") {
		t.Errorf("again: %+v", got)
	}
	a.happen(t, 5)
	for _, left := range []int{0, 100, len(whole) / 2, len(whole) - 1, len(whole)} {
		write(t, file, whole[:left])
		if left > 0 && left < len(whole) {
			if got := a.verify(t, file); got.status != 1 {
				t.Errorf("the first %d bytes verify: %+v", left, got)
			}
		}
		if got := a.run(t, append(export, "--resume")...); got.status != 0 || read(t, file) != whole {
			t.Errorf("resumed after %d bytes: %+v", left, got)
		}
	}
	write(t, file, strings.Replace(whole, "=why 3", "=why 8", 1))
	if got := a.run(t, append(export, "--resume")...); got.status != 1 || !strings.Contains(got.err, "is not the beginning of this export") {
		t.Errorf("resumed a changed file: %+v", got)
	}
	if got := a.verify(t, file); got.status != 1 || !strings.Contains(got.err, file+" does not verify: position 2: the event was changed") {
		t.Errorf("verify a changed file: %+v", got)
	}
	for _, args := range [][]string{{"--from", "yesterday"}, {"--format", "xml"}} {
		if got := a.run(t, append([]string{"audit", "export"}, args...)...); got.status != 2 {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := a.run(t, "audit", "export", "--resume"); got.status != 1 || !strings.Contains(got.err, "--resume goes with --output") {
		t.Errorf("%+v", got)
	}
}

// The other forms are for reading; CSV is safe in a spreadsheet.
func TestAuditExportForms(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	got := a.run(t, "audit", "export", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || len(rows) != 101 || rows[1][13] != "'=why 1" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if got := a.run(t, "audit", "export", "--format", "ocsf"); strings.Count(got.out, "\n") != 100 || !strings.Contains(got.out, `"class_uid"`) {
		t.Errorf("ocsf: %+v", got)
	}
	if got := a.verify(t, a.kept); got.status != 1 || !strings.Contains(got.err, "not a file that `latchkey audit export --format jsonl` or `latchkey audit prove` wrote") {
		t.Errorf("verify something else: %+v", got)
	}
	// What happened since a checkpoint was kept, proven to extend it.
	late := a.run(t, "audit", "export", "--from", "2026-03-03", "--since-checkpoint", a.kept)
	write(t, a.file("late.jsonl"), late.out)
	if got := a.verify(t, a.file("late.jsonl"), "--checkpoint", a.kept); got.status != 0 || !strings.Contains(got.out, "all from position 47 to 99") || !strings.Contains(got.out, "that you kept") {
		t.Errorf("since a checkpoint: %+v, %s", got, late.err)
	}
}

func TestAuditProve(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for id, want := range map[string]string{a.key: "Verified: 10 single events of", "17": "Verified: 1 single event of"} {
		proof := a.run(t, "audit", "prove", id, "--since-checkpoint", a.kept)
		name := a.file("proof-" + id)
		write(t, name, proof.out)
		if got := a.verify(t, name, "--key", a.public, "--checkpoint", a.kept); got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("%s: %+v, %s", id, got, proof.err)
		}
		write(t, name, strings.Replace(proof.out, "credential.suspended", "credential.resumed", 1))
		if got := a.verify(t, name, "--key", a.public); got.status != 1 || !strings.Contains(got.err, "the event was changed") {
			t.Errorf("%s, changed: %+v", id, got)
		}
	}
	for id, want := range map[string]string{"9999": "nothing is in the log of 9999", "frank": "neither the number of an event nor an ID"} {
		if got := a.run(t, "audit", "prove", id); got.status != 1 || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v", id, got)
		}
	}
}

func TestAuditErase(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	before := a.run(t, "audit", "export", "--to", "2026-04-01").out
	erase := []string{"audit", "erase", "Frank@example.com", "--reason", "asked for it"}
	if got := a.run(t, erase...); got.status != 0 || !strings.Contains(got.out, "25 events about Frank@example.com with texts, and 0 without. Nothing was done") {
		t.Errorf("a dry run: %+v", got)
	}
	if a.run(t, "audit", "export", "--to", "2026-04-01").out != before {
		t.Error("a dry run changed something")
	}
	if got := a.run(t, append(erase, "--yes")...); got.status != 0 || !strings.Contains(got.out, "Erased the texts of 25 events. The log says so, and why.") {
		t.Errorf("%+v", got)
	}
	after := a.run(t, "audit", "export", "--to", "2026-04-01").out
	if strings.Contains(after, "Fuller") || !strings.Contains(before, "Fuller") {
		t.Error("the name is still there")
	}
	for name, text := range map[string]string{"before": before, "after": after} {
		write(t, a.file(name), text)
		if got := a.verify(t, a.file(name), "--key", a.public, "--checkpoint", a.kept); got.status != 0 || strings.Contains(got.out, "The texts of 25 were erased") != (name == "after") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := a.run(t, "audit", "erase", "nobody@example.com", "--reason", "x"); got.status != 1 || !strings.Contains(got.err, "nobody here has the address") {
		t.Errorf("%+v", got)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
