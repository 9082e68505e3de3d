package hibob

import (
	"errors"
	"testing"
	"time"

	"latchkey/connectors"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"companyId":1,"type":"employee.left","triggeredBy":"1","triggeredAt":"2026-11-21T11:59:00.1Z","version":"v2","data":{"employeeId":"7"}}`,
		`{"type":"employee.joined","triggeredAt":"2026-11-21T11:59:00","version":"v2","data":{"employeeId":7}}`,
		`{"text":"Ping test"}`, `Ping test`, `{"type":"employee.updated"}`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, ours, err := parse(body, now)
		switch {
		case err != nil && (ours || !errors.Is(err, connectors.ErrMalformed)):
			t.Errorf("%v with ours = %t", err, ours)
		case ours && (!isNumber(m.employee) || m.at.After(now) || m.event == "" || m.triggeredAt == ""):
			t.Errorf("message %+v", m)
		case isPing(body) && ours:
			t.Error("a ping is an event")
		}
	})
}
