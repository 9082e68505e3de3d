package bot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/bot/slacksim/blockkit"
)

func TestManifest(t *testing.T) {
	t.Parallel()
	got, err := Manifest("/tokens", "Latchkey")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range blockkit.ValidateManifest(got) {
		t.Errorf("%s: %s", p.Pointer, p.Message)
	}
	path := filepath.Join("testdata", "view", "manifest.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestManifestIsValidForWhateverIsAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, name string }{
		{"/keys", "Keys & <Tokens>"}, {"/a-b_1", "  Latchkey\u202e  "}, {"/" + "abcdefghijklmnopqrstuvwxyz01234", "A name of thirty-five characters..."}, {"/x", "Schlüssel 漢"},
	} {
		got, err := Manifest(c.command, c.name)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		for _, p := range blockkit.ValidateManifest(got) {
			t.Errorf("%+v: %s: %s", c, p.Pointer, p.Message)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command, name string
		want          error
	}{
		{"tokens", "Latchkey", ErrCommand}, {"/", "Latchkey", ErrCommand}, {"/To kens", "Latchkey", ErrCommand}, {"", "Latchkey", ErrCommand},
		{"/abcdefghijklmnopqrstuvwxyz012345", "Latchkey", ErrCommand},
		{"/tokens", "", ErrAppName}, {"/tokens", "\u200b", ErrAppName}, {"/tokens", "漢字", ErrAppName}, {"/tokens", "A name of more than thirty-five characters", ErrAppName},
	} {
		if _, err := Manifest(c.command, c.name); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c, err, c.want)
		}
	}
}
