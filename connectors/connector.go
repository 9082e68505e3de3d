package connectors

import (
	"context"
	"iter"
	"net/http"
)

// Connector is a configured system. Check proves that its admin credential
// works; it reads only and may be called at any time.
type Connector interface{ Check(context.Context) error }

// Lister walks every credential the vendor knows. The walk may be repeated;
// an error yielded once ends it and means the listing is partial.
type Lister interface {
	Credentials(context.Context) iter.Seq2[Credential, error]
}

// Issuer makes a credential that carries IssueRequest.Label, so that a lost
// answer can be found again by listing.
type Issuer interface {
	Issue(context.Context, IssueRequest) (Issued, error)
}

// Rotator replaces a value where the vendor has no overlap: the old value is
// dead when Rotate returns.
type Rotator interface {
	Rotate(context.Context, RotateRequest) (Issued, error)
}

// Revoker ends a credential for good. Gone already is nil.
type Revoker interface {
	Revoke(context.Context, Ref) error
}

// Verifier asks the vendor whether a credential still works: the receipt.
type Verifier interface {
	Verify(context.Context, Ref) (Liveness, error)
}

// Suspender stops a credential and lets it work again. Both are idempotent.
type Suspender interface {
	Suspend(context.Context, Ref) error
	Resume(context.Context, Ref) error
}

// ScopeLister names the scopes of a system, in the order people should see
// them: read before write before admin within a resource.
type ScopeLister interface {
	Scopes(context.Context) ([]Scope, error)
}

// GrantLister walks the OAuth apps people allowed: who, scopes, last used.
type GrantLister interface {
	Grants(context.Context) iter.Seq2[Grant, error]
}

// GrantRevoker ends one person's grant to one app. Gone already is nil.
type GrantRevoker interface {
	RevokeGrant(context.Context, GrantRef) error
}

// AccountCloser stops everything one person has at the vendor.
type AccountCloser interface {
	CloseAccount(context.Context, AccountRef) error
}

// EventSource verifies and reads an inbound HR or IdP event. The body is
// handed in raw, because signatures are over raw bytes.
type EventSource interface {
	Events(*http.Request, []byte) ([]PersonEvent, error)
}

// Broker is a system whose keys we issue and the gateway enforces, because
// the vendor can't: it says where requests go and with which credential.
type Broker interface {
	Upstream() Upstream
}

// As returns c as the capability T, if the kind has it. It is the one type
// assertion on connectors.
func As[T any](c Connector) (T, bool) {
	t, ok := c.(T)
	return t, ok
}
