package workflow

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	r := compiled(t, houseDocument())
	base := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: day, Reason: "for the yearly report"}
	anybody, payroll, admin, security := []string{Everyone}, []string{Everyone, "payroll"}, []string{Everyone, "it-admins"}, []string{Everyone, "security"}
	type want struct {
		policy string
		steps  string // "it-admins 1, security 2"
		rule   string
		field  string
		says   string
	}
	for name, tt := range map[string]struct {
		give   func(*Ask)
		groups []string
		want   want
	}{
		"read is automatic":                             {func(a *Ask) { a.Scopes = []string{"files:read", "people:read"} }, anybody, want{policy: "read"}},
		"the first match decides":                       {func(a *Ask) { a.Scopes = []string{"people:read"} }, admin, want{policy: "read"}},
		"one scope decides the rule":                    {func(a *Ask) { a.Scopes = []string{"files:read", "files:write"} }, anybody, want{policy: "write", steps: "it-admins 1"}},
		"a step's condition is not met":                 {func(a *Ask) { a.Lifetime = 7 * day }, anybody, want{policy: "write", steps: "it-admins 1"}},
		"a step's condition is met":                     {func(a *Ask) { a.Lifetime = 7*day + Duration(time.Second) }, anybody, want{policy: "write", steps: "it-admins 1, security 1"}},
		"at the ceiling":                                {func(a *Ask) { a.Lifetime = 30 * day }, anybody, want{policy: "write", steps: "it-admins 1, security 1"}},
		"over the ceiling":                              {func(a *Ask) { a.Lifetime = 30*day + 1 }, anybody, want{rule: RuleCeiling, field: "lifetime", says: "at most 30 days"}},
		"over the ceiling, no looser rule":              {func(a *Ask) { a.Scopes = []string{"files:read"}; a.Lifetime = 91 * day }, admin, want{rule: RuleCeiling, field: "lifetime", says: "The rule read allows at most 90 days"}},
		"another system":                                {func(a *Ask) { a.Connection = "tempo" }, anybody, want{policy: "write", steps: "it-admins 1"}},
		"two groups":                                    {func(a *Ask) { a.Scopes = []string{"people:admin", "files:write"} }, payroll, want{policy: "admin", steps: "it-admins 2, security 1"}},
		"an OAuth app":                                  {func(a *Ask) { a.Kind = OAuthGrant }, security, want{policy: "grants", steps: "security 1"}},
		"an OAuth app, read":                            {func(a *Ask) { a.Kind = OAuthGrant; a.Scopes = []string{"files:read"} }, anybody, want{policy: "read"}},
		"an OAuth app for the wrong person":             {func(a *Ask) { a.Kind = OAuthGrant }, anybody, want{rule: RuleNoPolicy, field: "scopes", says: "The rule grants would allow this, but only for security"}},
		"the rule's condition is not met":               {func(a *Ask) { a.Reason = "short" }, anybody, want{rule: RuleNoPolicy, says: "`request.reason.size() >= 10`"}},
		"the closest rule is named, wherever it stands": {func(a *Ask) { a.Reason = "short" }, payroll, want{rule: RuleNoPolicy, says: "The rule write"}},
		"wrong person":                                  {func(a *Ask) { a.Scopes = []string{"people:admin"} }, anybody, want{rule: RuleNoPolicy, field: "scopes", says: "only for payroll, it-admins"}},
		"for service accounts, then a rule":             {func(a *Ask) { a.Scopes = []string{"people:admin"} }, admin, want{policy: "admin", steps: "it-admins 2, security 1"}},
		"nobody's scopes":                               {func(a *Ask) { a.Connection = "tempo"; a.Scopes = []string{"people:admin"} }, admin, want{rule: RuleNoPolicy, field: "scopes", says: "No rule lets anybody ask for people:admin on tempo"}},
		"mixed scopes no rule covers":                   {func(a *Ask) { a.Connection = "tempo"; a.Scopes = []string{"files:write", "people:read"} }, admin, want{rule: RuleNoPolicy, field: "scopes"}},
		"unknown system":                                {func(a *Ask) { a.Connection = "jira" }, admin, want{rule: RuleUnknown, field: "connection", says: "jira"}},
		"unknown kind":                                  {func(a *Ask) { a.Kind = "password" }, admin, want{rule: RuleUnknown, field: "kind"}},
		"no kind":                                       {func(a *Ask) { a.Kind = "" }, admin, want{rule: RuleUnknown, field: "kind"}},
		"no scope":                                      {func(a *Ask) { a.Scopes = nil }, admin, want{rule: RuleUnknown, field: "scopes"}},
		"unknown scope":                                 {func(a *Ask) { a.Scopes = []string{"files:read", "files:*"} }, admin, want{rule: RuleUnknown, field: "scopes", says: "files:*"}},
		"empty scope":                                   {func(a *Ask) { a.Scopes = []string{""} }, admin, want{rule: RuleUnknown, field: "scopes"}},
		"two scopes in one":                             {func(a *Ask) { a.Scopes = []string{"files:read files:write"} }, admin, want{rule: RuleUnknown, field: "scopes"}},
		"a scope twice":                                 {func(a *Ask) { a.Scopes = []string{"files:read", "people:read", "files:read"} }, admin, want{rule: RuleUnknown, field: "scopes", says: "twice"}},
		"too many scopes":                               {func(a *Ask) { a.Scopes = strings.Fields(strings.Repeat("files:read ", maxScopes+1)) }, admin, want{rule: RuleUnknown, field: "scopes", says: "at most 50"}},
		"no lifetime":                                   {func(a *Ask) { a.Lifetime = 0 }, admin, want{rule: RuleCeiling, field: "lifetime"}},
		"a negative lifetime":                           {func(a *Ask) { a.Lifetime = -1 }, admin, want{rule: RuleCeiling, field: "lifetime"}},
		"the most negative lifetime":                    {func(a *Ask) { a.Lifetime = -1 << 63 }, admin, want{rule: RuleCeiling, field: "lifetime"}},
		"a nanosecond":                                  {func(a *Ask) { a.Lifetime = 1 }, admin, want{rule: RuleCeiling, field: "lifetime"}},
		"just under a second":                           {func(a *Ask) { a.Lifetime = Duration(time.Second - 1) }, admin, want{rule: RuleCeiling, field: "lifetime"}},
		"a second":                                      {func(a *Ask) { a.Lifetime = Duration(time.Second) }, anybody, want{policy: "write", steps: "it-admins 1"}},
		"the longest there is":                          {func(a *Ask) { a.Lifetime = MaxDuration }, anybody, want{rule: RuleCeiling, field: "lifetime", says: "The rule write"}},
		"longer than that":                              {func(a *Ask) { a.Lifetime = MaxDuration + 1 }, anybody, want{rule: RuleCeiling, field: "lifetime", says: "without an end"}},
		"until 2099":                                    {func(a *Ask) { a.Lifetime = Duration(73 * 365 * 24 * time.Hour) }, anybody, want{rule: RuleCeiling, field: "lifetime", says: "without an end"}},
		"for ever":                                      {func(a *Ask) { a.Lifetime = 1<<63 - 1 }, anybody, want{rule: RuleCeiling, field: "lifetime", says: "without an end"}},
		"no reason":                                     {func(a *Ask) { a.Reason = "" }, admin, want{rule: RuleReason, field: "reason"}},
		"an empty reason":                               {func(a *Ask) { a.Reason = " \t\n " }, admin, want{rule: RuleReason, field: "reason"}},
		"a reason at the limit":                         {func(a *Ask) { a.Reason = strings.Repeat("ä", maxReason) }, anybody, want{policy: "write", steps: "it-admins 1"}},
		"a reason over the limit":                       {func(a *Ask) { a.Reason = strings.Repeat("ä", maxReason+1) }, anybody, want{rule: RuleReason, field: "reason"}},
		"a huge reason":                                 {func(a *Ask) { a.Reason = strings.Repeat("x", 10<<20) }, anybody, want{rule: RuleReason, field: "reason"}},
		"a reason no database can store":                {func(a *Ask) { a.Reason = "for the report\x00" }, anybody, want{rule: RuleReason, field: "reason"}},
		"a reason that is not text":                     {func(a *Ask) { a.Reason = "for the report\xff\xfe" }, anybody, want{rule: RuleReason, field: "reason"}},
		"somebody in no group":                          {func(a *Ask) { a.Scopes = []string{"files:read"} }, nil, want{rule: RuleNoPolicy, field: "scopes", says: "everyone"}},
	} {
		ask := base
		tt.give(&ask)
		got, err := r.decide(ask, PersonFacts{Groups: tt.groups})
		refusal, refused := AsRefusal(err)
		if err != nil && !refused {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if refusal.Rule != tt.want.rule || refusal.Field != tt.want.field || !strings.Contains(refusal.Reason, tt.want.says) {
			t.Errorf("%s: refused by %q on %q: %.300s", name, refusal.Rule, refusal.Field, refusal.Reason)
		}
		if diff := cmp.Diff(tt.want.steps, stepList(got.steps)); diff != "" || got.policy.Name != tt.want.policy {
			t.Errorf("%s: rule %q, steps (-want +got):\n%s", name, got.policy.Name, diff)
		}
		if len(refusal.Reason) > 2000 {
			t.Errorf("%s: the refusal has %d characters", name, len(refusal.Reason))
		}
	}
}

