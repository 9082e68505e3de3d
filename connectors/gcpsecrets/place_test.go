package gcpsecrets_test

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/connectors/gcpsecrets"
)

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	c := &gcpsecrets.Connector{}
	for place, fine := range map[string]bool{
		"payroll-tempo": true, "A_b-9": true, "-": true, strings.Repeat("a", 255): true,
		"": false, "a/b": false, "a.b": false, "a b": false, "a:b": false, "a*": false, "a\n": false, "ä": false, "..": false,
		strings.Repeat("a", 256): false,
	} {
		if err := c.CheckPlace(place); (err == nil) != fine {
			t.Errorf("%q: %v", place, err)
		}
	}
}

func FuzzCheckPlace(f *testing.F) {
	for _, seed := range []string{"payroll-tempo", "a/b", "a:addVersion", "", "ä"} {
		f.Add(seed)
	}
	c := &gcpsecrets.Connector{}
	id := regexp.MustCompile(`\A[A-Za-z0-9_-]{1,255}\z`)
	f.Fuzz(func(t *testing.T, place string) {
		if id.MatchString(place) != (c.CheckPlace(place) == nil) {
			t.Errorf("%q: %v", place, c.CheckPlace(place))
		}
	})
}
