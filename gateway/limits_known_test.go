package gateway

import (
	"testing"
	"time"

	"latchkey/connectors"
)

// What is said of a connection's limits is what holds.
func TestLimitsSaidAreLimitsKept(t *testing.T) {
	t.Parallel()
	common := Limits{PerSecond: 20, Body: 1 << 20}
	for name, own := range map[string]connectors.Limits{
		"none":  {},
		"some":  {PerSecond: 5, AllPerSecond: 100, Duration: time.Minute},
		"burst": {PerSecond: 5, Burst: 7, AllPerSecond: 9, AllBurst: 9, Concurrent: 3, AllConcurrent: 8, Body: 10, Head: 1 << 10},
	} {
		kept, err := newBounds(own, common.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		said, err := newBounds(common.For(own), Limits{Head: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		kept.headBound, said.headBound = false, false // a bound of another limit
		if said != kept {
			t.Errorf("%s: said %+v, kept %+v", name, said, kept)
		}
	}
}
