package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/storage"
)

// What the bars show is said in words beside them.
func TestDayLineSaysWhatItDraws(t *testing.T) {
	t.Parallel()
	for want, days := range map[string][]storage.DayUse{
		"": {{}, {}},
		"`▁` 1 call in 1 day, today last; at most 1 a day":                {{Count: 1}},
		"`█··▁` 9 calls in 4 days, today last; at most 8 a day":           {{Count: 8}, {}, {}, {Count: 1}},
		"`▄█` 3000000 calls in 2 days, today last; at most 2000000 a day": {{Count: 1_000_000}, {Count: 2_000_000}},
	} {
		if got := dayLine(days); got != want {
			t.Errorf("%v reads %q, want %q", days, got, want)
		}
	}
}

// A key of which nothing was needed is not to be made smaller but given back.
func TestUnusedScopesLeadOn(t *testing.T) {
	t.Parallel()
	v := activeKey()
	v.Credential.Scopes = []string{"worklogs:view", "plans:manage"}
	if !wantsLess(v) || !strings.Contains(lessLine(v), "Nothing needed plans:manage for 30 days") {
		t.Errorf("with one unused scope it says: %s", lessLine(v))
	}
	if diff := cmp.Diff([]string{"worklogs:view"}, lessForm(v).Scopes); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	v.Unused = v.Credential.Scopes
	if wantsLess(v) || !strings.Contains(lessLine(v), "given back") {
		t.Errorf("with unused scopes only it says: %s", lessLine(v))
	}
	v.Unused = nil
	if wantsLess(v) || lessLine(v) != "" {
		t.Errorf("with all in use it says: %s", lessLine(v))
	}
}
