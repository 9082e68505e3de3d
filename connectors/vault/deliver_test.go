package vault_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
)

const (
	mount    = "secret"
	dataPath = "/v1/secret/data/"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.Deliver(t.Context(), delivery())
	if err != nil {
		t.Fatal(err)
	}
	want := connectors.Delivered{Version: "1", Where: "secret/data/payroll/tempo, version 1"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	stored := map[string]any{"value": canary, "latchkey_label": "K1", "owner": "alice@example.com"}
	data, _ := b.Data(mount, place)
	if diff := cmp.Diff(stored, data); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	again, err := b.Deliver(t.Context(), delivery())
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("again: %v (-want +got):\n%s", err, diff)
	}
	for range 2 { // the second time nothing is written
		second, err := b.Deliver(t.Context(), rotated("1"))
		if err != nil || second.Version != "2" {
			t.Fatalf("rotated: %+v, %v", second, err)
		}
	}
	data, version := b.Data(mount, place)
	if data["value"] != canary+"-2" || data["latchkey_label"] != "K2" || version != 2 {
		t.Errorf("version %d has the label %v", version, data["latchkey_label"])
	}
}

func TestDeliverOverWhatIsThere(t *testing.T) {
	t.Parallel()
	somebodys := func(b bundle) { b.Put(mount, place, map[string]any{"value": "theirs"}) }
	ours := func(b bundle) { b.Put(mount, place, map[string]any{"value": canary, "latchkey_label": "K1"}) }
	both := func(fs ...func(bundle)) func(bundle) {
		return func(b bundle) {
			for _, f := range fs {
				f(b)
			}
		}
	}
	remove := func(b bundle) { b.Delete(mount, place) }
	tests := []struct {
		name    string
		there   func(bundle)
		deliver connectors.Delivery
		version string // what it becomes; empty for ErrTaken
		says    string
	}{
		{"somebody's", somebodys, delivery(), "", "version 1 is not from this delivery"},
		{"another label's", ours, rotated(""), "", "version 1 is not from this delivery"},
		{"our label with a changed value", func(b bundle) {
			b.Put(mount, place, map[string]any{"value": "patched", "latchkey_label": "K1"})
		}, delivery(), "", "not from this delivery"},
		{"deleted", both(somebodys, remove), delivery(), "", "may be restored"},
		{"destroyed", both(somebodys, func(b bundle) { b.Destroy(mount, place) }), delivery(), "", "metadata"},
		{"deleted and restored", both(ours, remove, func(b bundle) { b.Undelete(mount, place) }), delivery(), "1", ""},
		{"emptied", both(somebodys, func(b bundle) { b.DeleteMetadata(mount, place) }), delivery(), "1", ""},
		{"replaces", ours, rotated("1"), "2", ""},
		{"replaces what was deleted", both(ours, remove), rotated("1"), "2", ""},
		{"replaces what was destroyed", both(ours, func(b bundle) { b.Destroy(mount, place) }), rotated("1"), "2", ""},
		{"replaced by somebody since", both(ours, somebodys), rotated("1"), "", "version 2 is not"},
		{"replaced and deleted since", both(ours, somebodys, remove), rotated("1"), "", "version 2 was there"},
		{"gone since", func(bundle) {}, rotated("1"), "", "gone with all its versions"},
		{"ours of a later number", both(somebodys, ours), delivery(), "2", ""},
		{"of a version to come", ours, rotated("7"), "", "version 1 is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.there(b)
			before, number := b.Data(mount, place)
			got, err := b.Deliver(t.Context(), tt.deliver)
			clean(t, err)
			if tt.version != "" {
				if err != nil || got.Version != tt.version {
					t.Fatalf("delivered %+v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, connectors.ErrTaken) || !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want ErrTaken about %q", err, tt.says)
			}
			after, now := b.Data(mount, place)
			if diff := cmp.Diff(before, after); diff != "" || now != number {
				t.Errorf("something was written: version %d is now %d\n%s", number, now, diff)
			}
		})
	}
}

func TestDeliverThroughFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault vaulttest.Fault
		final bool // ErrUnrecoverable
		says  string
	}{
		{"lost before", vaulttest.Fault{}, false, "PUT"},
		{"lost after", vaulttest.Fault{After: true}, false, "PUT"},
		{"500", vaulttest.Fault{Status: 500, Error: "internal error"}, false, "500"},
		{"500 after", vaulttest.Fault{Status: 500, Error: "internal error", After: true}, false, "500"},
		{"sealed", vaulttest.Fault{Status: 503, Error: "Vault is sealed"}, false, "Vault is sealed"},
		{"upgrading", vaulttest.Fault{Status: 400, Error: "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period"}, false, "Upgrading"},
		{"denied", vaulttest.Fault{Status: 403, Error: "1 error occurred:\n\t* permission denied\n\n"}, true, "permission denied"},
		{"echo", vaulttest.Fault{Status: 400, Error: "odd body", Echo: true}, true, "400"},
		{"echo of 500", vaulttest.Fault{Status: 500, Echo: true}, false, "500"},
		{"echo of no JSON", vaulttest.Fault{Status: 502, Body: "<html>" + canary}, false, "502"},
		{"odd 200", vaulttest.Fault{Status: 200, Body: canary, After: true}, false, "not the JSON"},
		{"200 of another version", vaulttest.Fault{Status: 200, Body: `{"data":{"version":9}}`, After: true}, false, "not the JSON"},
		{"204 after", vaulttest.Fault{Status: 204, After: true}, false, "not the JSON"},
		{"200 of nothing", vaulttest.Fault{Status: 200, Body: `{"data":null}`, After: true}, false, "not the JSON"},
		{"redirect", vaulttest.Fault{Status: 307, Header: http.Header{"Location": {"/v1/secret/data/elsewhere"}}}, false, "never followed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.fault.Method, tt.fault.Path = http.MethodPut, dataPath
			b.Inject(tt.fault)
			_, err := b.Deliver(t.Context(), delivery())
			clean(t, err, b.settings.Token)
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != tt.final || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("err = %v, want final %t about %q", err, tt.final, tt.says)
			}
			if data, _ := b.Data(mount, place); (data != nil) != tt.fault.After {
				t.Errorf("written: %t", data != nil)
			}
			got, err := b.Deliver(t.Context(), delivery())
			if data, version := b.Data(mount, place); err != nil || got.Version != "1" || version != 1 || data["value"] != canary {
				t.Errorf("the next try: %+v, %v, version %d", got, err, version)
			}
		})
	}
}

func TestDeliverIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for after, header := range map[time.Duration]http.Header{10 * time.Second: nil, 7 * time.Second: {"Retry-After": {"7"}}} {
		b.Inject(vaulttest.Fault{Path: dataPath, Status: http.StatusTooManyRequests, Echo: true, Header: header})
		_, err := b.Deliver(t.Context(), delivery())
		clean(t, err)
		limited, ok := errors.AsType[*connectors.RateLimitedError](err)
		if !ok || limited.After != after || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("err = %v, want a limit of %s", err, after)
		}
	}
}

// The lookup after a mismatch fails: whether it was delivered stays open.
func TestDeliverCannotLookAfterMismatch(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]vaulttest.Fault{
		"500":     {Status: 500, Error: "internal error"},
		"odd":     {Status: 200, Body: `{"data":{"data":7,"metadata":null}}`},
		"no data": {Status: 200, Body: `{"data":{"data":{}}}`},
		"null":    {Status: 200, Body: `null`},
		"empty":   {Status: 200},
	} {
		b := setup(t)
		b.Put(mount, place, map[string]any{"value": "theirs"})
		fault.Method, fault.Path = http.MethodGet, dataPath
		b.Inject(fault)
		_, err := b.Deliver(t.Context(), delivery())
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("%s: err = %v, want an ambiguous one", name, err)
		}
	}
}

func TestDeliverNeverWritesToVersion1(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.AddMount("old", "1")
	s := b.settings
	s.Mount, s.Token = "old", b.Token()
	_, err := open(t, s).Deliver(t.Context(), delivery())
	if !errors.Is(err, connectors.ErrUnrecoverable) || b.Calls()["PUT /v1/old/data/payroll/tempo"] != 0 {
		t.Errorf("err = %v, calls %v", err, b.Calls())
	}
}

func TestDeliverRefusesBeforeAnyCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*connectors.Delivery){
		"place":         func(d *connectors.Delivery) { d.Place = "../sys/mounts" },
		"no place":      func(d *connectors.Delivery) { d.Place = "" },
		"no label":      func(d *connectors.Delivery) { d.Label = "" },
		"no secret":     func(d *connectors.Delivery) { d.Secret = secret.Value{} },
		"version":       func(d *connectors.Delivery) { d.Replaces = "latest" },
		"version 0":     func(d *connectors.Delivery) { d.Replaces = "0" },
		"version 01":    func(d *connectors.Delivery) { d.Replaces = "01" },
		"large version": func(d *connectors.Delivery) { d.Replaces = "99999999999" },
		"value fact":    func(d *connectors.Delivery) { d.Facts = map[string]string{"value": "x"} },
		"label fact":    func(d *connectors.Delivery) { d.Facts = map[string]string{"latchkey_label": "x"} },
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
	if _, err := b.Deliver(t.Context(), delivery()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
