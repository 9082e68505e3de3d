package gcpsecrets_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/gcpsecrets/gcpsecretstest"
	"latchkey/secret"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.deliver(t, delivery())
	want := connectors.Delivered{Version: "1", Where: "projects/acme-prod/secrets/payroll-tempo, version 1"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	marks := map[string]string{"latchkey_label": "K1", "latchkey_base": "0", "latchkey_version": "1", "latchkey_owner": "alice@example.com"}
	if diff := cmp.Diff(marks, b.Annotations(place)); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if again := b.deliver(t, delivery()); again != first {
		t.Errorf("again: %+v", again)
	}
	b.Annotate(place, map[string]string{"team": "payroll"})
	for range 2 { // the second time nothing is written
		if second := b.deliver(t, rotated("1")); second.Version != "2" {
			t.Errorf("rotated: %+v", second)
		}
	}
	marks = map[string]string{"latchkey_label": "K2", "latchkey_base": "1", "latchkey_version": "2", "latchkey_reason": "rotation", "team": "payroll"}
	if diff := cmp.Diff(marks, b.Annotations(place)); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if value, number := b.Value(place); value != canary+"-2" || number != 2 {
		t.Errorf("the latest version is %d", number)
	}
	if n := b.Calls()["GET /v1/projects/acme-prod/secrets/payroll-tempo/versions/2:access"]; n != 0 {
		t.Errorf("a value was read %d times", n)
	}
}

func TestDeliverOverWhatIsThere(t *testing.T) {
	t.Parallel()
	empty := func(_ *testing.T, b bundle) { b.Make(place, map[string]string{"team": "payroll"}) }
	add := func(_ *testing.T, b bundle) { b.Add(place, "theirs") }
	ours := func(t *testing.T, b bundle) { b.deliver(t, delivery()) }
	disable := func(_ *testing.T, b bundle) { b.Disable(place) }
	enable := func(_ *testing.T, b bundle) { b.Enable(place) }
	destroy := func(_ *testing.T, b bundle) { b.Destroy(place) }
	gone := func(_ *testing.T, b bundle) { b.Remove(place) }
	unmark := func(_ *testing.T, b bundle) { b.Annotate(place, map[string]string{"latchkey_label": ""}) }
	type steps []func(*testing.T, bundle)
	tests := []struct {
		name    string
		there   steps
		deliver connectors.Delivery
		version string // what it becomes; empty for ErrTaken
		says    string
	}{
		{"an empty secret", steps{empty}, delivery(), "1", ""},
		{"somebody's", steps{empty, add}, delivery(), "", "version 1 is not from this delivery"},
		{"somebody's, disabled", steps{empty, add, disable}, delivery(), "", "version 1 is not from this delivery"},
		{"somebody's, destroyed", steps{empty, add, destroy}, delivery(), "", "version 1 is not from this delivery"},
		{"removed", steps{empty, add, gone}, delivery(), "1", ""},
		{"another label's", steps{ours}, rotated(""), "", "version 1 is not"},
		{"ours, disabled", steps{ours, disable}, delivery(), "", "disabled or destroyed"},
		{"ours, enabled again", steps{ours, disable, enable}, delivery(), "1", ""},
		{"changed since", steps{ours, add}, delivery(), "", "version 2 is not"},
		{"replaces", steps{ours}, rotated("1"), "2", ""},
		{"replaces what was disabled", steps{ours, disable}, rotated("1"), "2", ""},
		{"replaces what was destroyed", steps{ours, destroy}, rotated("1"), "2", ""},
		{"replaced by somebody since", steps{ours, add}, rotated("1"), "", "version 2 is not"},
		{"gone since", steps{ours, gone}, rotated("1"), "", "gone"},
		{"made anew since", steps{ours, gone, empty, add}, rotated("1"), "", "made the secret anew"},
		{"made anew and empty", steps{ours, gone, empty}, rotated("1"), "", "made the secret anew"},
		{"our marks were taken away", steps{ours, unmark}, rotated("1"), "", "took our marks away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, step := range tt.there {
				step(t, b)
			}
			before, number := b.Value(place)
			marks := b.Annotations(place)
			got, err := b.Deliver(t.Context(), tt.deliver)
			clean(t, err)
			after, now := b.Value(place)
			if tt.version != "" {
				if err != nil || got.Version != tt.version || after != tt.deliver.Secret.Expose() || strconv.Itoa(now) != tt.version {
					t.Errorf("delivered %+v, %v, and the latest version is %d", got, err, now)
				}
				if marks["team"] != b.Annotations(place)["team"] {
					t.Error("somebody's annotation is gone")
				}
				return
			}
			if !errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want ErrTaken about %q", err, tt.says)
			}
			if diff := cmp.Diff(marks, b.Annotations(place)); diff != "" || before != after || number != now {
				t.Errorf("something was written: version %d, then %d\n%s", number, now, diff)
			}
		})
	}
}

