package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/cmd/latchkey/config"
	"latchkey/workflow"
)

const located = minimal + `connections:
  tempo: {kind: tempo, token: t}
policies:
  - name: first
    connections: [tempo]
    scopes: ["*:view",
             "worklogs:manage"]
    requesters: [everyone]
    approval:
      - {group: ops, when: 'x'}
      - group: ops
        when: |
          "${WRONG}" == request.reason
    max_lifetime: 30d
`

func TestLocate(t *testing.T) {
	t.Parallel()
	c := parse(t, located)
	for path, want := range map[string]string{
		"":                               "latchkey.yaml:1:1",
		"slack.bot_token":                "latchkey.yaml:1:20",
		"connections.tempo":              "latchkey.yaml:6:3",
		"connections.tempo.token":        "latchkey.yaml:6:31",
		"policies":                       "latchkey.yaml:7:1",
		"policies[0]":                    "latchkey.yaml:8:5",
		"policies[0].name":               "latchkey.yaml:8:11",
		"policies[0].scopes[1]":          "latchkey.yaml:11:14",
		"policies[0].approval":           "latchkey.yaml:13:5",
		"policies[0].approval[0].when":   "latchkey.yaml:14:28",
		"policies[0].approval[1].when":   "latchkey.yaml:16:15",
		"policies[0].approval[1].quorum": "latchkey.yaml:15:9", // absent: where it would be
		"policies[7].when":               "latchkey.yaml:7:1",
		"quotas.pending":                 "latchkey.yaml:1:1",
		"nonsense[[..":                   "latchkey.yaml:1:1",
	} {
		if got := c.Locate(path); got != want {
			t.Errorf("%q is at %s, want %s", path, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	c := parse(t, located)
	if err := c.Explain(nil); err != nil {
		t.Errorf("no problems are %v, want nil", err)
	}
	err := c.Explain([]workflow.Problem{
		{Path: "policies[0].approval[1].when", Message: `"\"hidden-wrong-value\" == request.reason" is not valid`},
		{Path: "policies[0].scopes[1]", Message: `"worklogs:manage" matches no scope of tempo`},
		{Message: "the whole is wrong"},
	})
	if _, ok := errors.AsType[*config.Problems](err); !ok {
		t.Fatalf("got %v, want *Problems", err)
	}
	want := `latchkey.yaml:1:1: the whole is wrong
latchkey.yaml:11:14: policies[0].scopes[1]: "worklogs:manage" matches no scope of tempo
latchkey.yaml:16:15: policies[0].approval[1].when: "\"${WRONG}\" == request.reason" is not valid`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("explanation (-want +got):\n%s", diff)
	}
}

// TestExplainWithWorkflow joins the two: the paths of workflow lead somewhere.
func TestExplainWithWorkflow(t *testing.T) {
	t.Parallel()
	c := parse(t, located)
	c.Policy.Connections = map[string]workflow.ConnectionRules{"tempo": {Kind: "tempo"}}
	_, found := workflow.Compile(c.Policy)
	var p *config.Problems
	if err := c.Explain(found); !errors.As(err, &p) {
		t.Fatalf("got %v, want *Problems", err)
	}
	at := map[string]int{}
	for _, one := range p.List {
		at[one.Path] = one.Line
	}
	want := map[string]int{"policies[0].scopes[0]": 10, "policies[0].scopes[1]": 11, "policies[0].approval[0].when": 14}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("lines by path (-want +got):\n%s", diff)
	}
}
