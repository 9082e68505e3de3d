package personio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/personio"
	"latchkey/connectors/personio/personiotest"
	"latchkey/secret"
)

const (
	clientSecret = "client-secret-that-nobody-may-see"
	hook         = "webhook-secret-of-the-tests"
	address      = "http://latchkey.example/hooks/hr"
)

var (
	now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at  = now.Add(-time.Minute)
)

type bundle struct {
	*personio.Connector
	*personiotest.Double
}

func setup(t testing.TB) bundle {
	t.Helper()
	d, base := personiotest.Start(t, personiotest.Config{ClientID: "papi-1", ClientSecret: secret.New(clientSecret)})
	wire := &http.Transport{} // retries would hide injected faults
	t.Cleanup(wire.CloseIdleConnections)
	c, err := personio.Open(settings(base), wire)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(func() time.Time { return now })
	return bundle{c, d}
}

func settings(base string) connectors.Settings {
	return connectors.Settings{
		Name: "hr", BaseURL: base, AllowPrivate: true,
		ClientID: "papi-1", ClientSecret: secret.New(clientSecret), SigningSecret: secret.New(hook),
	}
}

func (b bundle) send(ctx context.Context, t testing.TB, body []byte) ([]connectors.PersonEvent, error) {
	t.Helper()
	r, err := personiotest.Deliver(ctx, address+"?token="+hook, body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Events(r, body)
	if err != nil && (strings.Contains(err.Error(), clientSecret) || strings.Contains(err.Error(), hook) || strings.Contains(err.Error(), "papi-")) {
		t.Errorf("the error shows a secret: %v", err)
	}
	return got, err
}

func frank(status string, employments ...personiotest.Employment) personiotest.Person {
	return personiotest.Person{ID: "7", Email: "frank@example.com", FirstName: "Frank", LastName: "Ott", Status: status, Employments: employments}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	type job = personiotest.Employment
	open := job{Status: "ACTIVE", Start: "2020-01-01"}
	leave := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		is     personiotest.Person
		state  string
		active bool
		from   time.Time
	}{
		{"terminated", frank("INACTIVE", job{Status: "INACTIVE", Start: "2020-01-01", TerminationDate: "2026-11-20"}), "left", false, time.Time{}},
		{"to be terminated", frank("ACTIVE", job{Status: "ACTIVE", Start: "2020-01-01", TerminationDate: "2026-11-30"}), "left from 2026-12-01", false, leave},
		{
			"works no longer than that", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-12-31", LastWorkingDate: "2026-11-30"}),
			"left from 2026-12-01", false, leave,
		},
		{"works until then", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-30", LastWorkingDate: "2026-12-31"}), "left from 2026-12-01", false, leave},
		{"only a last day", frank("ACTIVE", job{Status: "ACTIVE", LastWorkingDate: "2026-11-30"}), "left from 2026-12-01", false, leave},
		{"the last day is worked", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-21"}), "left from 2026-11-22", false, leave.AddDate(0, 0, -9)},
		{"the status is late", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-20"}), "left", false, time.Time{}},
		{"canceled", frank("ACTIVE", open), "active", true, time.Time{}},
		{"on leave", frank("ACTIVE", job{Status: "LEAVE", Start: "2020-01-01"}), "active", true, time.Time{}},
		{"to begin", frank("ACTIVE", job{Status: "ONBOARDING", Start: "2026-12-01"}), "active from 2026-12-01", true, leave},
		{"rehired", frank("ACTIVE", job{Status: "INACTIVE", TerminationDate: "2024-01-01"}, open), "active", true, time.Time{}},
		{
			"rehired for later", frank("INACTIVE", job{Status: "INACTIVE"}, job{Status: "ONBOARDING", Start: "2027-01-04"}, job{Status: "ONBOARDING", Start: "2026-12-01"}),
			"active from 2026-12-01", true, leave,
		},
		{
			"from one contract to the next", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-30"}, job{Status: "ONBOARDING", Start: "2026-12-01"}),
			"active", true, time.Time{},
		},
		{
			"a gap between them", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-30"}, job{Status: "ONBOARDING", Start: "2026-12-02"}),
			"left from 2026-12-01", false, leave,
		},
		{
			"two that end", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-25"}, job{Status: "ACTIVE", TerminationDate: "2026-11-30"}),
			"left from 2026-12-01", false, leave,
		},
		{"one of two ends", frank("ACTIVE", job{Status: "ACTIVE", TerminationDate: "2026-11-25"}, open), "active", true, time.Time{}},
		{"inactive without any", frank("INACTIVE"), "left", false, time.Time{}},
	} {
		b := setup(t)
		b.Set(tt.is)
		for _, event := range []string{"employment.terminated", "employment.updated", "employment.created", "employment.started", "employment.deleted", "person.deleted"} {
			want := []connectors.PersonEvent{{
				ID:      event + "/7/2026-11-21T11:59:00Z/" + tt.state,
				Account: connectors.AccountRef{ID: "7", Email: "frank@example.com", Name: "Frank Ott"},
				Active:  tt.active, At: at, From: tt.from, Reason: event,
			}}
			for range 2 { // a repeat has the same ID
				got, err := b.send(t.Context(), t, personiotest.Event(event, "7", at))
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s, %s: %v (-want +got):\n%s", tt.name, event, err, diff)
				}
			}
		}
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(frank("ACTIVE")) // without employments: nothing can be concluded
	for _, event := range []string{"employment.updated", "person.updated", "person.created", "absence.created"} {
		got, err := b.send(t.Context(), t, personiotest.Event(event, "7", at))
		if err != nil || got != nil {
			t.Errorf("%s: %v, %v", event, got, err)
		}
	}
}

func TestDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, event := range []string{"person.deleted", "employment.deleted"} {
		got, err := b.send(t.Context(), t, personiotest.Event(event, "7", at))
		want := []connectors.PersonEvent{{
			ID: event + "/7/2026-11-21T11:59:00Z/left", Account: connectors.AccountRef{ID: "7"}, At: at, Reason: event,
		}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	got, err := b.send(t.Context(), t, personiotest.Event("employment.terminated", "7", at))
	if err == nil || got != nil || errors.Is(err, connectors.ErrMalformed) {
		t.Errorf("somebody who is not found and not said to be deleted: %v, %v", got, err)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(frank("INACTIVE", personiotest.Employment{Status: "INACTIVE"}))
	for _, payload := range []string{
		`{"person_id":"7"}`, `{"person_id":7,"id":"x"}`, `{"person":{"id":"7"},"id":"x"}`, `{"employment":{"id":"x","person":{"id":"7"}}}`,
		`{"employment":{"person_id":"7"}}`, `{"person_id":"7","person":{"id":"7"},"more":{}}`,
	} {
		body := `{"company_id":"1","event_name":"employment.terminated","occurred_at":"2026-11-21T12:59:00+01:00","payload":` + payload + `,"meta":{}}`
		got, err := b.send(t.Context(), t, []byte(body))
		if err != nil || len(got) != 1 || got[0].Account.Email != "frank@example.com" || !got[0].At.Equal(at) {
			t.Errorf("%s: %v, %v", payload, got, err)
		}
	}
	got, err := b.send(t.Context(), t, personiotest.Event("employment.terminated", "7", now.Add(time.Hour)))
	if err != nil || len(got) != 1 || !got[0].At.Equal(now) {
		t.Errorf("a clock ahead: %v, %v", got, err)
	}
}

func TestUnverified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(frank("INACTIVE"))
	body := personiotest.Event("employment.terminated", "7", at)
	for name, tt := range map[string]struct {
		query   string
		headers []string
	}{
		"none":                {"", nil},
		"another":             {"?token=webhook-secret-of-nobody", nil},
		"empty":               {"?token=", nil},
		"two":                 {"?token=" + hook + "&token=" + hook, nil},
		"beside another":      {"?token=" + hook + "&x=1", nil},
		"another name":        {"?Token=" + hook, nil},
		"no query":            {"?token=" + hook + "&%zz", nil},
		"a semicolon":         {"?token=" + hook + ";x=1", nil},
		"both":                {"?token=" + hook, []string{"Bearer " + hook}},
		"two headers":         {"", []string{"Bearer " + hook, "Bearer " + hook}},
		"without a scheme":    {"", []string{hook}},
		"basic":               {"", []string{"Basic " + hook}},
		"another header":      {"", []string{"Bearer webhook-secret-of-nobody"}},
		"header with a query": {"?x=1", []string{"Bearer " + hook}},
		"upper case":          {"?token=" + strings.ToUpper(hook), nil},
		"cut":                 {"?token=" + hook[1:], nil},
	} {
		r, err := personiotest.Deliver(t.Context(), address+tt.query, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range tt.headers {
			r.Header.Add("Authorization", h)
		}
		got, err := b.Events(r, body)
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if strings.Contains(err.Error(), hook) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the API was asked for a forger: %v", calls)
	}
	r, _ := personiotest.Deliver(t.Context(), address, body)
	r.Header.Set("Authorization", "bearer "+hook)
	if got, err := b.Events(r, body); err != nil || len(got) != 1 {
		t.Errorf("as a header: %v, %v", got, err)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := string(personiotest.Event("employment.terminated", "7", at))
	with := func(old, changed string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		return strings.Replace(good, old, changed, 1)
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "an object": "{}", "a form": "event_name=x", "something follows": good + "{}",
		"no person":          with(`"person":{"id":"7"}`, `"x":1`),
		"two persons":        with(`"person":{"id":"7"}`, `"person":{"id":"7"},"person_id":"8"`),
		"a path":             with(`"7"`, `"7/../8"`),
		"dots":               with(`"7"`, `".."`),
		"a long ID":          with(`"7"`, `"`+strings.Repeat("7", 65)+`"`),
		"no time":            with(`"occurred_at"`, `"x"`),
		"a date":             with("2026-11-21T11:59:00Z", "2026-11-21"),
		"another type":       with(`"employment.terminated"`, `1`),
		"a list of payloads": with(`"payload":{`, `"payload":[{`),
	} {
		got, err := b.send(t.Context(), t, []byte(body))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the API was asked: %v", calls)
	}
}