// Google shows what is newest everywhere only in time: an older one is a
// reason to ask again, not to give up.
func TestDeliverWaitsForTheVersionItReplaces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery())
	b.deliver(t, rotated("1"))
	third := delivery(func(d *connectors.Delivery) { d.Label, d.Replaces = "K3", "2" })
	b.Inject(gcpsecretstest.Fault{
		Method: http.MethodGet, Suffix: "/versions/latest", Status: 200,
		Body: `{"name":"projects/1/secrets/payroll-tempo/versions/1","state":"ENABLED"}`,
	})
	if _, err := b.Deliver(t.Context(), third); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("an old answer: %v", err)
	}
	if got := b.deliver(t, third); got.Version != "3" {
		t.Errorf("afterwards: %+v", got)
	}
}

// Every call of both deliveries fails in every way, before and after its work;
// nothing final is said that is not so, and the next try gets there.
func TestDeliverThroughFaults(t *testing.T) {
	t.Parallel()
	type call struct {
		name, method, suffix string
		noted                bool // its failure is none of the delivery's
	}
	first := []call{
		{"create", http.MethodPost, "/secrets", false},
		{"add", http.MethodPost, ":addVersion", false},
		{"note", http.MethodPatch, "/" + place, true},
	}
	second := []call{
		{"get", http.MethodGet, "/" + place, false},
		{"latest", http.MethodGet, "/versions/latest", false},
		{"mark", http.MethodPatch, "/" + place, false},
		{"add", http.MethodPost, ":addVersion", false},
	}
	faults := map[string]gcpsecretstest.Fault{
		"cut":            {},
		"500":            {Status: 500, Code: "INTERNAL"},
		"503":            {Status: 503, Body: "<html>" + canary},
		"odd":            {Status: 200, Body: canary},
		"null":           {Status: 200, Body: "null"},
		"another's":      {Status: 200, Body: `{"name":"projects/1/secrets/other/versions/x"}`},
		"limited":        {Status: 403, Code: "RESOURCE_EXHAUSTED"},
		"limited as 429": {Status: 429, Code: "RESOURCE_EXHAUSTED"},
		"redirect":       {Status: 307, Header: http.Header{"Location": {"/elsewhere"}}},
		"echo":           {Status: 403, Code: "PERMISSION_DENIED", Echo: true},
		"echo of a code": {Status: 400, Code: canary},
	}
	final := map[string]bool{"echo": true, "echo of a code": true}
	limited := map[string]bool{"limited": true, "limited as 429": true}
	for name, fault := range faults {
		for i, calls := range [][]call{first, second} {
			for _, at := range calls {
				for _, after := range []bool{false, true} {
					if after && limited[name] {
						continue // a limit says that nothing was done
					}
					if name == "cut" && at.method == http.MethodGet {
						continue // net/http asks again by itself
					}
					t.Run(name+" "+at.name+" "+strconv.Itoa(i), func(t *testing.T) {
						t.Parallel()
						b := setup(t)
						d, duplicates := delivery(), 1
						if i == 1 {
							b.deliver(t, delivery())
							d, duplicates = rotated("1"), 2
						}
						f := fault
						f.Method, f.Suffix, f.After = at.method, at.suffix, after
						b.Inject(f)
						_, err := b.Deliver(t.Context(), d)
						clean(t, err, b.settings.Credentials)
						_, isLimited := errors.AsType[*connectors.RateLimitedError](err)
						if at.noted != (err == nil) || errors.Is(err, connectors.ErrUnrecoverable) != (final[name] && !at.noted) ||
							isLimited != (limited[name] && !at.noted) {
							t.Fatalf("err = %v", err)
						}
						got := b.deliver(t, d)
						value, number := b.Value(place)
						if value != d.Secret.Expose() || got.Version != strconv.Itoa(number) || number != duplicates {
							t.Errorf("delivered %+v, and the latest version is %d", got, number)
						}
						if label := b.Annotations(place)["latchkey_label"]; label != d.Label {
							t.Errorf("the label is %q", label)
						}
					})
				}
			}
		}
	}
}

