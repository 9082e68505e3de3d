//go:build unix

package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// installation makes a folder of programs that say they are that version; a
// body other than empty replaces what they do.
func installation(t *testing.T, dir, version, body string) string {
	t.Helper()
	if body == "" {
		body = `echo "$(basename "$0") (PostgreSQL) ` + version + `"`
	}
	for _, name := range []string{"initdb", "postgres"} {
		script(t, filepath.Join(dir, name), body)
	}
	return dir
}

func script(t *testing.T, path, body string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err != nil {
		t.Fatal(err)
	}
	err = os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755)
	if err != nil {
		t.Fatal(err)
	}
}

// lookIn returns a search that knows nothing of this machine.
func lookIn(pgBin string, path []string, places ...string) search {
	env := map[string]string{"PG_BIN": pgBin, "PATH": strings.Join(path, string(filepath.ListSeparator))}
	return search{getenv: func(name string) string { return env[name] }, places: places}
}

func TestFindOrder(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	installation(t, at("named/bin"), "18devel", "")
	installation(t, at("path/bin"), "16.3 (Debian 16.3-1)", "")
	installation(t, at("lib/9/bin"), "9.6.24", "")
	installation(t, at("lib/15/bin"), "15.8", "")
	installation(t, at("lib/17/bin"), "17.1", "")
	installation(t, at("broken"), "", "exit 1")
	installation(t, at("mute"), "", "true")
	script(t, at("half/postgres"), "echo 'postgres (PostgreSQL) 16.1'")
	script(t, at("config/pg_config"), "echo "+at("lib/15/bin"))
	links := at("links")
	err := os.MkdirAll(links, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	err = os.Symlink(at("path/bin/postgres"), filepath.Join(links, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	err = os.MkdirAll(at("dangling"), 0o755)
	if err != nil {
		t.Fatal(err)
	}
	err = os.Symlink(at("nowhere"), at("dangling/postgres"))
	if err != nil {
		t.Fatal(err)
	}
	lib := at("lib/*/bin")

	tests := map[string]struct {
		give  search
		major int
		want  string
	}{
		"PG_BIN before all":            {lookIn(at("named/bin"), []string{at("path/bin")}, lib), 0, "named/bin"},
		"PATH before places":           {lookIn("", []string{at("path/bin")}, lib), 0, "path/bin"},
		"newest place first":           {lookIn("", nil, lib), 0, "lib/17/bin"},
		"the version that is asked":    {lookIn("", []string{at("path/bin")}, lib), 15, "lib/15/bin"},
		"pg_config before places":      {lookIn("", []string{at("config")}, lib), 0, "lib/15/bin"},
		"a link into an installation":  {lookIn("", []string{links}), 0, "path/bin"},
		"a dangling link hides none":   {lookIn("", []string{at("dangling"), at("path/bin")}), 0, "path/bin"},
		"a broken wrapper hides none":  {lookIn("", []string{at("broken"), at("mute")}, lib), 0, "lib/17/bin"},
		"postgres without initdb":      {lookIn("", []string{at("half")}, lib), 0, "lib/17/bin"},
		"a folder that does not exist": {lookIn("", []string{at("missing")}, lib), 0, "lib/17/bin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := test.give.find(t.Context(), nil, test.major)
			if err != nil {
				t.Fatal(err)
			}
			if found.dir != at(test.want) {
				t.Errorf("found %s, want %s", found.dir, at(test.want))
			}
		})
	}
}

func TestFindNothingSaysWhatToDo(t *testing.T) {
	t.Parallel()
	old := installation(t, filepath.Join(t.TempDir(), "13", "bin"), "13.4", "")
	tests := map[string]struct {
		give  search
		major int
		want  []string
	}{
		"bare machine":  {lookIn("", nil), 0, []string{"database_url"}},
		"too old":       {lookIn("", nil, old), 0, []string{"database_url", old, "version 13, older than 15"}},
		"wrong PG_BIN":  {lookIn("/nowhere", nil, old), 0, []string{"/nowhere"}},
		"other version": {lookIn("", nil), 16, []string{"made by PostgreSQL 16", "PG_BIN"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.give.find(t.Context(), nil, test.major)
			if !errors.Is(err, ErrNoBinaries) {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestStartNeedsTheVersionThatMadeTheData(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	data := filepath.Join(dir, dataName)
	err := os.MkdirAll(data, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, lockName), filepath.Join(data, "PG_VERSION")} {
		err = os.WriteFile(name, []byte("99\n"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = Start(t.Context(), Config{Dir: dir, Logger: zerolog.Nop()})
	if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), "made by PostgreSQL 99") {
		t.Errorf("start: %v", err)
	}
}

func TestInstallHint(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"linux":   {"apt-get install postgresql", "dnf install postgresql-server", "database_url"},
		"darwin":  {"brew install", "Postgres.app", "database_url"},
		"windows": {"Windows", "database_url"},
		"plan9":   {"PG_BIN", "database_url"},
	}
	for goos, wants := range tests {
		for _, want := range wants {
			if hint := installHint(goos); !strings.Contains(hint, want) {
				t.Errorf("%s: %q does not say %q", goos, hint, want)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	majors := map[string]int{}
	for _, line := range []string{"postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)", "initdb (PostgreSQL) 17beta1", "postgres (PostgreSQL) ", "GNU tar 1.34", ""} {
		majors[line], _ = majorVersion(line)
	}
	want := map[string]int{"postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)": 15, "initdb (PostgreSQL) 17beta1": 17, "postgres (PostgreSQL) ": 0, "GNU tar 1.34": 0, "": 0}
	if diff := cmp.Diff(want, majors); diff != "" {
		t.Errorf("majorVersion (-want +got):\n%s", diff)
	}
	numbers := map[string]int{}
	for _, path := range []string{"/usr/lib/postgresql/15/bin", "/usr/pgsql-16/bin", "/opt/homebrew/opt/postgresql@17/bin", "/a/postgresql/bin", "/usr/libexec/postgresql16"} {
		numbers[path] = lastNumber(path)
	}
	want = map[string]int{"/usr/lib/postgresql/15/bin": 15, "/usr/pgsql-16/bin": 16, "/opt/homebrew/opt/postgresql@17/bin": 17, "/a/postgresql/bin": 0, "/usr/libexec/postgresql16": 16}
	if diff := cmp.Diff(want, numbers); diff != "" {
		t.Errorf("lastNumber (-want +got):\n%s", diff)
	}
}
