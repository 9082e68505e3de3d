package vault_test

import (
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode"

	"latchkey/connectors/vault"
)

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	c := &vault.Connector{}
	for place, fine := range map[string]bool{
		"payroll/tempo": true, "tempo": true, "a-b_c.d/E9": true, strings.Repeat("a", 512): true,
		"": false, "/tempo": false, "tempo/": false, "a//b": false, ".": false, "a/../b": false, "..": false, "a/./b": false,
		"a b": false, "a%2fb": false, "a?b": false, "a#b": false, `a\b`: false, "a\nb": false, "a*": false, "ä": false,
		strings.Repeat("a", 513): false,
	} {
		if err := c.CheckPlace(place); (err == nil) != fine {
			t.Errorf("%q: %v", place, err)
		}
	}
}

// A place that passes is one path, however it is read.
func FuzzCheckPlace(f *testing.F) {
	for _, seed := range []string{"payroll/tempo", "a/../b", "a//b", "%2e%2e/x", "a?b", ""} {
		f.Add(seed)
	}
	c := &vault.Connector{}
	f.Fuzz(func(t *testing.T, place string) {
		if c.CheckPlace(place) != nil {
			return
		}
		u, err := url.Parse("https://vault.example/v1/secret/data/" + place)
		if err != nil || u.EscapedPath() != "/v1/secret/data/"+place || u.RawQuery != "" || u.Fragment != "" || path.Clean(place) != place {
			t.Errorf("%q is %v, %v", place, u, err)
		}
		if strings.ContainsFunc(place, unicode.IsControl) {
			t.Errorf("%q has a control character", place)
		}
	})
}
