//go:build unix

package postgres

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// probeTimeout bounds one call of a candidate: a wrapper that hangs is no
// server.
const probeTimeout = 10 * time.Second

// binaries is a folder with initdb and postgres that were seen to run.
type binaries struct {
	dir   string
	major int
}

// FindBinaries returns the folder of a usable initdb and postgres. It looks at
// $PG_BIN (alone, when set), then every folder of PATH, then what pg_config
// names, then the places where the distributions put them, newest first. Only
// programs that really run count, so a dangling link or a broken wrapper early
// in PATH hides nothing. When there are none the error wraps ErrNoBinaries and
// says how to get them.
func FindBinaries() (string, error) {
	acct, err := defaultAccount()
	if err != nil {
		return "", err
	}
	found, err := systemSearch().find(context.Background(), acct, 0)
	if err != nil {
		return "", err
	}
	return found.dir, nil
}

// search is where server programs are looked for.
type search struct {
	getenv func(string) string
	places []string // glob patterns, tried in this order
}

func systemSearch() search {
	return search{
		getenv: os.Getenv,
		places: []string{
			"/usr/lib/postgresql/*/bin",                                // Debian, Ubuntu
			"/usr/pgsql-*/bin",                                         // RHEL, Fedora
			"/usr/lib/postgresql*/bin",                                 // SUSE
			"/usr/libexec/postgresql*",                                 // Alpine
			"/opt/homebrew/opt/postgresql*/bin",                        // Homebrew on Apple silicon
			"/usr/local/opt/postgresql*/bin",                           // Homebrew on Intel
			"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",           // Homebrew on Linux
			"/Applications/Postgres.app/Contents/Versions/*/bin",       // Postgres.app
			"/usr/local/pgsql/bin",                                     // built from source
			"/usr/bin", "/usr/local/bin", "/run/current-system/sw/bin", // missing in a service's PATH
		},
	}
}

// find returns the first usable candidate. major asks for one version, because
// a data directory only opens with the version that made it; zero takes any
// that is new enough.
func (s search) find(ctx context.Context, acct *account, major int) (binaries, error) {
	var rejected []string
	for _, dir := range s.candidates(ctx) {
		found, err := probe(ctx, acct, dir)
		switch {
		case err != nil:
			rejected = append(rejected, err.Error())
		case found.major < oldestVersion:
			rejected = append(rejected, fmt.Sprintf("%s is version %d, older than %d", dir, found.major, oldestVersion))
		case major != 0 && found.major != major:
			rejected = append(rejected, fmt.Sprintf("%s is version %d", dir, found.major))
		default:
			return found, nil
		}
	}
	hint := installHint(runtime.GOOS)
	if major != 0 {
		hint = fmt.Sprintf("the data was made by PostgreSQL %d: install that version, "+
			"or set PG_BIN to the folder of its initdb and postgres", major)
	}
	if len(rejected) > 0 {
		hint += " (looked at: " + strings.Join(rejected, "; ") + ")"
	}
	return binaries{}, fmt.Errorf("%w: %s", ErrNoBinaries, hint)
}

// candidates lists each folder that holds something named postgres once, best
// first.
func (s search) candidates(ctx context.Context) []string {
	if named := s.getenv("PG_BIN"); named != "" {
		dir, err := filepath.Abs(named) // probes run in another folder
		if err != nil {
			dir = named
		}
		return []string{dir}
	}
	path := filepath.SplitList(s.getenv("PATH"))
	dirs := slices.Clone(path)
	// A link in PATH may point into a complete installation although its own
	// folder holds no initdb.
	for _, dir := range path {
		target, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, dir := range path {
		bindir, err := output(ctx, nil, filepath.Join(dir, "pg_config"), "--bindir")
		if err == nil {
			dirs = append(dirs, bindir)
		}
	}
	for _, pattern := range s.places {
		matches, _ := filepath.Glob(pattern) // fails on a malformed pattern only
		slices.SortStableFunc(matches, func(a, b string) int {
			return cmp.Compare(lastNumber(b), lastNumber(a))
		})
		dirs = append(dirs, matches...)
	}

	var candidates []string
	for _, dir := range dirs {
		_, err := os.Stat(filepath.Join(dir, "postgres"))
		if err == nil && filepath.IsAbs(dir) && !slices.Contains(candidates, dir) {
			candidates = append(candidates, dir)
		}
	}
	return candidates
}

// probe runs both programs of a folder as the account that will run them
// later, because root may reach what that account can't.
func probe(ctx context.Context, acct *account, dir string) (binaries, error) {
	found := binaries{dir: dir}
	for _, name := range []string{"initdb", "postgres"} {
		program := filepath.Join(dir, name)
		version, err := output(ctx, acct, program, "--version")
		if err != nil {
			return binaries{}, fmt.Errorf("run %s: %w", program, err)
		}
		major, ok := majorVersion(version)
		if !ok {
			return binaries{}, fmt.Errorf("%s does not name its version", program)
		}
		if found.major != 0 && found.major != major {
			return binaries{}, fmt.Errorf("%s mixes versions %d and %d", dir, found.major, major)
		}
		found.major = major
	}
	return found, nil
}

func output(ctx context.Context, acct *account, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = "/" // the caller's own folder may be closed to the account
	cmd.Env = environment("/")
	cmd.SysProcAttr = processAttributes(acct)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// majorVersion reads "postgres (PostgreSQL) 15.8 (Debian 15.8-1)" as 15, and
// "17beta1" as 17.
func majorVersion(line string) (int, bool) {
	_, version, ok := strings.Cut(line, "(PostgreSQL) ")
	if !ok {
		return 0, false
	}
	digits := len(version) - len(strings.TrimLeft(version, "0123456789"))
	major, err := strconv.Atoi(version[:digits])
	return major, err == nil && major > 0
}

// lastNumber returns the last run of digits in a path: the version that a
// distribution puts there, or zero.
func lastNumber(path string) int {
	const digits = "0123456789"
	end := strings.LastIndexAny(path, digits) + 1
	start := len(strings.TrimRight(path[:end], digits))
	number, err := strconv.Atoi(path[start:end])
	if err != nil {
		return 0
	}
	return number
}
