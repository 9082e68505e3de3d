package personio

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"latchkey/connectors"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"company_id":"1","event_name":"employment.terminated","occurred_at":"2026-11-21T11:59:00Z","payload":{"person":{"id":"7"}}}`,
		`{"event_name":"person.deleted","occurred_at":"2026-11-21T11:59:00Z","payload":{"id":7}}`, `{}`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, ours, err := parse(body, now)
		switch {
		case err != nil && (ours || !errors.Is(err, connectors.ErrMalformed)):
			t.Errorf("%v with ours = %t", err, ours)
		case ours && (!isID(m.person) || m.at.After(now) || !isOurs(m.event) || m.occurredAt == ""):
			t.Errorf("message %+v", m)
		}
	})
}

func FuzzStateOf(f *testing.F) {
	f.Add([]byte(`[{"status":"ACTIVE","employment_start_date":"2020-01-01","termination":{"termination_date":"2026-12-31"}}]`))
	f.Add([]byte(`[{"status":"INACTIVE"},{"status":"ONBOARDING","employment_start_date":"2027-01-01"}]`))
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		var all []employment
		if json.Unmarshal(body, &all) != nil {
			t.Skip()
		}
		s, err := stateOf(all, now)
		if err != nil && s != (state{}) || !s.from.IsZero() && !s.from.After(now) {
			t.Errorf("%s, %v", s, err)
		}
	})
}
