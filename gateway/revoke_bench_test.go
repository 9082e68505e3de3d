package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

const (
	replicas    = 3
	revocations = 1000
	revokeEvery = 15 * time.Millisecond
)

// BenchmarkRevokeToRefusal measures from just before a revocation is sent to
// the database until every replica refuses the key, with the defaults: once as
// it is, once with every notification lost.
func BenchmarkRevokeToRefusal(b *testing.B) {
	for name, before := range map[string]string{"heard": "", "notifications lost": notifyNothing} {
		b.Run(name, func(b *testing.B) {
			first := start(b, nil, nil)
			if before != "" {
				first.exec(b, before)
			}
			all := []*bundle{first}
			for range replicas - 1 {
				g, err := New(Deps{DB: first.db, Box: first.box, Logger: zerolog.Nop(),
					Upstreams: map[string]connectors.Upstream{"tempo": first.vendor.upstream(b)}})
				if err != nil {
					b.Fatal(err)
				}
				r := &bundle{Gateway: g}
				runReplica(b, r)
				all = append(all, r)
			}
			for b.Loop() {
				took := revokeMany(b, first, all)
				slices.Sort(took)
				for metric, i := range map[string]int{"p50-ms": len(took) / 2, "p99-ms": len(took) * 99 / 100, "max-ms": len(took) - 1} {
					b.ReportMetric(float64(took[i].Microseconds())/1000, metric)
				}
			}
		})
	}
}

// revokeMany revokes keys one after another and returns how long each lived
// on, on the replica where it did longest.
func revokeMany(b *testing.B, first *bundle, all []*bundle) []time.Duration {
	b.Helper()
	type revoked struct {
		text string
		hash [32]byte
		id   storage.CredentialID
	}
	keys := make([]revoked, revocations)
	for i := range keys {
		k := revoked{text: secret.NewKey().Expose()}
		k.hash = first.box.Hash(k.text)
		err := first.db.Pool().QueryRow(b.Context(), `
			INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
			                        activated_at, expires_at, use_known)
			VALUES ('tempo', 'api_key', true, true, $1, '{everything}', 3600, 'active', encode($2, 'hex'), $2,
			        latchkey_now(), latchkey_now() + interval '1 hour', true)
			RETURNING id`, first.owner, k.hash[:]).Scan(&k.id)
		if err != nil {
			b.Fatal(err)
		}
		keys[i] = k
	}
	lives := func(g *bundle, k revoked) bool {
		found := g.keeper.snapshot.Load().find(k.hash)
		return found != nil && found.lives(time.Now())
	}
	for _, k := range keys {
		for _, g := range all {
			eventually(b, "every replica to know every key", func() bool { return lives(g, k) })
		}
	}

	took := make([]time.Duration, revocations)
	var watchers sync.WaitGroup
	tick := time.NewTicker(revokeEvery)
	defer tick.Stop()
	for i, k := range keys {
		<-tick.C
		begin := time.Now()
		first.exec(b, `UPDATE credential SET state = 'revoking' WHERE id = $1`, k.id)
		watchers.Go(func() {
			eventually(b, "the refusal", func() bool {
				return !slices.ContainsFunc(all, func(g *bundle) bool { return lives(g, k) })
			})
			took[i] = time.Since(begin)
		})
	}
	watchers.Wait()
	for _, k := range keys {
		for _, g := range all {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/tempo/x", http.NoBody)
			r.Header.Set("Authorization", "Bearer "+k.text)
			w := httptest.NewRecorder()
			g.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized {
				b.Fatalf("a revoked key was answered with %d", w.Code)
			}
		}
	}
	return took
}
