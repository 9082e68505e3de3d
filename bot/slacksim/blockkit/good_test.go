package blockkit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/bot/slacksim/blockkit"
)

// validators are the doors of the package by the first word of a testdata file.
func validators() map[string]func([]byte) []blockkit.Problem {
	return map[string]func([]byte) []blockkit.Problem{
		"message":    blockkit.ValidateMessage,
		"modal":      blockkit.ValidateModal,
		"home":       blockkit.ValidateHome,
		"suggestion": blockkit.ValidateSuggestion,
		"ack":        blockkit.ValidateAck,
		"manifest":   blockkit.ValidateManifest,
	}
}

func TestGoodDocuments(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, path := range goodFiles(t) {
		door, _, _ := strings.Cut(filepath.Base(path), "_")
		covered[door] = true
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			doc := read(t, path)
			if problems := validators()[door](doc); len(problems) > 0 {
				t.Errorf("%s: unexpected problems:\n%s", path, cmp.Diff([]blockkit.Problem(nil), problems))
			}
		})
	}
	for door := range validators() {
		if !covered[door] {
			t.Errorf("no good document for %s", door)
		}
	}
}

// A document of one kind must not pass as another.
func TestKindsAreToldApart(t *testing.T) {
	t.Parallel()
	modal := read(t, "testdata/good/modal_loading.json")
	home := read(t, "testdata/good/home_lists.json")
	for name, problems := range map[string][]blockkit.Problem{
		"modal as home":    blockkit.ValidateHome(modal),
		"home as modal":    blockkit.ValidateModal(home),
		"home as message":  blockkit.ValidateMessage(home),
		"modal as message": blockkit.ValidateMessage(modal),
	} {
		if len(problems) == 0 {
			t.Errorf("%s: no problem found", name)
		}
	}
}

func goodFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/good/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("list good documents: %v, %d files", err, len(files))
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read document: %v", err)
	}
	return doc
}
