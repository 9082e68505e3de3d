package awssecrets_test

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/connectors/awssecrets"
)

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	c := &awssecrets.Connector{}
	for place, fine := range map[string]bool{
		"payroll/tempo": true, "/prod/db": true, "a_b+c=d.e@f-g": true, strings.Repeat("a", 512): true, "-abcdefg": true, "a-bcdef": true,
		"": false, "a b": false, "a*": false, "a\n": false, "ä": false, "arn:aws:x": false, "tempo-a1B2c3": false, "-abcdef": false,
		strings.Repeat("a", 513): false,
	} {
		if err := c.CheckPlace(place); (err == nil) != fine {
			t.Errorf("%q: %v", place, err)
		}
	}
}

func FuzzCheckPlace(f *testing.F) {
	for _, seed := range []string{"payroll/tempo", "a b", "tempo-a1B2c3", "arn:aws", ""} {
		f.Add(seed)
	}
	c := &awssecrets.Connector{}
	name, ending := regexp.MustCompile(`\A[A-Za-z0-9/_+=.@-]{1,512}\z`), regexp.MustCompile(`-.{6}\z`)
	f.Fuzz(func(t *testing.T, place string) {
		if fine := name.MatchString(place) && !ending.MatchString(place); fine != (c.CheckPlace(place) == nil) {
			t.Errorf("%q: %v", place, c.CheckPlace(place))
		}
	})
}
