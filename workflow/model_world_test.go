package workflow

import (
	"context"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"latchkey/connectors/fake"
)

// What happens around the people of the model: groups, leaves, time, vendors
// and workers.

func (m *model) someoneMoves(t *rapid.T) {
	group, who := drawKey(t, m.groups, "group"), rapid.SampledFrom(memberNames).Draw(t, "who")
	if m.groups[group][who] {
		delete(m.groups[group], who)
	} else {
		m.groups[group][who] = true
	}
	delete(m.stale, group)
	m.setGroup(t, "slack:"+group, slices.Sorted(maps.Keys(m.groups[group]))...)
}

func (m *model) someoneLeavesOrReturns(t *rapid.T) {
	who := rapid.SampledFrom(memberNames).Draw(t, "who")
	m.out[who] = !m.out[who]
	m.setActive(t, who, !m.out[who])
}

func (m *model) aGroupGoesStale(t *rapid.T) {
	group := rapid.SampledFrom([]string{"S0IT", "S0SEC"}).Draw(t, "group")
	m.stale[group] = !m.stale[group]
	minutes := 0
	if m.stale[group] {
		minutes = 10
	}
	m.exec(t, `UPDATE group_source SET refreshed_at = clock_timestamp() - $2 * interval '1 minute' WHERE source = $1`, "slack:"+group, minutes)
}

func (m *model) timePasses(t *rapid.T) {
	m.ahead += rapid.SampledFrom([]time.Duration{time.Minute, 20 * time.Minute, 10 * time.Hour, 25 * time.Hour, 80 * time.Hour}).Draw(t, "time")
	m.clock(t, m.ahead)
}

func (m *model) theVendorMisbehaves(t *rapid.T) {
	verb := rapid.SampledFrom([]fake.Verb{fake.VerbIssue, fake.VerbRevoke, fake.VerbVerify, fake.VerbList}).Draw(t, "verb")
	faults := []fake.Fault{fake.LostAnswer, fake.LateError, fake.Duplicate, fake.RateLimited, fake.ServerError, fake.NotFound, fake.Garbage, fake.PartialList}
	if verb != fake.VerbIssue {
		faults = append(faults, fake.Lying)
	}
	m.vendor.Inject(verb, rapid.SampledFrom(faults).Draw(t, "fault"), rapid.IntRange(1, 3).Draw(t, "times"))
}

// workHappens sweeps and does what is due; some of it is lost with a worker.
func (m *model) workHappens(t *rapid.T) {
	if rapid.Bool().Draw(t, "leases end") {
		m.leaseEnds(t)
	}
	if err := m.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 4).Draw(t, "lost") == 0 {
		_ = m.jobs(t, IssueArgs{}.Kind(), RevokeArgs{}.Kind())
		return
	}
	_ = m.work(t)
}
