package awssecrets_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/awssecrets/awssecretstest"
	"latchkey/secret"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.deliver(t, delivery())
	value, version := b.Value(place)
	want := connectors.Delivered{Version: version, Where: "payroll/tempo in eu-central-1, version " + version}
	if diff := cmp.Diff(want, first); diff != "" || value != canary || len(version) != 64 {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	tags := map[string]string{"latchkey_label": "K1", "latchkey_owner": "alice@example.com"}
	if diff := cmp.Diff(tags, b.Tags(place)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if again := b.deliver(t, delivery()); again != first || b.Versions(place) != 1 {
		t.Errorf("again: %+v, %d versions", again, b.Versions(place))
	}
	b.Tag(place, "owner", "theirs")
	second := b.deliver(t, rotated(first.Version))
	if again := b.deliver(t, rotated(first.Version)); again != second || second.Version == first.Version || b.Versions(place) != 2 {
		t.Errorf("rotated: %+v, then %+v, %d versions", second, again, b.Versions(place))
	}
	if moves := b.Calls()["UpdateSecretVersionStage"]; moves != 1 {
		t.Errorf("%d moves", moves)
	}
	value, version = b.Value(place)
	if value != canary+"-2" || version != second.Version {
		t.Errorf("the current version is %s", version)
	}
	tags["latchkey_label"], tags["owner"] = "K2", "theirs"
	if diff := cmp.Diff(tags, b.Tags(place)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if _, err := b.Deliver(t.Context(), delivery()); !errors.Is(err, connectors.ErrTaken) {
		t.Errorf("the first one, after the second: %v", err)
	}
}

func TestDeliverOverWhatIsThere(t *testing.T) {
	t.Parallel()
	somebodys := func(_ *testing.T, b bundle) { b.Put(place, "theirs") }
	ours := func(t *testing.T, b bundle) { b.deliver(t, delivery()) }
	leaving := func(_ *testing.T, b bundle) { b.ScheduleDeletion(place) }
	restored := func(_ *testing.T, b bundle) { b.Restore(place) }
	gone := func(_ *testing.T, b bundle) { b.Remove(place) }
	first := delivery()
	other := delivery(func(d *connectors.Delivery) { d.Secret = secret.New("another value") })
	type steps []func(*testing.T, bundle)
	tests := []struct {
		name    string
		there   steps
		deliver func(version string) connectors.Delivery // version is the first delivery's
		says    string                                   // of ErrTaken; empty for none
	}{
		{"somebody's", steps{somebodys}, func(string) connectors.Delivery { return first }, "not from this delivery"},
		{"another label's", steps{ours}, func(string) connectors.Delivery { return rotated("") }, "not from this delivery"},
		{"our label with another value", steps{ours}, func(string) connectors.Delivery { return other }, "another value"},
		{"scheduled for deletion", steps{somebodys, leaving}, func(string) connectors.Delivery { return first }, "scheduled for deletion"},
		{"ours scheduled for deletion", steps{ours, leaving}, func(string) connectors.Delivery { return first }, "scheduled for deletion"},
		{"restored", steps{ours, leaving, restored}, func(string) connectors.Delivery { return first }, ""},
		{"emptied", steps{somebodys, gone}, func(string) connectors.Delivery { return first }, ""},
		{"changed since", steps{ours, somebodys}, func(string) connectors.Delivery { return first }, "not from this delivery"},
		{"replaces", steps{ours}, rotated, ""},
		{"replaced by somebody since", steps{ours, somebodys}, rotated, "somebody changed"},
		{"gone since", steps{ours, gone}, rotated, "gone"},
		{"leaving since", steps{ours, leaving}, rotated, "scheduled for deletion"},
		{"rolled back since", steps{ours, func(t *testing.T, b bundle) {
			_, version := b.Value(place)
			b.deliver(t, rotated(version))
			b.RollBack(place)
		}}, rotated, "went back"},
		{"the rotated label with another value", steps{ours, func(t *testing.T, b bundle) {
			_, version := b.Value(place)
			d := rotated(version)
			d.Secret = secret.New("another value")
			b.deliver(t, d)
		}}, rotated, "another value"},
	}
	version := func() string {
		b := setup(t)
		return b.deliver(t, delivery()).Version // the same whatever the account
	}()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, step := range tt.there {
				step(t, b)
			}
			before, number := b.Value(place)
			versions := b.Versions(place)
			d := tt.deliver(version)
			got, err := b.Deliver(t.Context(), d)
			clean(t, err)
			after, now := b.Value(place)
			if tt.says == "" {
				if err != nil || got.Version != now || after != d.Secret.Expose() {
					t.Errorf("delivered %+v, %v, and the current version is %s", got, err, now)
				}
				return
			}
			if !errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want ErrTaken about %q", err, tt.says)
			}
			if before != after || number != now || versions != b.Versions(place) {
				t.Errorf("something was written: %d versions, then %d", versions, b.Versions(place))
			}
		})
	}
}

