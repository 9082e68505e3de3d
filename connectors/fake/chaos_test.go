package fake_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
)

type bundle struct {
	*fake.Vendor
	c *fake.Connector
}

// setup opens the connector over the plain transport: no retries hide what the
// vendor does.
func setup(t *testing.T) bundle {
	t.Helper()
	v := fake.NewVendor()
	c, err := fake.Open(v.Settings("files", v.Start(t)), http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return bundle{v, c}
}

func (b bundle) list(t *testing.T) (rows []connectors.Credential, err error) {
	t.Helper()
	for c, err := range b.c.Credentials(t.Context()) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, c)
	}
	return rows, nil
}

func ambiguous(err error) bool {
	var limited *connectors.RateLimitedError
	return err != nil && !errors.Is(err, connectors.ErrUnrecoverable) && !errors.Is(err, connectors.ErrUnsupported) &&
		!errors.As(err, &limited)
}

func TestFaultsOfIssue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault     fake.Fault
		made      int
		ambiguous bool
		ok        bool
	}{
		{fake.LostAnswer, 1, true, false},
		{fake.LateError, 1, true, false},
		{fake.Duplicate, 2, false, true},
		{fake.ServerError, 0, true, false},
		{fake.Garbage, 0, true, false},
		{fake.Lying, 0, true, false},
		{fake.RateLimited, 0, false, false},
		{fake.Refused, 0, false, false},
		{fake.NotFound, 0, false, false},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Inject(fake.VerbIssue, tt.fault, 1)
			issued, err := b.c.Issue(t.Context(), request("TK-1"))
			if (err == nil) != tt.ok || ambiguous(err) != tt.ambiguous {
				t.Errorf("err = %v", err)
			}
			rows, listErr := b.list(t)
			if listErr != nil || len(rows) != tt.made || len(b.Live()) != tt.made {
				t.Errorf("%d listed, %d in the ledger, want %d; err = %v", len(rows), len(b.Live()), tt.made, listErr)
			}
			if tt.ok && !b.Works(issued.Secret) {
				t.Error("the issued secret does not work")
			}
			for _, r := range rows {
				if r.Label != "TK-1" || r.Owner.ID != "alice" {
					t.Errorf("listed %+v", r)
				}
			}
			if _, err := b.c.Issue(t.Context(), request("TK-2")); err != nil {
				t.Errorf("the fault outlived its one call: %v", err)
			}
		})
	}
}

func TestFaultsOfRevoke(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault fake.Fault
		ok    bool
		dead  bool
	}{
		{fake.Lying, true, false},
		{fake.NotFound, true, false},
		{fake.LostAnswer, false, true},
		{fake.LateError, false, true},
		{fake.ServerError, false, false},
		{fake.RateLimited, false, false},
		{fake.Refused, false, false},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			issued, err := b.c.Issue(t.Context(), request("TK-1"))
			if err != nil {
				t.Fatal(err)
			}
			b.Inject(fake.VerbRevoke, tt.fault, 1)
			if err := b.c.Revoke(t.Context(), issued.Ref); (err == nil) != tt.ok {
				t.Errorf("revoke: %v", err)
			}
			if b.Works(issued.Secret) == tt.dead {
				t.Errorf("the key works: %t", !tt.dead)
			}
			want := connectors.Live
			if tt.dead {
				want = connectors.Dead
			}
			if l, err := b.c.Verify(t.Context(), issued.Ref); err != nil || l != want {
				t.Errorf("verify = %s, %v, want %s: only it finds a lie out", l, err, want)
			}
			if err := b.c.Revoke(t.Context(), issued.Ref); err != nil || b.Works(issued.Secret) {
				t.Errorf("second revoke: %v, works: %t", err, b.Works(issued.Secret))
			}
		})
	}
}

func TestPartialListEndsInAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 5 {
		b.Seed(fake.Key{Label: "made by hand"})
	}
	b.Inject(fake.VerbList, fake.PartialList, 1)
	rows, err := b.list(t)
	if err == nil || len(rows) != 2 {
		t.Errorf("%d rows, err = %v, want one page and an error", len(rows), err)
	}
	if rows, err = b.list(t); err != nil || len(rows) != 5 {
		t.Errorf("%d rows afterwards, err = %v", len(rows), err)
	}
}

