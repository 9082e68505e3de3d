package workflow

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"latchkey/storage/auditlog"
)

// FuzzCheckEvidence reads packs that nobody made: none is whole, and none
// stops the check.
func FuzzCheckEvidence(f *testing.F) {
	_, public, err := auditlog.NewSigner("latchkey.example.com/audit")
	if err != nil {
		f.Fatal(err)
	}
	e := evidenceFixture()
	e.Public = public
	evidence, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	manifest, err := json.Marshal(evidenceManifestOf{Format: manifestFormat, Origin: e.Origin, MadeAt: e.MadeAt, Files: []evidenceFileSum{{Name: evidenceAll}, {Name: "../x"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest, evidence, []byte("note"), []byte("TK-0001\n"))
	f.Add([]byte("{}"), []byte("{}"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, manifest, evidence, note, other []byte) {
		folder := fstest.MapFS{}
		for name, data := range map[string][]byte{evidenceManifest: manifest, evidenceAll: evidence, evidenceNote: note, evidenceAudit: other, evidenceProofs: other,
			"populations/grants.txt": other} {
			folder[name] = &fstest.MapFile{Data: data}
		}
		if check, err := CheckEvidence(folder, auditlog.Known{}); err == nil && len(check.Problems) == 0 {
			t.Error("a pack that nobody signed is whole")
		}
	})
}
