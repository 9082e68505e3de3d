package slacksim

import "time"

// faults is the state behind Knobs.
type faults struct {
	limits     map[string]*limit
	fails      map[string]*failure
	after      map[string]int // calls that take effect, then answer 500
	delays     map[string]time.Duration
	down       bool
	revoked    bool
	dropAcks   int
	duplicates int
	hold       bool
	held       []*envelope
}

type limit struct {
	wait  time.Duration
	times int
}

type failure struct {
	code  string
	times int
}

func newFaults() faults {
	return faults{
		limits: map[string]*limit{}, fails: map[string]*failure{}, after: map[string]int{}, delays: map[string]time.Duration{},
	}
}

func (f *faults) limited(method string) (time.Duration, bool) {
	l := f.limits[method]
	if l == nil || l.times == 0 {
		return 0, false
	}
	l.times--
	return l.wait, true
}

func (f *faults) failing(method string) (string, bool) {
	l := f.fails[method]
	if l == nil || l.times == 0 {
		return "", false
	}
	l.times--
	return l.code, true
}

func (f *faults) lost(method string) bool {
	if f.after[method] == 0 {
		return false
	}
	f.after[method]--
	return true
}
