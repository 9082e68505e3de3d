package githubsecrets_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"latchkey/connectors"
	"latchkey/connectors/githubsecrets"
	"latchkey/secret"
)

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for place, want := range map[string]string{ // part of the sentence; empty for none
		"octo-org/payroll/TEMPO_TOKEN":             "",
		"Octo/pay.roll-2_x/_T2":                    "",
		"octo-org/payroll/production/TEMPO_TOKEN":  "",
		"jo_corp/.github/X":                        "",
		"o/r/" + strings.Repeat("N", 100):          "",
		"":                                         "write owner/repo/NAME",
		"octo-org/payroll":                         "write owner/repo/NAME",
		"a/b/c/d/E":                                "write owner/repo/NAME",
		"-octo/payroll/X":                          "login",
		"octo org/payroll/X":                       "login",
		"/payroll/X":                               "login",
		"../payroll/X":                             "login",
		"octo/../X":                                "name of a repository",
		"octo//X":                                  "name of a repository",
		"octo/päy/X":                               "name of a repository",
		"octo/payroll//X":                          "name of an environment",
		"octo/payroll/../X":                        "name of an environment",
		"octo/payroll/my env/X":                    "name of an environment",
		"octo/payroll/":                            "name for a secret",
		"octo/payroll/tempo_token":                 "name for a secret",
		"octo/payroll/2X":                          "name for a secret",
		"octo/payroll/GITHUB_TOKEN":                "name for a secret",
		"octo/payroll/TEMPO-TOKEN":                 "name for a secret",
		"octo/payroll/production/tempo":            "name for a secret",
		"o/r/" + strings.Repeat("N", 101):          "name for a secret",
		strings.Repeat("long", 100) + "/r/X\u202e": "login",
	} {
		err := b.CheckPlace(place)
		if want == "" {
			if err != nil {
				t.Errorf("%.80q: %v", place, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: err = %v, want %q", place, err, want)
		}
		if _, err := b.Deliver(t.Context(), connectors.Delivery{Place: place, Secret: secret.NewKey(), Label: "TK-1"}); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("deliver to %.80q: err = %v, want ErrUnrecoverable", place, err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls for places that are none: %v", calls)
	}
}

// Whatever is taken for a place is three or four names that need no escaping,
// and whatever is not is said in one short, visible line.
func FuzzCheckPlace(f *testing.F) {
	f.Add("octo-org/payroll/TEMPO_TOKEN")
	f.Add("octo-org/payroll/production/TEMPO_TOKEN")
	f.Add("octo/../X")
	f.Add("o/r%2f../X")
	c, err := githubsecrets.Open(connectors.Settings{Token: secret.Token(20)}, http.DefaultTransport)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, place string) {
		err := c.CheckPlace(place)
		if err == nil {
			if n := strings.Count(place, "/"); n < 2 || n > 3 || strings.Contains(place, "/../") || strings.Contains(place, "//") ||
				strings.ContainsFunc(place, func(r rune) bool {
					return r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./", r)
				}) {
				t.Errorf("%q is taken for a place", place)
			}
			return
		}
		if line := err.Error(); len(line) > 1000 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is refused with %q", place, line)
		}
	})
}