func stepList(steps []StepRule) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Group+" "+string(rune('0'+s.Quorum)))
	}
	return strings.Join(out, ", ")
}

func TestARuleWhoseStepsAllFallAwayApprovesNothing(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Policies = []Policy{{Name: "p", Connections: []string{"acme"}, Scopes: []string{"*"}, Requesters: []string{Everyone}, MaxLifetime: day,
		Approval: Approval{Steps: []StepRule{{Group: "security", When: `request.access == "admin"`}}}}}
	_, err := compiled(t, d).decide(Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: day, Reason: "r"}, PersonFacts{Groups: []string{Everyone}})
	if r, _ := AsRefusal(err); r.Rule != RuleNoPolicy || !strings.Contains(r.Reason, "none of its approval steps") {
		t.Errorf("%v", err)
	}
}

// The refusal never echoes more than a person could have typed.
func TestHugeNamesAreNotEchoed(t *testing.T) {
	t.Parallel()
	r := compiled(t, houseDocument())
	huge := strings.Repeat("x", 1<<20)
	for name, ask := range map[string]Ask{
		"connection": {Connection: huge, Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "r"},
		"scope":      {Connection: "acme", Kind: APIKey, Scopes: []string{huge}, Lifetime: day, Reason: "r"},
	} {
		_, err := r.decide(ask, PersonFacts{})
		if refusal, ok := AsRefusal(err); !ok || len(refusal.Reason) > 500 {
			t.Errorf("%s: %d characters", name, len(refusal.Reason))
		}
	}
}

