package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/workflow"
)

const examplePolicyTest = "testdata/policy/latchkey.policy-test"

// TestExampleScenarios keeps the file that admins may copy true.
func TestExampleScenarios(t *testing.T) {
	t.Parallel()
	env := map[string]string{"LATCHKEY_KEY": newKeeperKey(), "TEMPO_TOKEN": "hidden"}
	got := latchkey(t.Context(), env, "policy", "test", "-c", "testdata/policy/latchkey.yaml", examplePolicyTest)
	if got != (ran{0, "All is as wanted in 7 scenarios.\n", ""}) {
		t.Errorf("exit status %d\n%s%s", got.status, got.out, got.err)
	}
}

func TestParseScenario(t *testing.T) {
	t.Parallel()
	type parsed struct {
		Scenario workflow.Scenario
		Want     string
	}
	week := workflow.Duration(7 * 24 * time.Hour)
	alice := func(groups ...string) workflow.PersonFacts {
		return workflow.PersonFacts{Email: "alice@example.com", Name: "alice@example.com", Groups: append([]string{workflow.Everyone}, groups...)}
	}
	for give, want := range map[string]parsed{
		`alice@example.com asks tempo worklogs:view for 7d "a report" -> auto`: {
			workflow.Scenario{
				Requester: alice(),
				Ask:       workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"worklogs:view"}, Lifetime: week, Reason: "a report"},
			}, "auto",
		},
		"alice@example.com  in  a,b\tasks oauth tempo x,y for 1d12h \"\" ->  asked: a 1, b 2": {
			workflow.Scenario{
				Requester: alice("a", "b"),
				Ask:       workflow.Ask{Connection: "tempo", Kind: workflow.OAuthGrant, Scopes: []string{"x", "y"}, Lifetime: workflow.Duration(36 * time.Hour)},
			}, "asked: a 1, b 2",
		},
		`alice@example.com asks tempo x for 2w "why -> auto" -> refused: not -> that`: {
			workflow.Scenario{
				Requester: alice(),
				Ask:       workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"x"}, Lifetime: 2 * week, Reason: "why -> auto"},
			}, "refused: not -> that",
		},
	} {
		scenario, verdict, err := parseScenario(give)
		if err != nil {
			t.Errorf("%s: %v", give, err)
		}
		if diff := cmp.Diff(want, parsed{scenario, verdict}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", give, diff)
		}
	}
}

func TestParseScenarioRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "x", "alice asks tempo x for 7d \"r\" -> auto",
		`alice@example.com asks tempo x for 7d -> auto`,
		`alice@example.com asks tempo x for 7d "r"`,
		`alice@example.com asks tempo x for 7d "r" ->`,
		`alice@example.com asks tempo x for 7d "r" -> automatic`,
		`alice@example.com asks tempo x for 7d "r" -> refusedly`,
		`alice@example.com asks tempo x for 7d "r" -> asked`,
		`alice@example.com in asks tempo x for 7d "r" -> auto`,
		`alice@example.com asks tempo x for never "r" -> auto`,
		`alice@example.com asks tempo x for 0d "r" -> auto`,
		`alice@example.com asks tempo x for -1d "r" -> auto`,
	} {
		if _, _, err := parseScenario(line); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}

// FuzzParseScenario writes what was read and reads it again.
func FuzzParseScenario(f *testing.F) {
	text, err := os.ReadFile(examplePolicyTest)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f.Add(strings.TrimSpace(line))
	}
	f.Add(`a@b in x,,y asks oauth oauth , for 1w1d1h1m1s "" -> refused`)
	f.Fuzz(func(t *testing.T, line string) {
		first, want, err := parseScenario(line)
		if err != nil {
			return
		}
		ask, who := first.Ask, first.Requester
		if ask.Lifetime <= 0 || ask.Lifetime > workflow.MaxDuration || len(ask.Scopes) == 0 || want == "" || !slices.Contains(who.Groups, workflow.Everyone) {
			t.Errorf("%q was read as %+v, %q", line, first, want)
		}
		again, same, err := parseScenario(writeScenario(first, want))
		if err != nil || same != want {
			t.Fatalf("%q was read, but not %q: %v", line, writeScenario(first, want), err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%q changes when it is written and read again (-first +again):\n%s", line, diff)
		}
	})
}

func writeScenario(s workflow.Scenario, want string) string {
	in, oauth := "", ""
	if groups := s.Requester.Groups[1:]; len(groups) > 0 {
		in = " in " + strings.Join(groups, ",")
	}
	if s.Ask.Kind == workflow.OAuthGrant {
		oauth = "oauth "
	}
	return fmt.Sprintf(`%s%s asks %s%s %s for %s "%s" -> %s`, s.Requester.Email, in, oauth,
		s.Ask.Connection, strings.Join(s.Ask.Scopes, ","), s.Ask.Lifetime, s.Ask.Reason, want)
}
