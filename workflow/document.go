package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"latchkey/connectors"
)

// Access is how much harm a scope can do, in the words of the contract.
type Access = connectors.Access

// The kinds of access, from least to most.
const (
	Read  = connectors.Read
	Write = connectors.Write
	Admin = connectors.Admin
)

// The kinds of credential that can be asked for.
const (
	APIKey     = string(connectors.APIKey)
	OAuthGrant = string(connectors.OAuthGrant)
)

// Document is the part of the configuration that decides: no secrets, no
// addresses. It is stored by hash, and a request is judged by the one it was
// filed under, for ever.
type Document struct {
	Admins      []string                   `json:"admins" yaml:"admins"` // group names
	Quotas      Quotas                     `json:"quotas" yaml:"quotas"`
	People      []PersonEntry              `json:"people,omitempty" yaml:"people"`
	Groups      map[string]Group           `json:"groups" yaml:"groups"`
	Connections map[string]ConnectionRules `json:"connections" yaml:"-"` // filled from the connectors
	Policies    []Policy                   `json:"policies" yaml:"policies"`
	Enforcement Enforcement                `json:"enforcement" yaml:"enforcement"`
	Offboarding OffboardingRules           `json:"offboarding" yaml:"offboarding"`
}

// Quotas bound one person; zero takes the default (5 pending, 20 live).
type Quotas struct {
	Pending int `json:"pending" yaml:"pending"`
	Live    int `json:"live" yaml:"live"`
}

// PersonEntry says that several accounts are one person.
type PersonEntry struct {
	Email string   `json:"email" yaml:"email"`
	Slack []string `json:"slack" yaml:"slack"` // Slack user IDs

	// Accounts at connected systems: the connection's name to the system's own
	// IDs of the accounts.
	Accounts map[string][]string `json:"accounts,omitempty" yaml:"accounts"`
}

// Group has exactly one source of members.
type Group struct {
	SlackUsergroup string   `json:"slack_usergroup,omitempty" yaml:"slack_usergroup"`
	SCIM           string   `json:"scim,omitempty" yaml:"scim"`
	Members        []string `json:"members,omitempty" yaml:"members"` // e-mail addresses
}

// Everyone is the built-in group: every active member of the workspace, no
// guests, no bots.
const Everyone = "everyone"

// ConnectionRules is what rules need to know of a connection.
type ConnectionRules struct {
	Kind   string      `json:"kind"`
	Owners string      `json:"owners,omitempty"`
	Scopes []ScopeRule `json:"scopes"`
	Sink   bool        `json:"sink,omitempty"`   // keys can be put there
	Places []string    `json:"places,omitempty"` // and where, as patterns with *; empty means anywhere
}

// ScopeRule is a scope as rules see it.
type ScopeRule struct {
	Name        string            `json:"name"`
	Title       string            `json:"title,omitempty"`
	Access      connectors.Access `json:"access"`
	Description string            `json:"description,omitempty"`
}

// Policy is one rule; the first that matches a request decides.
type Policy struct {
	Name         string     `json:"name" yaml:"name"`
	Connections  []string   `json:"connections" yaml:"connections"`
	Kinds        []string   `json:"kinds,omitempty" yaml:"kinds"` // api_key, oauth_grant; empty means both
	Scopes       []string   `json:"scopes" yaml:"scopes"`         // names, or patterns with *
	Requesters   []string   `json:"requesters" yaml:"requesters"` // group names
	When         string     `json:"when,omitempty" yaml:"when"`   // CEL
	Approval     Approval   `json:"approval" yaml:"approval"`
	MaxLifetime  Duration   `json:"max_lifetime" yaml:"max_lifetime"`
	PendingFor   Duration   `json:"pending_for,omitempty" yaml:"pending_for"` // default 3d
	NotifyBefore []Duration `json:"notify_before,omitempty" yaml:"notify_before"`
	Rotation     Rotation   `json:"rotation" yaml:"rotation"`
	StaleAfter   Duration   `json:"stale_after,omitempty" yaml:"stale_after"`
	Holders      string     `json:"holders,omitempty" yaml:"holders"` // "" or service_accounts
	Sinks        []string   `json:"sinks,omitempty" yaml:"sinks"`     // connections that its keys may be put into instead of being collected
}

// DefaultPendingFor is how long a request waits when its policy does not say.
const DefaultPendingFor = Duration(72 * time.Hour)

