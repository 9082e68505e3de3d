package workflow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const day = Duration(24 * time.Hour)

// houseDocument is a policy that uses everything a policy can say.
func houseDocument() Document {
	scopes := []ScopeRule{
		{Name: "files:read", Title: "Files: read", Access: Read}, {Name: "files:write", Title: "Files: change", Access: Write},
		{Name: "people:read", Title: "People: read", Access: Read}, {Name: "people:admin", Title: "People: administer", Access: Admin},
	}
	return Document{
		Admins: []string{"it-admins"},
		Groups: map[string]Group{
			"it-admins": {SlackUsergroup: "S0IT"}, "security": {SlackUsergroup: "S0SEC"}, "auditors": {SCIM: "Auditors"},
			"payroll": {Members: []string{"Alice@Example.com", "bob@example.com"}}, "nobody": {SlackUsergroup: "S0NONE"},
		},
		Connections: map[string]ConnectionRules{
			"acme": {Kind: "fake", Owners: "it-admins", Scopes: scopes}, "tempo": {Kind: "brokered", Scopes: scopes},
		},
		Policies: []Policy{
			{Name: "read", Connections: []string{"*"}, Scopes: []string{"*:read"}, Requesters: []string{Everyone}, Approval: Approval{Auto: true}, MaxLifetime: 90 * day},
			{Name: "grants", Connections: []string{"acme"}, Kinds: []string{OAuthGrant}, Scopes: []string{"*"}, Requesters: []string{"security"},
				Approval: Approval{Steps: []StepRule{{Group: "security", Quorum: 1}}}, MaxLifetime: 7 * day},
			{Name: "write", Connections: []string{"acme", "tempo"}, Kinds: []string{APIKey}, Scopes: []string{"files:*"}, Requesters: []string{Everyone},
				When: `request.reason.size() >= 10`, PendingFor: day, MaxLifetime: 30 * day,
				Approval: Approval{Steps: []StepRule{{Group: "it-admins"}, {Group: "security", Quorum: 1, When: `request.lifetime > duration("168h")`}}}},
			{Name: "robots", Connections: []string{"acme"}, Scopes: []string{"people:*"}, Requesters: []string{"it-admins"}, Holders: "service_accounts",
				Approval: Approval{Auto: true}, MaxLifetime: 365 * day},
			{Name: "admin", Connections: []string{"acme"}, Scopes: []string{"people:*", "files:*"}, Requesters: []string{"payroll", "it-admins"},
				When:     `request.access == "admin" && request.kind == "api_key"`,
				Approval: Approval{Steps: []StepRule{{Group: "it-admins", Quorum: 2}, {Group: "security", Quorum: 1}}}, MaxLifetime: day},
		},
	}
}

func compiled(t testing.TB, d Document) *Rules {
	t.Helper()
	r, problems := Compile(d)
	if len(problems) > 0 {
		t.Fatalf("the policy has problems: %v", problems)
	}
	return r
}

func TestCompileListsEveryProblemWithItsPath(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Policies[0].When = `request.reson == "x"`                        // no such field
	d.Policies[0].MaxLifetime = 0                                      // would be "never"
	d.Policies[1].When = `request.reason`                              // not a condition
	d.Policies[1].Scopes = []string{"files:read", "filse:*"}           // a typing error
	d.Policies[2].When = `requester.groups.exists(g, g == "payroll"`   // not closed
	d.Policies[2].Approval.Steps[1].When = `request.lifetime > "168h"` // compares a time with a text
	d.Policies[3].When = `nobody.knows(request)`
	d.Policies[4].Approval = Approval{}
	_, problems := Compile(d)
	var got []string
	for _, p := range problems {
		got = append(got, p.Path)
	}
	want := []string{
		"policies[0].when", "policies[0].max_lifetime", "policies[1].when", "policies[1].scopes[1]", "policies[2].when",
		"policies[2].approval[1].when", "policies[3].when", "policies[4].approval",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s\n%+v", diff, problems)
	}
	for i, part := range map[int]string{0: "reson", 2: "true or false", 3: "filse:*", 4: "requester.groups", 6: "nobody"} {
		if !strings.Contains(problems[i].Message, part) {
			t.Errorf("%s: %q does not say %q", problems[i].Path, problems[i].Message, part)
		}
	}
	if err := (&PolicyError{problems}); !strings.Contains(err.Error(), "8 problems") || !strings.Contains(err.Error(), "policies[0].when") {
		t.Errorf("error: %v", err)
	}
}

