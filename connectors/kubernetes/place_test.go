package kubernetes_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"latchkey/connectors"
	"latchkey/connectors/kubernetes"
	"latchkey/secret"
)

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for place, want := range map[string]string{ // part of the sentence; empty for none
		"tempo/token":                        "",
		"payroll/tempo/token":                "",
		"team-2/tempo.prod-1/TEMPO_TOKEN.v2": "",
		"tempo/.hidden":                      "",
		"tempo/" + strings.Repeat("k", 57):   "",
		strings.Repeat("s", 253) + "/k":      "",
		strings.Repeat("n", 63) + "/s/k":     "",
		"":                                   "write secret/key",
		"tempo":                              "write secret/key",
		"a/b/c/d":                            "write secret/key",
		"tempo/":                             "not a key",
		"/token":                             "name of a Secret",
		"//":                                 "name of a namespace",
		"Payroll/tempo/token":                "name of a namespace",
		"-a/tempo/token":                     "name of a namespace",
		"a.b/tempo/token":                    "name of a namespace",
		strings.Repeat("n", 64) + "/s/k":     "name of a namespace",
		"Tempo/token":                        "name of a Secret",
		"tem_po/token":                       "name of a Secret",
		"tempo./token":                       "name of a Secret",
		"tempo..prod/token":                  "name of a Secret",
		"tempo-.prod/token":                  "name of a Secret",
		strings.Repeat("s", 254) + "/k":      "name of a Secret",
		"../secrets/x":                       "name of a namespace",
		"tempo/..":                           "not a key",
		"tempo/.":                            "not a key",
		"tempo/..data":                       "not a key",
		"tempo/token-":                       "not a key",
		"tempo/to ken":                       "not a key",
		"tempo/tök":                          "not a key",
		"tempo/" + strings.Repeat("k", 58):   "not a key",
		strings.Repeat("long", 1000) + "/tempo/token\x00": "name of a namespace",
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

// Whatever is taken for a place addresses one Secret of the API, and whatever
// is not is said in one short, visible line.
func FuzzCheckPlace(f *testing.F) {
	f.Add("tempo/token")
	f.Add("payroll/tempo/token")
	f.Add("../tempo/token")
	f.Add("a%2f../b/c")
	c, err := kubernetes.Open(settings("http://127.0.0.1:1", secret.Token(20)), http.DefaultTransport)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, place string) {
		err := c.CheckPlace(place)
		if err == nil {
			if strings.ContainsFunc(place, func(r rune) bool {
				return !strings.ContainsRune("-_./", r) && (r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r))
			}) || len(place) > 63+253+57+2 {
				t.Errorf("%q is taken for a place", place)
			}
			return
		}
		if line := err.Error(); len(line) > 1000 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is refused with %q", place, line)
		}
	})
}
