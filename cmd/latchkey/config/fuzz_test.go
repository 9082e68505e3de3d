package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/cmd/latchkey/config"
	"latchkey/workflow"
)

// FuzzParse asks that no file makes Parse panic, that every problem has a
// place and words, and that no value of the environment gets into them.
func FuzzParse(f *testing.F) {
	f.Add(string(config.Example))
	f.Add(located)
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	const hidden = "hidden-by-the-environment"
	everything := func(string) (string, bool) { return hidden, true }
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, hidden) {
			t.Skip()
		}
		c, err := config.Parse("f", []byte(text), everything, kinds())
		if err == nil {
			_, found := workflow.Compile(c.Policy)
			err = c.Explain(found)
			if got := c.Locate("policies[0].when"); !strings.HasPrefix(got, "f:") {
				t.Errorf("located at %q", got)
			}
		}
		if err == nil {
			return
		}
		var p *config.Problems
		if !errors.As(err, &p) {
			t.Fatalf("got %v, want *Problems", err)
		}
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("a message has a value of the environment:\n%v", err)
		}
		for _, one := range p.List {
			if one.Line < 1 || one.Column < 1 || one.Message == "" {
				t.Errorf("a problem without place or words: %+v", one)
			}
		}
	})
}