// matches is the glob of scopes and connections; a regular expression is the
// oracle.
func TestMatchesAgreesWithARegularExpression(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab:*]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab:]{0,10}`).Draw(t, "name")
		oracle := regexp.MustCompile(`^(?s:` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `)$`)
		if got := matches(pattern, name); got != oracle.MatchString(name) {
			t.Fatalf("%q matches %q: %v", pattern, name, got)
		}
	})
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "x", false}, {"files:*", "files:", true}, {"files:*", "files", false}, {"*:read", "a:b:read", true},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"*a*", "bab", true}, {"files:read", "files:readx", false}, {"files.read", "files:read", false},
		{"**", "x", true}, {"FILES:*", "files:read", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestAccessIsTheStrongest(t *testing.T) {
	t.Parallel()
	r := compiled(t, houseDocument())
	for _, tt := range []struct {
		scopes []string
		want   Access
	}{
		{[]string{"files:read", "people:read"}, Read}, {[]string{"files:write", "files:read"}, Write}, {[]string{"files:read", "people:admin", "files:write"}, Admin},
		{[]string{"files:read", "unheard:of"}, Admin}, {nil, Read},
	} {
		if got := r.access("acme", tt.scopes); got != tt.want {
			t.Errorf("%v: %s", tt.scopes, got)
		}
	}
	if got := r.access("unheard-of", []string{"files:read"}); got != Admin {
		t.Errorf("on an unknown system: %s", got)
	}
}
