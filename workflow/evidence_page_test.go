package workflow

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

// markup is what somebody could write into a name, a label or an answer.
const markup = `<script>alert(1)</script>"' onload=x <b>&amp;`

// evidenceFixture is a pack with everything there can be in one.
func evidenceFixture() Evidence {
	at := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	later := func(d time.Duration) *time.Time { t := at.Add(d); return &t }
	request := &EvidenceRequest{ID: "RQ-0001", Requester: "Alice " + markup, Reason: "for the yearly report " + markup, Asked: []string{"files:read", "files:write"},
		Granted: []string{"files:read"}, Lifetime: 30 * 86400, Policy: "tempo-write", Version: strings.Repeat("ab", 32), State: "fulfilled", FiledAt: at, DecidedAt: later(time.Hour),
		Steps: []EvidenceStep{
			{Group: "it-admins", Quorum: 1, Eligible: []string{"Bob", "Carol " + markup}, Reviews: []EvidenceVote{{"Carol " + markup, "approve", "fine " + markup, at.Add(time.Minute)}}},
			{Group: "security", Quorum: 2, Eligible: []string{"Dana", "Erin"}, Reviews: []EvidenceVote{{"Dana", "approve", "", at.Add(2 * time.Minute)}, {"Erin", "approve", "", *later(time.Hour)}}},
		}}
	events := []EvidenceEvent{
		{Position: 7, At: at, Action: "request.pending", Actor: "Alice " + markup, After: "pending", Reason: "for the yearly report " + markup},
		{Position: 9, At: *later(time.Hour), Action: "credential.revoked", Before: "revoking", After: "revoked", Erased: true},
	}
	issued := EvidenceItem{Population: "grants", ID: "TK-0001", System: "tempo", Kind: "api_key", Managed: true, Owner: "Alice " + markup, Scopes: []string{"files:read"},
		State: "active", IssuedAt: later(time.Hour), ExpiresAt: later(720 * time.Hour), Request: request, Receipts: []EvidenceProof{}, Events: events}
	ended := EvidenceItem{Population: "terminations", ID: "TK-0002", System: "jira " + markup, Kind: "oauth_grant", Scopes: []string{}, State: "revoked", Reason: "old " + markup,
		EndedAt: later(2 * time.Hour), Replaces: "TK-0003", Events: events[1:],
		Receipts: []EvidenceProof{{At: *later(2 * time.Hour), Verb: "revoke", Answer: "DELETE /tokens/7: 204 No Content\n" + markup, Liveness: "dead", Attempts: 3}}}
	e := Evidence{Format: evidenceFormat, Origin: "latchkey.example.com/audit", Public: "latchkey.example.com/audit+00000000+AAAA", MadeAt: *later(300 * 24 * time.Hour), MadeBy: "Erin " + markup,
		From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Seed: "2026", SampleSize: 25, MaxAge: "365d",
		Policies: []EvidencePolicy{{Hash: strings.Repeat("ab", 32), FirstAt: at, LastAt: later(time.Hour), Today: true, Requests: 12, Rules: []string{"tempo-read", "tempo-write"}}},
		Samples:  []EvidenceItem{issued, ended},
		Revoking: EvidenceTimes{Count: 40, Confirmed: 38, Median: 2.25, Most: 75, Longest: 7500},
		Leaving:  EvidenceTimes{Count: 1, Buckets: evidenceTimes(storage.EvidenceTimes{Buckets: make([]int64, 10)}).Buckets},
		Groups: []EvidenceGroup{
			{Name: "it-admins", Admins: true, Rules: []string{"tempo-write"}, Source: "the Slack user group S0IT", Members: []EvidenceMember{{Name: "Erin " + markup, Email: "erin@example.com", Since: &at}}},
			{Name: "security", Rules: []string{"tempo-write"}, Source: "the directory's group Security (SCIM)", Problem: "its members were never read", Members: []EvidenceMember{}},
		},
		Log: EvidenceLog{From: 5, To: 4711, Events: 4706, Erased: 1, Size: 5000, Root: "r00t", SignedAt: at, Proofs: 3},
	}
	for i, n := range []int64{12, 10, 6, 4, 3, 0, 2, 1, 0, 0} {
		b := EvidenceBucket{Count: n}
		if bounds := storage.EvidenceBounds(); i < len(bounds) {
			b.Below = &bounds[i]
		}
		e.Revoking.Buckets = append(e.Revoking.Buckets, b)
	}
	for i, l := range storage.EvidencePopulations() {
		e.Populations = append(e.Populations, EvidencePopulation{Name: l.Name, Count: int64(i * 7), File: "populations/" + l.Name + ".txt", SHA256: strings.Repeat("0f", 32)})
	}
	for _, l := range storage.EvidenceExceptions() {
		x := EvidencePopulation{Name: l.Name, File: "exceptions/" + l.Name + ".txt", SHA256: strings.Repeat("0f", 32), Query: "\nSELECT 1 < 2", Clean: l.Name == "orphans"}
		if x.Clean || l.Name == "unmanaged" {
			x.Count, x.Rows = 60, []EvidenceRow{{ID: "TK-0009", What: "jira " + markup, Who: "Frank " + markup, At: &at, Why: "active " + markup}, {ID: "TK-000A"}}
		}
		e.Exceptions = append(e.Exceptions, x)
	}
	return e
}

func TestEvidencePage(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := writeEvidencePage(&page, evidenceFixture()); err != nil {
		t.Fatal(err)
	}
	golden(t, "evidence.html", page.String())
	for _, wrong := range []string{"<script", "<b>", "ZgotmplZ", "<no value>"} {
		if strings.Contains(page.String(), wrong) {
			t.Errorf("the page has %s in it", wrong)
		}
	}
}

// Every list has a heading and says what it has.
func TestEvidenceNamesItsLists(t *testing.T) {
	t.Parallel()
	all := append(storage.EvidencePopulations(), storage.EvidenceExceptions()...)
	for _, l := range all {
		if evidenceTitle(l.Name) == "" || evidenceAbout(l.Name) == "" {
			t.Errorf("%s has no heading", l.Name)
		}
	}
	if len(evidenceNames) != len(all) {
		t.Errorf("%d headings for %d lists", len(evidenceNames), len(all))
	}
}

func TestEvidenceSecondsRead(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{0: "0.0 s", 2.25: "2.2 s", 59.99: "60.0 s", 75: "1 min 15 s", 7500: "2 h 5 min", 90000: "25 h 0 min", 200000: "2 d 7 h"} {
		if got := evidenceSeconds(s); got != want {
			t.Errorf("%g reads %q, want %q", s, got, want)
		}
	}
}