// The answer to a write was lost: only the value tells whose the version is.
func TestDeliverRecognisesItsVersion(t *testing.T) {
	t.Parallel()
	lost := gcpsecretstest.Fault{Suffix: ":addVersion", After: true}
	tests := []struct {
		name  string
		after func(bundle)
		says  string // of ErrTaken; empty for none
	}{
		{"ours", func(bundle) {}, ""},
		{"followed by somebody's", func(b bundle) { b.Add(place, "theirs") }, "version 2 is not from this delivery"},
		{"disabled", func(b bundle) { b.Disable(place) }, "disabled or destroyed"},
		{"not readable to us", func(b bundle) { b.Deny("secretmanager.versions.access") }, "secretmanager.versions.access"},
	}
	for _, tt := range tests {
		b := setup(t)
		b.Inject(lost)
		if _, err := b.Deliver(t.Context(), delivery()); err == nil {
			t.Errorf("%s: the answer was not lost", tt.name)
		}
		tt.after(b)
		got, err := b.Deliver(t.Context(), delivery())
		clean(t, err)
		if tt.says == "" {
			if err != nil || got.Version != "1" || b.Annotations(place)["latchkey_version"] != "1" {
				t.Errorf("%s: %+v, %v, %v", tt.name, got, err, b.Annotations(place))
			}
			continue
		}
		if !errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for name, fault := range map[string]gcpsecretstest.Fault{"500": {Status: 500, Code: "INTERNAL"}, "odd": {Status: 200, Body: "{}"}} {
		b := setup(t)
		b.Inject(lost)
		_, _ = b.Deliver(t.Context(), delivery())
		fault.Suffix = ":access"
		b.Inject(fault)
		if _, err := b.Deliver(t.Context(), delivery()); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("a look that fails with %s: %v", name, err)
		}
	}
}

// Somebody writes between our look and our marks: theirs stays.
func TestDeliverLosesARace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery())
	b.Inject(gcpsecretstest.Fault{Method: http.MethodPatch, Suffix: place, Before: func() {
		b.Add(place, "theirs")
		b.Annotate(place, map[string]string{"team": "payroll"})
	}})
	_, err := b.Deliver(t.Context(), rotated("1"))
	if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "at the same time") {
		t.Errorf("the first try: %v", err)
	}
	_, err = b.Deliver(t.Context(), rotated("1"))
	if value, _ := b.Value(place); !errors.Is(err, connectors.ErrTaken) || value != "theirs" {
		t.Errorf("the second try: %v", err)
	}
}

func TestPermissionsRefuseBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	for _, permission := range []string{"secrets.get", "versions.get", "secrets.update", "versions.add"} {
		b := setup(t)
		b.deliver(t, delivery())
		b.Deny("secretmanager." + permission)
		_, err := b.Deliver(t.Context(), rotated("1"))
		if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), "PERMISSION_DENIED") {
			t.Errorf("without %s: %v", permission, err)
		}
		if _, number := b.Value(place); number != 1 {
			t.Errorf("without %s there is version %d", permission, number)
		}
	}
}

func TestDeliverRefusesBeforeAnyCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := map[string]string{}
	for i := range 13 {
		facts["fact_"+strings.Repeat("a", i+1)] = "x"
	}
	for name, change := range map[string]func(*connectors.Delivery){
		"place":        func(d *connectors.Delivery) { d.Place = "a/b" },
		"no label":     func(d *connectors.Delivery) { d.Label = "" },
		"long label":   func(d *connectors.Delivery) { d.Label = strings.Repeat("a", 257) },
		"no secret":    func(d *connectors.Delivery) { d.Secret = secret.Value{} },
		"version":      func(d *connectors.Delivery) { d.Replaces = "latest" },
		"version 0":    func(d *connectors.Delivery) { d.Replaces = "0" },
		"version 01":   func(d *connectors.Delivery) { d.Replaces = "01" },
		"label fact":   func(d *connectors.Delivery) { d.Facts = map[string]string{"label": "x"} },
		"base fact":    func(d *connectors.Delivery) { d.Facts = map[string]string{"base": "x"} },
		"version fact": func(d *connectors.Delivery) { d.Facts = map[string]string{"version": "x"} },
		"odd fact":     func(d *connectors.Delivery) { d.Facts = map[string]string{"a b": "x"} },
		"fact's end":   func(d *connectors.Delivery) { d.Facts = map[string]string{"a_": "x"} },
		"long fact":    func(d *connectors.Delivery) { d.Facts = map[string]string{strings.Repeat("a", 60): "x"} },
		"many facts":   func(d *connectors.Delivery) { d.Facts = facts },
	} {
		_, err := b.Deliver(t.Context(), delivery(change))
		clean(t, err)
		if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}