// Approval is either automatic or steps in order.
type Approval struct {
	Auto  bool       `json:"auto,omitempty"`
	Steps []StepRule `json:"steps,omitempty"`
}

// StepRule asks a group for a quorum of its members.
type StepRule struct {
	Group  string `json:"group" yaml:"group"`
	Quorum int    `json:"quorum" yaml:"quorum"` // zero means 1
	When   string `json:"when,omitempty" yaml:"when"`
}

// Rotation says how long old and new key live side by side, and how often a
// key is replaced without being asked for.
type Rotation struct {
	Overlap Duration `json:"overlap,omitempty" yaml:"overlap"` // default 24h
	Quiet   Duration `json:"quiet,omitempty" yaml:"quiet"`     // the old key stays on until it is unused this long; zero: no longer than the overlap
	Every   Duration `json:"every,omitempty" yaml:"every"`     // zero: only when somebody asks
}

// DefaultOverlap is how long a replaced key works on when its policy does not
// say.
const DefaultOverlap = Duration(24 * time.Hour)

// DefaultLadder is when people hear that a key ends if its policy does not
// say.
func DefaultLadder() []Duration {
	return []Duration{Duration(7 * 24 * time.Hour), Duration(24 * time.Hour)}
}

// Enforcement says what is done with keys that were not asked for here.
type Enforcement struct {
	Unmanaged Unmanaged `json:"unmanaged" yaml:"unmanaged"`
	MaxAge    Duration  `json:"max_age,omitempty" yaml:"max_age"`

	// StaleAfter is when an unused key is flagged. One whose use the vendor
	// does not tell counts only if StaleUnknown says so.
	StaleAfter   Duration `json:"stale_after,omitempty" yaml:"stale_after"`
	StaleUnknown bool     `json:"stale_unknown,omitempty" yaml:"stale_unknown"`

	// Grace is the time between the warning that a key is unused or too old,
	// its suspension, and its end; default 7d.
	Grace Duration `json:"grace,omitempty" yaml:"grace"`

	Breaker Breaker `json:"breaker" yaml:"breaker"`
	DryRun  bool    `json:"dry_run" yaml:"dry_run"`
}

// DefaultGrace is Enforcement.Grace where it does not say.
const DefaultGrace = Duration(7 * 24 * time.Hour)

// Unmanaged says it by access: ignore, report, warn or revoke; after the
// delay the last word is done.
type Unmanaged struct {
	Read  string   `json:"read,omitempty" yaml:"read"`
	Write string   `json:"write,omitempty" yaml:"write"`
	Admin string   `json:"admin,omitempty" yaml:"admin"`
	After Duration `json:"after,omitempty" yaml:"after"`
	Then  string   `json:"then,omitempty" yaml:"then"`
}

// Breaker stops a run that would touch too much at once.
type Breaker struct {
	MaxPercent int `json:"max_percent,omitempty" yaml:"max_percent"`
	MinCount   int `json:"min_count,omitempty" yaml:"min_count"`
}

// OffboardingRules say what happens when a person leaves; what is zero takes
// its default.
type OffboardingRules struct {
	Grace     Duration `json:"grace,omitempty" yaml:"grace"`           // a leave can be undone this long; default 24h
	PageAfter Duration `json:"page_after,omitempty" yaml:"page_after"` // a human is called when a case is open this long; default 15m
	Decide    Duration `json:"decide,omitempty" yaml:"decide"`         // others have this long for what a leaver's service accounts hold; default 7d
	Breaker   Breaker  `json:"breaker" yaml:"breaker"`                 // more leavers within an hour wait for a human

	// RoleChange is what is done with keys that a person could not get any
	// more: report, the default, or suspend.
	RoleChange string `json:"role_change,omitempty" yaml:"role_change"`
}

// Encode writes the document in the one form that is hashed and stored.
func (d Document) Encode() (hash, text string, err error) {
	b, err := json.Marshal(d) // maps are written in key order: the form is stable
	if err != nil {
		return "", "", fmt.Errorf("encode policy: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), string(b), nil
}

// DecodeDocument reads what Encode wrote.
func DecodeDocument(text string) (Document, error) {
	var d Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("decode policy: %w", err)
	}
	return d, nil
}

// Problem is one thing wrong with a document. Path leads to it from the top
// of the configuration file: "policies[1].when".
type Problem struct {
	Path    string
	Message string // a sentence that says what to do
}
