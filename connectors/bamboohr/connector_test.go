package bamboohr_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/bamboohr"
	"latchkey/connectors/bamboohr/bamboohrtest"
	"latchkey/secret"
)

const (
	apiKey     = "api-key-that-nobody-may-see"
	privateKey = "private-key-of-the-tests"
	address    = "http://latchkey.example/hooks/hr"
)

var (
	now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at  = now.Add(-time.Minute)
)

type bundle struct {
	*bamboohr.Connector
	*bamboohrtest.Double
}

func setup(t testing.TB) bundle {
	t.Helper()
	clock := func() time.Time { return now }
	d, base := bamboohrtest.Start(t, bamboohrtest.Config{APIKey: secret.New(apiKey), PrivateKey: secret.New(privateKey), Now: clock})
	wire := &http.Transport{} // retries would hide injected faults
	t.Cleanup(wire.CloseIdleConnections)
	c, err := bamboohr.Open(settings(base), wire)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(clock)
	return bundle{c, d}
}

func settings(base string) connectors.Settings {
	return connectors.Settings{
		Name: "hr", Company: "acme", BaseURL: base, AllowPrivate: true,
		APIKey: secret.New(apiKey), SigningSecret: secret.New(privateKey),
	}
}

func (b bundle) send(ctx context.Context, t testing.TB, body []byte) ([]connectors.PersonEvent, error) {
	t.Helper()
	r, err := b.Deliver(ctx, address, body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Events(r, body)
	if err != nil && (strings.Contains(err.Error(), apiKey) || strings.Contains(err.Error(), privateKey)) {
		t.Errorf("the error shows a secret: %v", err)
	}
	return got, err
}

func frank(status, hired, terminated string) bamboohrtest.Employee {
	return bamboohrtest.Employee{
		ID: "7", FirstName: "Frank", LastName: "Ott", WorkEmail: "frank@example.com",
		Status: status, HireDate: hired, TerminationDate: terminated,
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	account := connectors.AccountRef{ID: "7", Email: "frank@example.com", Name: "Frank Ott"}
	event := func(what, state string, active bool, from time.Time) []connectors.PersonEvent {
		return []connectors.PersonEvent{{
			ID: what + "/7/2026-11-21T11:59:00Z/" + state, Account: account, Active: active, At: at, From: from, Reason: what,
		}}
	}
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	const changed, made = "employee.updated", "employee.created"
	tests := []struct {
		name  string
		is    bamboohrtest.Employee
		event string
		of    []string
		want  []connectors.PersonEvent
	}{
		{"terminated", frank("Inactive", "2020-01-01", "2026-11-20"), changed, []string{"status"}, event(changed, "left", false, time.Time{})},
		{"inactive without a date", frank("Inactive", "", ""), changed, []string{"status"}, event(changed, "left", false, time.Time{})},
		{"seen by another change", frank("Inactive", "", ""), changed, []string{"jobTitle"}, event(changed, "left", false, time.Time{})},
		{"inactive before the date", frank("Inactive", "", "2026-12-31"), changed, []string{"status"}, event(changed, "left", false, time.Time{})},
		{
			"leaves later", frank("Active", "2020-01-01", "2026-11-30"), changed, []string{"terminationDate"},
			event(changed, "left from 2026-12-01", false, day(time.December, 1)),
		},
		{
			"the last day is worked", frank("Active", "2020-01-01", "2026-11-21"), changed, []string{"Employment Status"},
			event(changed, "left from 2026-11-22", false, day(time.November, 22)),
		},
		{"the vendor's turn", frank("Active", "2020-01-01", "2026-11-20"), changed, []string{"terminationDate"}, nil},
		{"canceled", frank("Active", "2020-01-01", ""), changed, []string{"terminationDate"}, event(changed, "active", true, time.Time{})},
		{"rehired", frank("Active", "2026-11-01", "2024-01-31"), changed, []string{"status"}, event(changed, "active", true, time.Time{})},
		{
			"rehired for later", frank("Active", "2027-01-04", "2026-06-30"), changed, []string{"hireDate"},
			event(changed, "active from 2027-01-04", true, time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)),
		},
		{"a new title", frank("Active", "2020-01-01", ""), changed, []string{"jobTitle", "workPhone"}, nil},
		{"something new", frank("Active", "2020-01-01", ""), changed, nil, event(changed, "active", true, time.Time{})},
		{"hired", frank("Active", "2026-11-21", ""), made, nil, event(made, "active", true, time.Time{})},
		{"to begin", frank("Active", "2026-12-01", ""), made, nil, event(made, "active from 2026-12-01", true, day(time.December, 1))},
		{"entered afterwards", frank("Inactive", "2010-01-01", "2012-01-01"), made, nil, event(made, "left", false, time.Time{})},
	}
	for _, tt := range tests {
		b := setup(t)
		b.Set(tt.is)
		for range 2 { // a repeat has the same ID
			got, err := b.send(t.Context(), t, bamboohrtest.Event(tt.event, "7", at, tt.of...))
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
			}
		}
	}
}

func TestDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.send(t.Context(), t, bamboohrtest.Event("employee.deleted", "7", at))
	want := []connectors.PersonEvent{{
		ID: "employee.deleted/7/2026-11-21T11:59:00Z/left", Account: connectors.AccountRef{ID: "7"}, At: at, Reason: "employee.deleted",
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("a deleted record was asked for: %v", calls)
	}
}

