package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
	"latchkey/workflow"
)

// A proof is checked with what it says itself, and without us.
func TestAProofIsCheckedWithoutUs(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	for range 3 {
		b.made(t, b.bob, workflow.Ask{Connection: "tempo", Scopes: []string{"worklogs:view"}})
	}
	b.call(t, b.all, http.MethodGet, "/v1/audit/checkpoint", nil).want(t, 404, "unknown", "")
	b.sequenced(t)
	events := read[v1List[v1Event]](t, b.call(t, b.all, http.MethodGet, "/v1/audit?action=request.&limit=1000", nil)).Data
	if len(events) == 0 {
		t.Fatal("no events")
	}
	for i, e := range events {
		if i > 4 {
			break
		}
		p := read[v1Proof](t, b.call(t, b.all, http.MethodGet, at("/v1/audit/%d/proof", e.ID), nil))
		tree, err := auditlog.OpenCheckpoint(p.Public, p.Checkpoint)
		if err != nil || e.Position == nil || p.Position != *e.Position {
			t.Fatalf("%+v: %v", p, err)
		}
		leaf := tlog.Hash(sha256.Sum256(append([]byte{0}, p.Record...)))
		if p.Leaf != base64.StdEncoding.EncodeToString(leaf[:]) {
			t.Errorf("event %d: the record is not the leaf's", e.ID)
		}
		var path tlog.RecordProof
		for _, text := range p.Path {
			h, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			path = append(path, tlog.Hash(h))
		}
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, p.Position, leaf); err != nil {
			t.Errorf("event %d: %v", e.ID, err)
		}
		b.unhurried()
	}
	cp := read[v1Checkpoint](t, b.call(t, b.all, http.MethodGet, "/v1/audit/checkpoint", nil))
	if tree, err := auditlog.OpenCheckpoint(cp.Public, cp.Note); err != nil || tree.N != cp.Size {
		t.Errorf("%+v: %v", cp, err)
	}
}

func TestTheAccessLogIsReadByDayAndPage(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	now, err := b.db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	yesterday := now.UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)
	var batch []storage.Access
	for i := range 5 {
		batch = append(batch, storage.Access{CredentialID: key.ID, At: yesterday, Method: "GET", Route: fmt.Sprint("/4/worklogs/", i), Status: 200 + 100*i, BytesOut: 7, Took: time.Millisecond})
	}
	if err := b.db.WriteAccess(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	day := at("/v1/access?day=%s&person=bob@example.com&credential=%s&system=tempo", yesterday.Format(time.DateOnly), key.ID)
	whole := read[v1List[v1Access]](t, b.call(t, b.all, http.MethodGet, day, nil)).Data
	if len(whole) != 5 || whole[0].Owner != int64(b.bob.Account.PersonID) || whole[0].Credential != key.ID.String() || !whole[0].At.Equal(yesterday) || whole[0].TookMicros != 1000 {
		t.Fatalf("%+v", whole)
	}
	var walked []v1Access
	for cursor := ""; ; {
		page := read[v1List[v1Access]](t, b.call(t, b.all, http.MethodGet, day+"&limit=2&cursor="+cursor, nil))
		walked = append(walked, page.Data...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(whole, walked) {
		t.Errorf("by pages %+v, want %+v", walked, whole)
	}
	if failed := read[v1List[v1Access]](t, b.call(t, b.all, http.MethodGet, day+"&failed=true", nil)).Data; len(failed) != 3 {
		t.Errorf("%d failed", len(failed))
	}
	use := read[v1Use](t, b.call(t, b.all, http.MethodGet, at("/v1/credentials/%s/use", key.ID), nil))
	if !use.Known || len(use.Endpoints) != 5 || len(use.Days) < 30 || use.Days[len(use.Days)-2].Count != 5 || use.Days[len(use.Days)-2].Failed != 3 {
		t.Errorf("%+v", use)
	}
}
