package gitlab

import "testing"

func TestParseRef(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"group/9970/7": true, "project/12/7": true, "service/9970/31/7": true, "personal/7": true, "inventory/9970/7": true,
		"": false, "group": false, "group/": false, "group/7": false, "group/9970/7/1": false, "group//7": false,
		"group/9970/0": false, "group/9970/-7": false, "group/9970/+7": false, "group/9970/07": false, "group/9970/7 ": false,
		"group/9970/../7": false, "group/acme/7": false, "service/9970/7": false, "personal/1/7": false,
		"personal/9223372036854775808": false, "Group/9970/7": false, "token/7": false,
	} {
		r, ok := parseRef(id)
		if ok != want || ok && r.String() != id {
			t.Errorf("%q: %t, %s", id, ok, r)
		}
	}
}

// Whatever is accepted is what we write ourselves.
func FuzzParseRef(f *testing.F) {
	f.Add("group/9970/7")
	f.Add("service/9970/31/7")
	f.Add("personal/07")
	f.Fuzz(func(t *testing.T, id string) {
		if r, ok := parseRef(id); ok && r.String() != id {
			t.Errorf("%q reads as %s", id, r)
		}
	})
}
