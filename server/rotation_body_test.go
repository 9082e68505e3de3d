package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"latchkey/workflow"
)

func TestBodyOfARotationIsRead(t *testing.T) {
	t.Parallel()
	got, err := parseRotation([]byte(` {"newKeyExpiresAt":"2027-01-31T13:00:00.25+01:00","oldKeyExpiresAt":"2027-01-02T12:00:00Z","rotateReason":"Scheduled",
		"notifyContacts":["a@example.com","b@example.com"],"metadata":{"rotatedBy":"bot","b":"","a":"é"},"pskId":"ci"} `))
	want := rotationBody{preShared: "ci", ask: workflow.RotateAsk{Ends: time.Date(2027, 1, 31, 12, 0, 0, 250_000_000, time.UTC),
		OldEnds: time.Date(2027, 1, 2, 12, 0, 0, 0, time.UTC), Reason: "Scheduled", Contacts: []string{"a@example.com", "b@example.com"},
		Metadata: json.RawMessage(`{"a":"é","b":"","rotatedBy":"bot"}`)}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rotationBody{})); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s\n%v", diff, err)
	}
	least, err := parseRotation([]byte(`{"newKeyExpiresAt":"2027-01-31T12:00:00Z","oldKeyExpiresAt":null,"rotateReason":null,"notifyContacts":null,"metadata":null,"pskId":null}`))
	if err != nil || !least.ask.OldEnds.IsZero() || least.ask.Metadata != nil || least.ask.Contacts != nil || least.preShared != "" {
		t.Errorf("%+v, %v", least, err)
	}
}

// Whatever a stranger sends is read, or refused in words that may be sent
// back.
func FuzzParseRotation(f *testing.F) {
	for _, seed := range []string{
		`{"newKeyExpiresAt":"2027-01-31T12:00:00Z"}`, `{"newKeyExpiresAt":"2027-01-31T12:00:00Z","metadata":{"a":"b"},"notifyContacts":["a@b.c"]}`,
		`{"a":1,"a":2}`, `{"metadata":{"a":{"b":[]}}}`, `{"pskId":"\ud800"}`, `{`, `[]`, `null`, `{}x`, "\xff", `{"newKeyExpiresAt":"9999-12-31T23:59:60Z"}`,
		strings.Repeat(`{"metadata":`, 50) + strings.Repeat(`}`, 50), `{"rotateReason":"\u0000"}`, `{"":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseRotation(raw)
		if err != nil {
			p := problemOf(err)
			if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity || p.Detail == "" || utf8.RuneCountInString(p.Field) > 65 {
				t.Fatalf("%q: %+v", raw, p)
			}
			return
		}
		if got.ask.Ends.IsZero() || !json.Valid(raw) || strings.ContainsRune(got.ask.Reason+got.preShared+strings.Join(got.ask.Contacts, ""), 0) {
			t.Fatalf("%q is taken: %+v", raw, got)
		}
		if len(got.ask.Metadata) == 0 {
			return
		}
		words := map[string]string{}
		if err := json.Unmarshal(got.ask.Metadata, &words); err != nil || len(words) > maxMetadata {
			t.Fatalf("%q: metadata %s: %v", raw, got.ask.Metadata, err)
		}
		for name, value := range words {
			if strings.ContainsRune(name+value, 0) || !utf8.ValidString(name+value) {
				t.Fatalf("%q: metadata that can't be stored", raw)
			}
		}
	})
}
