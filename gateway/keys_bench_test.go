package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/secret"
	"latchkey/storage"
)

var manyKeys = []int{10_000, 100_000, 1_000_000}

// hashOf is the hash of key n; the benchmarks' SQL computes the same.
func hashOf(n int) [32]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLookUp finds keys among ever more, and reports what one takes in
// memory.
func BenchmarkLookUp(b *testing.B) {
	for _, n := range manyKeys {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := heap()
			g := &grants{made: map[string]*grant{}}
			s := &snapshot{}
			for i := range n {
				s.fill(storage.GatewayKey{ID: storage.CredentialID(i), Hash: hashOf(i), Connection: "tempo", Scopes: []string{"worklogs:view"}, Alive: true}, &snapshot{}, g)
			}
			size := heap() - before
			hashes := make([][32]byte, 1<<12)
			for i := range hashes {
				hashes[i] = hashOf(i * 7919 % n)
			}
			b.ReportAllocs()
			found := 0
			for i := 0; b.Loop(); i++ {
				if s.find(hashes[i%len(hashes)]).alive {
					found++
				}
			}
			if found == 0 {
				b.Fatal("no key was found")
			}
			b.ReportMetric(float64(size)/float64(n), "B/key")
		})
	}
}

// BenchmarkColdStart is the time from nothing in memory until the gateway is
// ready, with Postgres beside it.
func BenchmarkColdStart(b *testing.B) {
	for _, n := range manyKeys {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := open(b)
			x := &bundle{db: db}
			x.exec(b, `INSERT INTO connection (name, kind, brokered) VALUES ('tempo', 'tempo', true)`)
			owner := x.person(b, "alice")
			x.exec(b, `ALTER TABLE credential DISABLE TRIGGER USER`)
			x.exec(b, `
				INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash,
				                        activated_at, expires_at, use_known, changed_at)
				SELECT 'tempo', 'api_key', true, true, $1, '{worklogs:view,plans:view}', 3600, 'active', n::text, sha256(int8send(n)),
				       latchkey_now(), latchkey_now() + interval '1 day', true, clock_timestamp() - interval '1 hour'
				FROM generate_series(0, $2::bigint - 1) n`, owner, n)
			x.exec(b, `ANALYZE credential`)
			box, err := secret.NewBox(secret.NewDataKey())
			if err != nil {
				b.Fatal(err)
			}
			var size uint64
			for b.Loop() {
				before := heap()
				g, err := New(Deps{DB: db, Box: box, Logger: zerolog.Nop()})
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				begin := time.Now()
				go func() { ended <- g.Run(ctx) }()
				eventually(b, "the gateway to be ready", func() bool { return g.Ready() == nil })
				b.ReportMetric(time.Since(begin).Seconds(), "s/start")
				if k := g.keeper.snapshot.Load().find(hashOf(n - 1)); k == nil || !k.alive {
					b.Fatal("the last key is not there")
				}
				size = heap() - before
				cancel()
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(n), "B/key")
		})
	}
}