// Every call of both deliveries fails in every way, before and after its work;
// nothing final is said that is not so, and the next try gets there.
func TestDeliverThroughFaults(t *testing.T) {
	t.Parallel()
	faults := map[string]awssecretstest.Fault{
		"cut":            {},
		"500":            {Status: 500, Code: "InternalServiceError"},
		"503":            {Status: 503, Body: "<html>" + canary},
		"odd":            {Status: 200, Body: canary},
		"limited":        {Status: 400, Code: "ThrottlingException"},
		"limited as 429": {Status: 429, Code: "TooManyRequestsException"},
		"expired":        {Status: 400, Code: "ExpiredTokenException"},
		"redirect":       {Status: 307, Header: http.Header{"Location": {"/elsewhere"}}},
		"echo":           {Status: 400, Code: "ValidationException", Echo: true},
		"echo of a code": {Status: 400, Code: canary},
	}
	final := map[string]bool{"echo": true, "echo of a code": true}
	limited := map[string]bool{"limited": true, "limited as 429": true}
	for name, fault := range faults {
		for _, operation := range []string{"CreateSecret", "DescribeSecret", "PutSecretValue", "TagResource", "UpdateSecretVersionStage"} {
			for _, after := range []bool{false, true} {
				if after && limited[name] {
					continue // a limit says that nothing was done
				}
				t.Run(name+" "+operation, func(t *testing.T) {
					t.Parallel()
					b := setup(t)
					d := delivery()
					if operation != "CreateSecret" {
						d = rotated(b.deliver(t, delivery()).Version)
					}
					f := fault
					f.Operation, f.After = operation, after
					b.Inject(f)
					_, err := b.Deliver(t.Context(), d)
					clean(t, err, b.settings.SecretAccessKey)
					if err == nil && f.Status == 200 && operation != "PutSecretValue" && operation != "DescribeSecret" {
						return // the answer has nothing we need
					}
					_, isLimited := errors.AsType[*connectors.RateLimitedError](err)
					if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != final[name] || isLimited != limited[name] {
						t.Fatalf("err = %v", err)
					}
					got := b.deliver(t, d)
					if value, version := b.Value(place); value != d.Secret.Expose() || version != got.Version {
						t.Errorf("delivered %+v, and the current version is %s", got, version)
					}
				})
			}
		}
	}
}

// Somebody writes between our look and our move: theirs stays.
func TestDeliverLosesARace(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"PutSecretValue", "TagResource", "UpdateSecretVersionStage"} {
		b := setup(t)
		first := b.deliver(t, delivery())
		b.Inject(awssecretstest.Fault{Operation: at, Before: func() { b.Put(place, "theirs") }})
		_, err := b.Deliver(t.Context(), rotated(first.Version))
		if value, _ := b.Value(place); !errors.Is(err, connectors.ErrTaken) || value != "theirs" {
			t.Errorf("before %s: %v", at, err)
		}
	}
	b := setup(t)
	first := b.deliver(t, delivery())
	b.Inject(awssecretstest.Fault{Operation: "UpdateSecretVersionStage", Before: func() { b.ScheduleDeletion(place) }})
	if _, err := b.Deliver(t.Context(), rotated(first.Version)); !errors.Is(err, connectors.ErrTaken) {
		t.Errorf("deleted before the move: %v", err)
	}
}

// Two deliveries at once to one place: one of them has it.
func TestDeliveriesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replaces := ""
	for range 2 {
		errs, got := make([]error, 8), make([]connectors.Delivered, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				got[i], errs[i] = b.Deliver(t.Context(), delivery(func(d *connectors.Delivery) {
					d.Label, d.Replaces = replaces+string(rune('A'+i)), replaces
				}))
			})
		}
		all.Wait()
		won := 0
		_, version := b.Value(place)
		for i, err := range errs {
			switch {
			case err == nil && got[i].Version == version:
				won++
			case !errors.Is(err, connectors.ErrTaken):
				t.Errorf("%+v, %v", got[i], err)
			}
		}
		if won != 1 {
			t.Errorf("%d deliveries had the place", won)
		}
		replaces = version
	}
}

func TestPolicyRefusesBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"DescribeSecret", "PutSecretValue", "TagResource", "UpdateSecretVersionStage"} {
		b := setup(t)
		first := b.deliver(t, delivery())
		c := b.with(t, func(s *connectors.Settings) { s.AccessKeyID, s.SecretAccessKey = b.AddKey(denied) })
		_, err := c.Deliver(t.Context(), rotated(first.Version))
		if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), denied+": answered 400") {
			t.Errorf("without %s: %v", denied, err)
		}
		if _, version := b.Value(place); version != first.Version {
			t.Errorf("without %s the current version is %s", denied, version)
		}
	}
}

func TestDeliverRefusesBeforeAnyCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := map[string]string{}
	for i := range 50 {
		facts["fact_"+strings.Repeat("a", i)] = "x"
	}
	for name, change := range map[string]func(*connectors.Delivery){
		"place":      func(d *connectors.Delivery) { d.Place = "a b" },
		"no label":   func(d *connectors.Delivery) { d.Label = "" },
		"odd label":  func(d *connectors.Delivery) { d.Label = "K1\n" },
		"no secret":  func(d *connectors.Delivery) { d.Secret = secret.Value{} },
		"label fact": func(d *connectors.Delivery) { d.Facts = map[string]string{"label": "x"} },
		"odd fact":   func(d *connectors.Delivery) { d.Facts = map[string]string{"a*": "x"} },
		"long fact":  func(d *connectors.Delivery) { d.Facts = map[string]string{strings.Repeat("a", 120): "x"} },
		"many facts": func(d *connectors.Delivery) { d.Facts = facts },
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

func TestFactsAreMadeToFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery(func(d *connectors.Delivery) {
		d.Facts = map[string]string{"reason": "Löhne & Gehälter\n(2026)\xff", "long": strings.Repeat("ä", 300), "none": ""}
	}))
	want := map[string]string{
		"latchkey_label": "K1", "latchkey_reason": "Löhne _ Gehälter__2026__", "latchkey_long": strings.Repeat("ä", 256), "latchkey_none": "",
	}
	if diff := cmp.Diff(want, b.Tags(place)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := b.Deliver(ctx, delivery())
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled half-way: %v", err)
	}
	_, err := b.Deliver(ctx, delivery())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
	release()
	b.deliver(t, delivery())
}
