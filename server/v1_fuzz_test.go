package server

import (
	"encoding/base64"
	"errors"
	"testing"

	"latchkey/storage"
)

// A cursor comes back from outside: whatever it is, it is read or refused.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "MTQy", "eyJGcm9tIjoiMjAyNi0xMS0yMFQwMDowMDowMFoifQ", "!", base64.RawURLEncoding.EncodeToString([]byte(`{"At":{"Row":"(0,1)"}}`))} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := cursor[accessCursor](PageQuery{Cursor: text})
		refusedOrFine(t, err)
		id, err := cursor[storage.CredentialID](PageQuery{Cursor: text})
		refusedOrFine(t, err)
		if err == nil && text == "" && id != 0 {
			t.Errorf("no cursor is %d", id)
		}
	})
}

// So do the versions of If-Match, and the days and times of filters.
func FuzzFilters(f *testing.F) {
	f.Add(`"5c1f9a2b7d3e4f60a1b2"`, "2026-11-20", "2026-11-20T00:00:00Z", "TK-7F3K")
	f.Add(`W/"x"`, "", "0000-01-01T00:00:00Z", "7")
	f.Fuzz(func(t *testing.T, version, day, from, subjectID string) {
		seen, err := versionIn(version)
		refusedOrFine(t, err)
		if err == nil && `"`+seen+`"` != version {
			t.Errorf("%q is read as %q", version, seen)
		}
		_, _, err = spanOf(day, from, "")
		refusedOrFine(t, err)
		refusedOrFine(t, subject(&storage.AuditFilter{Subject: "person"}, subjectID))
	})
}

func refusedOrFine(t *testing.T, err error) {
	t.Helper()
	if p, refused := errors.AsType[problem](err); err != nil && (!refused || p.Status < 400 || p.Status >= 500) {
		t.Errorf("err = %v", err)
	}
}
