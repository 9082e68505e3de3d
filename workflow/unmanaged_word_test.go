package workflow

import (
	"maps"
	"testing"

	"latchkey/connectors"
)

// What the configuration does not say is what it says of less harm, and
// unknown access is the most there is.
func TestTheWordOnUnmanagedKeys(t *testing.T) {
	t.Parallel()
	all := []connectors.Access{Read, Write, Admin, ""}
	for _, tt := range []struct {
		u    Unmanaged
		want []string
	}{
		{Unmanaged{}, []string{actReport, actReport, actReport, actReport}},
		{Unmanaged{Read: actIgnore}, []string{actIgnore, actIgnore, actIgnore, actIgnore}},
		{Unmanaged{Write: actWarn}, []string{actReport, actWarn, actWarn, actWarn}},
		{Unmanaged{Read: actIgnore, Write: actWarn, Admin: actRevoke}, []string{actIgnore, actWarn, actRevoke, actRevoke}},
	} {
		got := map[connectors.Access]string{}
		want := map[connectors.Access]string{}
		for i, a := range all {
			got[a], want[a] = tt.u.word(a), tt.want[i]
		}
		if !maps.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", tt.u, got, want)
		}
	}
}