// Everything a webhook can be set to send leads to the same event.
func TestEncodings(t *testing.T) {
	t.Parallel()
	plus2 := at.In(time.FixedZone("", 7200))
	for name, tt := range map[string]struct {
		body string
		at   time.Time
	}{
		"events":           {string(bamboohrtest.Event("employee.updated", "7", at, "status")), at},
		"another zone":     {string(bamboohrtest.Event("employee.updated", "7", plus2, "status")), at},
		"form":             {string(bamboohrtest.EventForm("employee.updated", "7", "status")), now},
		"rows":             {string(bamboohrtest.Rows(bamboohrtest.Row{ID: "7", Action: "Updated", Changed: []string{"Status"}})), now},
		"rows with a time": {string(bamboohrtest.Rows(bamboohrtest.Row{ID: "7", Action: "updated", Timestamp: at.Format(time.RFC3339)})), at},
		"a clock ahead":    {string(bamboohrtest.Event("employee.updated", "7", now.Add(time.Hour), "status")), now},
		"numbers":          {`{"type":"employee.updated","data":{"companyId":12345,"employeeId":7,"more":{}},"more":1}`, now},
		"named company":    {`{"type":"employee.updated","data":{"companyId":"ACME","employeeId":"7"}}`, now},
	} {
		b := setup(t)
		b.Set(frank("Inactive", "", ""))
		got, err := b.send(t.Context(), t, []byte(tt.body))
		want := []connectors.PersonEvent{{
			ID:      "employee.updated/7/" + tt.at.Format(time.RFC3339) + "/left",
			Account: connectors.AccountRef{ID: "7", Email: "frank@example.com", Name: "Frank Ott"}, At: tt.at, Reason: "employee.updated",
		}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}

	b := setup(t)
	b.Set(frank("Inactive", "", ""))
	b.Set(bamboohrtest.Employee{ID: "8", FirstName: "Grace", Status: "Active"})
	got, err := b.send(t.Context(), t, bamboohrtest.Rows(
		bamboohrtest.Row{ID: "7", Action: "Updated"}, bamboohrtest.Row{ID: "8", Action: "Created"}, bamboohrtest.Row{ID: "9", Action: "Deleted"}))
	var people []string
	for _, e := range got {
		people = append(people, e.ID)
	}
	const second = "/2026-11-21T12:00:00Z/"
	want := []string{"employee.updated/7" + second + "left", "employee.created/8" + second + "active", "employee.deleted/9" + second + "left"}
	if diff := cmp.Diff(want, people); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = b.send(t.Context(), t, []byte(`{"type":"time_off.requested","data":{}}`))
	if err != nil || len(got) != 0 {
		t.Errorf("an event about something else: %v, %v", got, err)
	}
}

// An answer that is none makes the sender try again, and never an event.
func TestAPIFails(t *testing.T) {
	t.Parallel()
	right := `{"id":"7","status":"Active"}`
	for name, faults := range map[string][]bamboohrtest.Fault{
		"unauthorized":      {{Status: http.StatusUnauthorized, Body: `{"error":"key ` + apiKey + ` is unknown"}`}},
		"forbidden":         {{Status: http.StatusForbidden}},
		"not found":         {{Status: http.StatusNotFound}},
		"limited":           {{Status: http.StatusTooManyRequests, RetryAfter: "7"}},
		"failing":           {{Status: http.StatusInternalServerError}},
		"a redirect":        {{Status: http.StatusFound}},
		"garbage":           {{Status: http.StatusOK, Body: "<html>"}},
		"another employee":  {{Status: http.StatusOK, Body: `{"id":"8","status":"Inactive"}`}},
		"no status":         {{Status: http.StatusOK, Body: `{"id":"7"}`}},
		"unknown status":    {{Status: http.StatusOK, Body: `{"id":"7","status":"Suspended"}`}},
		"wrong hire date":   {{Status: http.StatusOK, Body: `{"id":"7","status":"Active","hireDate":"soon"}`}},
		"fails half-way":    {{Status: http.StatusOK, Body: right}, {Status: http.StatusBadGateway}},
		"wrong end":         {{Status: http.StatusOK, Body: right}, {Status: http.StatusOK, Body: `{"id":"7","terminationDate":"31.12.2026"}`}},
		"end of another":    {{Status: http.StatusOK, Body: right}, {Status: http.StatusOK, Body: `{"id":"8","terminationDate":"2026-12-31"}`}},
		"limited half-way":  {{Status: http.StatusOK, Body: right}, {Status: http.StatusTooManyRequests}},
		"not found halfway": {{Status: http.StatusOK, Body: right}, {Status: http.StatusNotFound}},
	} {
		b := setup(t)
		b.Set(frank("Inactive", "", ""))
		for _, f := range faults {
			b.Inject(f)
		}
		body := bamboohrtest.Event("employee.updated", "7", at, "status")
		got, err := b.send(t.Context(), t, body)
		if err == nil || got != nil || errors.Is(err, connectors.ErrUnverified) || errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if limited, ok := errors.AsType[*connectors.RateLimitedError](err); name == "limited" && (!ok || limited.After != 7*time.Second) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := b.send(t.Context(), t, body); err != nil || len(got) != 1 {
			t.Errorf("%s, then again: %v, %v", name, got, err)
		}
	}
}

func TestAPIHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.send(ctx, t, bamboohrtest.Event("employee.updated", "7", at, "status"))
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	b.Inject(bamboohrtest.Fault{Status: http.StatusUnauthorized})
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "API key was refused") {
		t.Errorf("refused: %v", err)
	}
	b.Inject(bamboohrtest.Fault{Status: http.StatusBadGateway})
	if err := b.Check(t.Context()); err == nil {
		t.Error("a failure passes for an answer")
	}
}
