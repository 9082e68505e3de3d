package githubsecrets

import (
	"fmt"
	"slices"
	"strings"

	"latchkey/connectors/rest"
)

// The longest names. The vendor's bound on a secret's name is unverified.
const (
	maxOwner = 100
	maxRepo  = 100
	maxEnv   = 255
	maxName  = 100
)

// place is one secret of a repository or, where environment is set, of that
// environment of it.
type place struct{ owner, repo, environment, name string }

// String is for people.
func (p place) String() string {
	if p.environment != "" {
		return fmt.Sprintf("secret %s of environment %s of %s/%s", p.name, p.environment, p.owner, p.repo)
	}
	return fmt.Sprintf("Actions secret %s of %s/%s", p.name, p.owner, p.repo)
}

// CheckPlace implements connectors.PlaceChecker.
func (c *Connector) CheckPlace(text string) error {
	_, err := parse(text)
	return err
}

// parse reads "owner/repo/NAME" and "owner/repo/environment/NAME".
func parse(text string) (place, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		parts = slices.Insert(parts, 2, "")
	}
	if len(parts) != 4 {
		return place{}, fmt.Errorf("%.100q is not a place at GitHub: write owner/repo/NAME, or owner/repo/environment/NAME", text)
	}
	p := place{parts[0], parts[1], parts[2], parts[3]}
	switch {
	case !isOwner(p.owner):
		return place{}, fmt.Errorf("%.100q is not the login of an owner of repositories", p.owner)
	case !isWord(p.repo, maxRepo):
		return place{}, fmt.Errorf("%.100q is not the name of a repository", p.repo)
	case strings.Count(text, "/") == 3 && !isWord(p.environment, maxEnv):
		return place{}, fmt.Errorf("%.100q is not the name of an environment that can be written here: it has letters, digits, dots, hyphens and underscores", p.environment)
	case !isName(p.name):
		return place{}, fmt.Errorf("%.100q is not a name for a secret: it has up to %d upper-case letters, digits and underscores, and does not begin with a digit or with GITHUB_", p.name, maxName)
	}
	return p, nil
}

// isOwner takes the underscore for managed users.
func isOwner(s string) bool {
	return s != "" && len(s) <= maxOwner && consists(s, "-_") && s[0] != '-'
}

func isWord(s string, longest int) bool {
	return s != "" && len(s) <= longest && s != "." && s != ".." && consists(s, "-_.")
}

// isName wants the spelling that the vendor shows, so that a secret has one
// place: it takes lower case and keeps upper case.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && consists(s, "_") && s == strings.ToUpper(s) && (s[0] > '9' || s[0] < '0') &&
		!strings.HasPrefix(s, "GITHUB_")
}

// consists says that s has only ASCII letters, digits and the others.
func consists(s, others string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// path is below the repository's secrets and variables, or the environment's.
func (p place) path(segments ...string) string {
	if p.environment != "" {
		return rest.Path("repos", p.owner, p.repo, "environments", p.environment) + rest.Path(segments...)
	}
	return rest.Path("repos", p.owner, p.repo, "actions") + rest.Path(segments...)
}

// marker is the variable beside the secret.
func (p place) marker() string { return p.name + "_LATCHKEY" }

// named are the repositories that patterns of places name in full.
func named(patterns []string) []place {
	var out []place
	for _, pattern := range patterns {
		parts := strings.Split(pattern, "/")
		if len(parts) < 3 || !isOwner(parts[0]) || !isWord(parts[1], maxRepo) {
			continue
		}
		if p := (place{owner: parts[0], repo: parts[1]}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
