package workflow

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"latchkey/storage"
)

// canBeMet tries every way to give persons to steps, each person once.
func canBeMet(steps []storage.Step, used map[storage.PersonID]bool) bool {
	for i, s := range steps {
		if s.Quorum == 0 {
			continue
		}
		for _, id := range s.Eligible {
			if used[id] {
				continue
			}
			used[id] = true
			rest := slices.Clone(steps)
			rest[i].Quorum--
			if canBeMet(rest, used) {
				return true
			}
			delete(used, id)
		}
		return false
	}
	return true
}

func TestTooSmallAgreesWithTryingEverything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var steps []storage.Step
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			steps = append(steps, storage.Step{
				Group:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group"),
				Quorum:   rapid.IntRange(1, 3).Draw(t, "quorum"),
				Eligible: rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(1, 6), func(n int) storage.PersonID { return storage.PersonID(n) }), 0, 6, rapid.ID[storage.PersonID]).Draw(t, "eligible"),
			})
		}
		groups := tooSmall(steps)
		if (groups == nil) != canBeMet(steps, map[storage.PersonID]bool{}) {
			t.Fatalf("%+v: too small %v", steps, groups)
		}
	})
}

func TestTooSmallNamesTheGroups(t *testing.T) {
	t.Parallel()
	step := func(group string, quorum int, eligible ...storage.PersonID) storage.Step {
		return storage.Step{Group: group, Quorum: quorum, Eligible: eligible}
	}
	for name, tt := range map[string]struct {
		steps []storage.Step
		want  []string
	}{
		"nobody is asked":               {nil, nil},
		"an empty group":                {[]storage.Step{step("a", 1)}, []string{"a"}},
		"one too few":                   {[]storage.Step{step("a", 2, 1)}, []string{"a"}},
		"enough":                        {[]storage.Step{step("a", 2, 1, 2), step("b", 1, 3)}, nil},
		"the same person for two steps": {[]storage.Step{step("a", 1, 1), step("b", 1, 1)}, []string{"a", "b"}},
		"the second group is empty":     {[]storage.Step{step("a", 1, 1), step("b", 1)}, []string{"b"}},
		"three share two":               {[]storage.Step{step("a", 1, 1, 2), step("b", 1, 1, 2), step("c", 1, 1, 2)}, []string{"a", "b", "c"}},
		"one can lend to another":       {[]storage.Step{step("a", 1, 1, 2), step("b", 1, 1)}, nil},
	} {
		if diff := cmp.Diff(tt.want, tooSmall(tt.steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
