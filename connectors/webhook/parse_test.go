package webhook

import (
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"id":"e1","type":"person.left","email":"a@example.com","at":"2026-11-21T12:00:00Z"}`,
		`{"events":[{"id":"e1","type":"person.joined","external_id":"1","at":"2026-11-21T12:00:00Z","from":"2026-12-01T00:00:00Z"}]}`,
		`{"events":[]}`, `null`, `{"id":1}`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := parse(body, now)
		if (err == nil) != (len(events) > 0) || len(events) > maxEvents {
			t.Fatalf("%d events, %v", len(events), err)
		}
		seen := map[string]bool{}
		for _, e := range events {
			if e.ID == "" || seen[e.ID] || e.Account.ID == "" && e.Account.Email == "" || e.At.After(now.Add(window)) || e.Reason == "" {
				t.Errorf("event %+v", e)
			}
			seen[e.ID] = true
		}
	})
}

func FuzzSignatures(f *testing.F) {
	f.Add("v1=00,v2=x")
	f.Add("v1=ca9d05d9b948266de811c7bea76e0965a529965e0bc377a060f77fe47a00d11c")
	f.Fuzz(func(t *testing.T, header string) {
		all, ok := v1(header)
		if ok != (len(all) > 0) || len(all) > maxSignatures {
			t.Fatalf("%d signatures, %t", len(all), ok)
		}
		for _, s := range all {
			if len(s) != 32 {
				t.Errorf("a signature of %d bytes", len(s))
			}
		}
	})
}
