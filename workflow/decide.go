package workflow

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/storage"
)

// Ask is what a person wants.
type Ask struct {
	Connection string
	Kind       string // api_key or oauth_grant
	Scopes     []string
	Lifetime   Duration
	Reason     string

	Adopts storage.CredentialID // a key that is there; its scopes are what they are
	Holder storage.AccountID    // the service account it is for; zero: for the person

	Extends storage.CredentialID // a key that is to live longer
	Rotates storage.CredentialID // a key that a fresh one is to replace

	Sink  string // the connection that the key goes into; empty: its owner collects it
	Place string // where in the sink

	Vendor VendorAsk // the request at the system that it stands for; set by the sync only
}

// listed tells whether the scopes are those of a key that is there already, so
// that the catalogue need not have them.
func (a Ask) listed() bool {
	return a.Adopts != 0 || a.Vendor.ID != "" || a.succeeds()
}

// succeeds tells whether the ask goes on with a key that was granted before.
func (a Ask) succeeds() bool { return a.Extends != 0 || a.Rotates != 0 }

// Limits of what a person may type.
const (
	maxReason = 1000
	maxScopes = 50
)

// ruling is what the policy says to an ask: which rule applied and which
// groups are asked, or why not.
type ruling struct {
	policy Policy
	steps  []StepRule
}

// decide is pure: the first policy that matches rules. A refusal names the
// rule that came closest and what it lacked.
func (r *Rules) decide(ask Ask, who PersonFacts) (ruling, error) {
	if err := r.checkAsk(ask); err != nil {
		return ruling{}, err
	}
	facts := AskFacts{Connection: ask.Connection, Kind: ask.Kind, Scopes: ask.Scopes, Lifetime: time.Duration(ask.Lifetime),
		Reason: ask.Reason, Access: string(r.access(ask.Connection, ask.Scopes))}
	var closest miss
	for _, p := range r.Policies {
		m, ok, err := r.match(p, ask, facts, who)
		if err != nil {
			return ruling{}, err
		}
		if !ok {
			if m.closeness > closest.closeness {
				closest = m
			}
			continue
		}
		if ask.Lifetime > p.MaxLifetime {
			return ruling{}, refuse(RuleCeiling, "The rule %s allows at most %s. Choose a shorter time.", p.Name, p.MaxLifetime.Words()).on("lifetime")
		}
		out := ruling{policy: p}
		for _, s := range p.Approval.Steps {
			// A step whose condition can't be judged is asked.
			if yes, err := holds(r.conditions[s.When], facts, who); yes || err != nil {
				s.Quorum = max(s.Quorum, 1)
				out.steps = append(out.steps, s)
			}
		}
		if !p.Approval.Auto && len(out.steps) == 0 {
			return ruling{}, refuse(RuleNoPolicy, "The rule %s applies, but none of its approval steps does. Ask an admin to mend the policy.", p.Name)
		}
		return out, nil
	}
	if closest.closeness > 0 {
		return ruling{}, closest.refusal
	}
	return ruling{}, refuse(RuleNoPolicy, "No rule lets anybody ask for %s on %s. An admin can add one to the policy.",
		strings.Join(ask.Scopes, ", "), ask.Connection).on("scopes")
}

// checkAsk refuses what no rule could allow.
func (r *Rules) checkAsk(ask Ask) error {
	c, ok := r.Connections[ask.Connection]
	switch {
	case !ok:
		return refuse(RuleUnknown, "There is no system called %s.", cut(ask.Connection)).on("connection")
	case ask.Kind != APIKey && ask.Kind != OAuthGrant:
		return refuse(RuleUnknown, "Ask for an API key or for the use of an OAuth app.").on("kind")
	case len(ask.Scopes) == 0:
		return refuse(RuleUnknown, "Choose at least one scope.").on("scopes")
	case len(ask.Scopes) > maxScopes:
		return refuse(RuleUnknown, "Choose at most %d scopes.", maxScopes).on("scopes")
	case ask.Lifetime < MinDuration || ask.Lifetime > MaxDuration:
		return refuse(RuleCeiling, "Say how long you need it; a key without an end can't be asked for.").on("lifetime")
	case strings.TrimSpace(ask.Reason) == "":
		return refuse(RuleReason, "Say in a sentence what you need it for.").on("reason")
	}
	if err := checkReason(ask.Reason); err != nil {
		return err
	}
	for i, s := range ask.Scopes {
		if _, ok := r.scope(ask.Connection, s); !ok && !ask.listed() {
			return refuse(RuleUnknown, "%s (%s) has no scope called %s.", ask.Connection, c.Kind, cut(s)).on("scopes")
		}
		if slices.Contains(ask.Scopes[:i], s) {
			return refuse(RuleUnknown, "The scope %s is named twice.", s).on("scopes")
		}
	}
	return nil
}

