package bamboohr

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"type":"employee.updated","timestamp":"2026-01-31T18:42:00+0000","data":{"companyId":"12345","employeeId":"67890","changedFields":["status"]}}`,
		`{"employees":[{"id":"1","action":"Updated","changedFields":["Status"],"fields":{}}]}`,
		`type=employee.updated&data[companyId]=12345&data[employeeId]=67890&data[changedFields][0]=status`,
		`{"type":"employee.created","data":{"employeeId":7}}`,
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	sent := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body string, form bool) {
		h := http.Header{"Content-Type": {"application/json"}}
		if form {
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		changes, err := parse(h, []byte(body), sent, "acme")
		if err != nil && (!errors.Is(err, connectors.ErrMalformed) || changes != nil) {
			t.Fatalf("%v, %v", changes, err)
		}
		if len(changes) > maxChanges {
			t.Errorf("%d changes", len(changes))
		}
		for _, ch := range changes {
			if !isNumber(ch.employee) || ch.at.After(sent) {
				t.Errorf("change %+v", ch)
			}
		}
	})
}