func TestVerifyIsNoReceiptInDoubt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.Seed(fake.Key{Label: "x", State: fake.StateRevoked})
	for _, f := range []fake.Fault{fake.NotFound, fake.Garbage, fake.ServerError, fake.LostAnswer, fake.RateLimited, fake.Lying} {
		b.Inject(fake.VerbVerify, f, 0)
		if l, _ := b.c.Verify(t.Context(), connectors.Ref{ID: k.ID}); l != connectors.Unknown {
			t.Errorf("%s: %s, want unknown", f, l)
		}
	}
	b.Heal()
	if l, err := b.c.Verify(t.Context(), connectors.Ref{ID: k.ID}); err != nil || l != connectors.Dead {
		t.Errorf("healthy again: %s, %v", l, err)
	}
}

func TestInjectUntilHeal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Inject(fake.VerbCheck, fake.ServerError, 0)
	for range 3 {
		if err := b.c.Check(t.Context()); err == nil {
			t.Error("check passed")
		}
	}
	b.Heal()
	if err := b.c.Check(t.Context()); err != nil {
		t.Errorf("after Heal: %v", err)
	}
	if n := b.Calls()[fake.VerbCheck]; n != 4 {
		t.Errorf("%d calls counted, want 4", n)
	}
}

func TestHoldShowsBothSidesOfTheWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at   fake.Point
		made int
	}{{fake.Before, 0}, {fake.After, 1}} {
		b := setup(t)
		gate := b.Hold(fake.VerbIssue, tt.at)
		done := make(chan error, 1)
		go func() {
			_, err := b.c.Issue(t.Context(), request("TK-1"))
			done <- err
		}()
		<-gate.Arrived()
		if n := len(b.Live()); n != tt.made {
			t.Errorf("held %s: %d keys, want %d", tt.at, n, tt.made)
		}
		gate.Release()
		gate.Release()
		if err := <-done; err != nil || len(b.Live()) != 1 {
			t.Errorf("released %s: %d keys, err = %v", tt.at, len(b.Live()), err)
		}
	}
}

func TestLedgerFollowsTheClock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.SetClock(func() time.Time { return start })
	req := request("TK-1")
	req.ExpiresAt = start.Add(time.Hour)
	issued, err := b.c.Issue(t.Context(), req)
	if err != nil || !issued.ExpiresAt.Equal(req.ExpiresAt) || !b.Works(issued.Secret) {
		t.Fatalf("issued until %s, err = %v", issued.ExpiresAt, err)
	}
	b.SetClock(func() time.Time { return req.ExpiresAt })
	if b.Works(issued.Secret) || len(b.Live()) != 0 {
		t.Error("the key outlived its end")
	}
	if l, err := b.c.Verify(t.Context(), issued.Ref); err != nil || l != connectors.Dead {
		t.Errorf("verify = %s, %v", l, err)
	}
	if _, err := b.c.Issue(t.Context(), req); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("a key that ends in the past: %v", err)
	}
}

func TestListedRowsSayWhenTheyWereUsed(t *testing.T) {
	t.Parallel()
	v := fake.NewVendor()
	base := v.Start(t)
	c := open(t, v.Settings("files", base))
	b := bundle{v, c}
	used := b.Seed(fake.Key{Label: "used"})
	b.Seed(fake.Key{Label: "unknown"})
	b.Seed(fake.Key{Label: "never", LastUsed: connectors.LastUsed{Known: true}})
	b.Seed(fake.Key{Label: "revoked", State: fake.StateRevoked})

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/whoami", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+used.Secret.Expose())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("whoami = %d", resp.StatusCode)
	}

	rows, err := b.list(t)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, err = %v", len(rows), err)
	}
	if r := rows[0].LastUsed; !r.Known || r.At.IsZero() {
		t.Errorf("used: %+v", r)
	}
	if r := rows[1].LastUsed; r.Known {
		t.Errorf("unknown: %+v", r)
	}
	if r := rows[2].LastUsed; !r.Known || !r.At.IsZero() {
		t.Errorf("never: %+v", r)
	}
}

func TestOpenReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := fake.Open(connectors.Settings{Name: "files", Mode: "brokered"}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{"mode", "base_url", "token", "transport"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not report %s", err, want)
		}
	}
}