// checkReason refuses words that are too many or that no database can store.
func checkReason(words string) error {
	switch {
	case utf8.RuneCountInString(words) > maxReason:
		return refuse(RuleReason, "Keep the reason under %d characters.", maxReason).on("reason")
	case !utf8.ValidString(words) || strings.ContainsRune(words, 0):
		return refuse(RuleReason, "The reason has characters that are no text. Type it anew.").on("reason")
	}
	return nil
}

// cut keeps a refusal short that repeats what was asked for.
func cut(name string) string {
	const most = 80
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}

// miss says what an ask lacked for a rule that is about its scopes, and how
// close it came: zero is not at all.
type miss struct {
	closeness int
	refusal   Refusal
}

// match says whether a policy rules over an ask; if only the person or the
// condition is missing, it says so. A condition that can't be judged is an
// error: going on to the next rule might be going on to a looser one.
func (r *Rules) match(p Policy, ask Ask, facts AskFacts, who PersonFacts) (miss, bool, error) {
	if !matchesAny(p.Connections, ask.Connection) {
		return miss{}, false, nil
	}
	if len(p.Kinds) > 0 && !slices.Contains(p.Kinds, ask.Kind) {
		return miss{}, false, nil
	}
	for _, s := range ask.Scopes {
		if !matchesAny(p.Scopes, s) {
			return miss{}, false, nil
		}
	}
	if p.Holders == "service_accounts" && ask.Holder == 0 {
		return miss{1, refuse(RuleNoPolicy, "The rule %s gives this to service accounts only.", p.Name).on("scopes")}, false, nil
	}
	if !slices.ContainsFunc(p.Requesters, func(g string) bool { return slices.Contains(who.Groups, g) }) {
		return miss{2, refuse(RuleNoPolicy, "The rule %s would allow this, but only for %s. Ask somebody there, or an admin.",
			p.Name, strings.Join(p.Requesters, ", ")).on("scopes")}, false, nil
	}
	yes, err := holds(r.conditions[p.When], facts, who)
	if err != nil {
		return miss{}, false, refuse(RuleNoPolicy, "The rule %s can't be judged for this request, because its condition fails: %s Ask an admin to mend it.",
			p.Name, conditionWords(p.When))
	}
	if !yes {
		return miss{3, refuse(RuleNoPolicy, "The rule %s would allow this, but its condition is not met: %s", p.Name, conditionWords(p.When))}, false, nil
	}
	return miss{}, true, nil
}

// dependsOn reports whether a rule about an ask is for a group that can't be
// read.
func (r *Rules) dependsOn(ask Ask, unknown map[string]string) bool {
	return slices.ContainsFunc(r.Policies, func(p Policy) bool {
		return matchesAny(p.Connections, ask.Connection) &&
			!slices.ContainsFunc(ask.Scopes, func(s string) bool { return !matchesAny(p.Scopes, s) }) &&
			slices.ContainsFunc(p.Requesters, func(g string) bool { return unknown[g] != "" })
	})
}

// conditionWords shows a condition as it is written: admins wrote it for
// people to read, and hiding it would not help.
func conditionWords(source string) string {
	return fmt.Sprintf("`%s`.", strings.ReplaceAll(source, "`", "'"))
}
