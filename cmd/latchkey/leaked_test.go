package main

import (
	"strings"
	"testing"
)

func TestReadLeaked(t *testing.T) {
	t.Parallel()
	got, err := readLeaked(strings.NewReader("ghp_one\n\n  github_pat_two  \r\n"))
	if err != nil || len(got) != 2 || got[0].Expose() != "ghp_one" || got[1].Expose() != "github_pat_two" {
		t.Errorf("got %d, %v", len(got), err)
	}
	for name, in := range map[string]string{
		"nothing":      "\n \n",
		"a long line":  strings.Repeat("x", maxLeakedLine+1),
		"too many":     strings.Repeat("t\n", maxLeaked+1),
		"no lines yet": "",
	} {
		if got, err := readLeaked(strings.NewReader(in)); err == nil {
			t.Errorf("%s: %d credentials, no error", name, len(got))
		} else if strings.Contains(err.Error(), "xxx") {
			t.Errorf("%s: the error quotes the input", name)
		}
	}
}
