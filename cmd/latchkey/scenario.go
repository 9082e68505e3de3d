package main

import (
	"errors"
	"regexp"
	"strings"

	"latchkey/workflow"
)

// scenarioForm is one line of a scenario file.
var scenarioForm = regexp.MustCompile(`^(\S+@\S+)(?:\s+in\s+(\S+))?\s+asks\s+(oauth\s+)?(\S+)\s+(\S+)\s+for\s+(\S+)\s+"([^"]*)"\s+->\s+(.+)$`)

var errScenario = errors.New(`this is no scenario: write WHO@EXAMPLE.COM [in GROUP,GROUP] asks [oauth] SYSTEM SCOPE,SCOPE for 7d "REASON" -> auto | asked: GROUP 1, GROUP 2 | refused: part of the sentence`)

// parseScenario reads one line: what is asked, and what shall come of it.
func parseScenario(line string) (workflow.Scenario, string, error) {
	m := scenarioForm.FindStringSubmatch(line)
	if m == nil {
		return workflow.Scenario{}, "", errScenario
	}
	lifetime, err := workflow.ParseDuration(m[6])
	if err != nil {
		return workflow.Scenario{}, "", err
	}
	groups := []string{workflow.Everyone}
	if m[2] != "" {
		groups = append(groups, strings.Split(m[2], ",")...)
	}
	kind := workflow.APIKey
	if m[3] != "" {
		kind = workflow.OAuthGrant
	}
	want := strings.TrimSpace(m[8])
	if want != "auto" && want != "refused" && !strings.HasPrefix(want, "asked: ") && !strings.HasPrefix(want, "refused: ") {
		return workflow.Scenario{}, "", errScenario
	}
	return workflow.Scenario{
		Requester: workflow.PersonFacts{Email: m[1], Name: m[1], Groups: groups},
		Ask:       workflow.Ask{Connection: m[4], Kind: kind, Scopes: strings.Split(m[5], ","), Lifetime: lifetime, Reason: m[7]},
	}, want, nil
}
