package workflow

import (
	"context"
	"errors"
	"maps"
	"slices"

	"latchkey/secret"
	"latchkey/storage"
)

// The scopes of keys of Latchkey's own: what each lets pass is said beside its
// name in connectors/latchkey.
const (
	ScopeRead        = "credentials:read"
	ScopeEdit        = "credentials:edit"
	ScopeRevoke      = "credentials:revoke" // also suspend and resume
	ScopeRotate      = "credentials:rotate"
	ScopeRequests    = "requests:read"
	ScopeFile        = "requests:file"
	ScopePeople      = "people:read"
	ScopeOffboard    = "people:offboard"
	ScopeAudit       = "audit:read" // also the gateway's access log
	ScopeReportLeaks = "leaks:report"
)

// OwnKind is the kind of a connection whose keys are for Latchkey's own API.
const OwnKind = "latchkey"

// RuleLiveKey is the rule that nobody comes in without a live key.
const RuleLiveKey = "live_key"

// errNoKey is the one answer to every key that is not honoured, whatever the
// reason: a stranger must not learn which keys exist.
var errNoKey = refuse(RuleLiveKey, "This key is not known, or does not work any more. Ask for a key of Latchkey's own in Slack.")

// Authenticate says for whom a key of Latchkey's own acts, and what it may do.
// It is asked anew for each call, so what is revoked, suspended, expired or
// whose owner left stops at the commit. ref goes to the audit log.
func (s *Service) Authenticate(ctx context.Context, key secret.Value, ref string) (Actor, error) {
	if secret.CheckKey(key.Expose()) != nil {
		return Actor{}, errNoKey
	}
	k, err := s.DB.OwnKey(ctx, s.Keys.Box.Hash(key.Expose()), s.today.ownConnections())
	if errors.Is(err, storage.ErrNotFound) {
		return Actor{}, errNoKey
	}
	if err != nil {
		return Actor{}, err
	}
	if !k.Used {
		if err := s.DB.NoteOwnKeyUse(ctx, k.ID); err != nil {
			return Actor{}, err
		}
	}
	return Actor{Account: k.Account, Ref: ref, Key: k.ID, Scopes: k.Scopes, Quarantined: k.Quarantined}, nil
}

// stopping are the scopes by which something is ended. A key may be used for
// them while the database is in quarantine: at worst too much is ended.
var stopping = []string{ScopeRevoke, ScopeOffboard, ScopeReportLeaks, ScopeProvision}

// May refuses a key without the scope, and one that would do more than stop
// something while nobody can tell which keys were revoked.
func (a Actor) May(scope string) error {
	if a.Key != 0 && a.Quarantined && !slices.Contains(stopping, scope) {
		return errQuarantine
	}
	if a.Key != 0 && !slices.Contains(a.Scopes, scope) {
		return refuse(RuleScope, "The key %s does not have the scope %s. Ask for a key that has it in Slack.", a.Key, scope)
	}
	return nil
}

// RuleScope is the rule that a key does what its scopes say.
const RuleScope = "scope"

// ownConnections names the connections whose keys are for Latchkey's own API.
func (r *Rules) ownConnections() []string {
	out := []string{} // not nil, which would be SQL's NULL
	for _, name := range slices.Sorted(maps.Keys(r.Connections)) {
		if r.Connections[name].Kind == OwnKind {
			out = append(out, name)
		}
	}
	return out
}

// IsOwn tells whether a connection's keys are for Latchkey's own API.
func (r *Rules) IsOwn(connection string) bool { return r.Connections[connection].Kind == OwnKind }