func TestConditionsKnowExactlyTheirFacts(t *testing.T) {
	t.Parallel()
	env, err := newConditionEnv()
	if err != nil {
		t.Fatal(err)
	}
	ask := AskFacts{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read", "files:write"}, Access: "write", Lifetime: 48 * time.Hour, Reason: "for the report"}
	who := PersonFacts{Email: "alice@example.com", Name: "Alice", Groups: []string{"everyone", "payroll"}}
	for source, want := range map[string]string{
		`request.connection == "acme" && request.kind == "api_key"`:         "yes",
		`request.scopes.exists(s, s.endsWith(":write"))`:                    "yes",
		`"files:read" in request.scopes && request.scopes.size() == 2`:      "yes",
		`request.access == "read"`:                                          "no",
		`request.lifetime > duration("47h")`:                                "yes",
		`request.lifetime > duration("48h")`:                                "no",
		`request.lifetime <= duration("2880m")`:                             "yes",
		`request.reason.lowerAscii().contains("report")`:                    "yes",
		`request.reason.matches("^for .*$")`:                                "yes",
		`requester.email.endsWith("@example.com")`:                          "yes",
		`requester.groups.exists(g, g == "payroll")`:                        "yes",
		`requester.name == "Alice"`:                                         "yes",
		`request.scopes[5] == "x"`:                                          "error",
		`1 / (request.scopes.size() - 2) == 1`:                              "error",
		`request.scopes.all(a, request.scopes.all(b, a.size() < b.size()))`: "no",
		`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, true)))))`: "error", // costs too much
	} {
		p, err := compileCondition(env, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		yes, err := holds(p, ask, who)
		got := map[bool]string{true: "yes", false: "no"}[yes]
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s: %v", source, got, want, err)
		}
	}
	if yes, err := holds(nil, ask, who); !yes || err != nil {
		t.Errorf("no condition: %v, %v", yes, err)
	}
	for _, source := range []string{
		`request.owner == "x"`, `request.Reason == "x"`, `requester.id == 1`, `requester.password == ""`, `policy.name == "x"`, `request == requester`,
		`"text"`, `1`, `request.lifetime`, `request.lifetime > 5`, `request.reason > 5`, `now() > timestamp(0)`, ``, `true;`, `os.exit(1)`,
	} {
		if _, err := compileCondition(env, source); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}

func TestTheDocumentsHashIsStable(t *testing.T) {
	t.Parallel()
	a, b := compiled(t, houseDocument()), compiled(t, houseDocument())
	if a.Hash != b.Hash || a.Text != b.Text || len(a.Hash) != 64 {
		t.Error("the same document has two hashes")
	}
	d, err := DecodeDocument(a.Text)
	if err != nil {
		t.Fatal(err)
	}
	if back := compiled(t, d); back.Hash != a.Hash {
		t.Errorf("a stored document has another hash when read back:\n%s", cmp.Diff(a.Text, back.Text))
	}
	if a.Quotas != (Quotas{Pending: 5, Live: 20}) {
		t.Errorf("default quotas are %+v", a.Quotas)
	}
	seen := map[string]string{a.Hash: "the same"}
	for name, change := range map[string]func(*Document){
		"ceiling":   func(d *Document) { d.Policies[2].MaxLifetime += day },
		"quorum":    func(d *Document) { d.Policies[4].Approval.Steps[0].Quorum = 1 },
		"condition": func(d *Document) { d.Policies[2].When = "" },
		"admins":    func(d *Document) { d.Admins = []string{"security"} },
		"member":    func(d *Document) { d.Groups["payroll"] = Group{Members: []string{"eve@example.com"}} },
		"scope":     func(d *Document) { d.Connections["acme"].Scopes[0].Access = Admin },
		"order":     func(d *Document) { d.Policies[0], d.Policies[1] = d.Policies[1], d.Policies[0] },
		"quota":     func(d *Document) { d.Quotas.Live = 21 },
	} {
		d := houseDocument()
		change(&d)
		hash := compiled(t, d).Hash
		if other, ok := seen[hash]; ok {
			t.Errorf("another %s hashes like %s", name, other)
		}
		seen[hash] = name
	}
	if _, err := DecodeDocument("{"); err == nil {
		t.Error("half a document is read")
	}
}

func TestTryTellsWhatThePolicySays(t *testing.T) {
	t.Parallel()
	r := compiled(t, houseDocument())
	sc := Scenario{Requester: PersonFacts{Groups: []string{Everyone}}, Ask: Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: 10 * day, Reason: "for the report"}}
	want := Verdict{Policy: "write", Steps: []StepRule{{Group: "it-admins", Quorum: 1}, {Group: "security", Quorum: 1, When: `request.lifetime > duration("168h")`}}}
	if diff := cmp.Diff(want, r.Try(sc)); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	sc.Ask.Scopes = []string{"files:read"}
	if diff := cmp.Diff(Verdict{Policy: "read", Auto: true}, r.Try(sc)); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	sc.Ask.Lifetime = 91 * day
	got := r.Try(sc)
	if got.Refused == nil || got.Refused.Rule != RuleCeiling || got.Policy != "" {
		t.Errorf("verdict %+v", got)
	}
}

func ExampleRefusal() {
	r, _ := Compile(houseDocument())
	v := r.Try(Scenario{Requester: PersonFacts{Groups: []string{Everyone}}, Ask: Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 100 * day, Reason: "x"}})
	fmt.Println(v.Refused.Reason)
	// Output: The rule read allows at most 90 days. Choose a shorter time.
}
