package connectors

import (
	"context"
	"iter"
	"net/http"

	"latchkey/secret"
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
// handed in raw, because signatures are over raw bytes. It may ask the source
// for what the event leaves out. An event about nobody's coming or going is
// none. ErrUnverified and ErrMalformed say whose fault a failure is; any other
// error is worth the sender's next try.
type EventSource interface {
	Events(*http.Request, []byte) ([]PersonEvent, error)
}

// Handshaker is an EventSource whose sender first asks whether we are there.
// ok is false for a request that is no such question.
type Handshaker interface {
	Handshake(*http.Request, []byte) (answer Answer, ok bool)
}

// IssueGuide is a system where only a person can make the key: it says what
// that person must do. The next sync finds the key by its label and owner.
type IssueGuide interface {
	GuideIssue(IssueRequest) (Task, error)
}

// RevokeGuide says what a person must do to end a credential that the system
// lets nobody end over its API.
type RevokeGuide interface {
	GuideRevoke(Ref) Task
}

// RequestLister walks the requests people made at the vendor itself, which
// wait for a decision there.
type RequestLister interface {
	Requests(context.Context) iter.Seq2[VendorRequest, error]
}

// RequestDecider tells the vendor our decision on one of its requests. A
// request that is decided the same way already is nil.
type RequestDecider interface {
	Decide(context.Context, Decision) error
}

// LeakRevoker ends credentials of which nothing but the secret is known.
type LeakRevoker interface {
	RevokeLeaked(context.Context, []secret.Value) error
}

// OAuthClient is a system at which an OAuth app of ours can be registered:
// people connect it, and the gateway uses what they granted. ok is false
// where the connection has no app configured.
type OAuthClient interface {
	OAuthApp() (app OAuthApp, ok bool)
}

// Prover uses a fresh credential for one harmless call. Nil means that the
// vendor honoured it, ErrUnrecoverable that it refused it.
type Prover interface {
	Prove(context.Context, Issued) error
}

// Sink keeps secrets where programs read them, so that no person sees one. The
// same Delivery again is harmless, also when the answer to the first was lost,
// and a failed one leaves what was there. ErrTaken when something is in the
// place that we did not put there.
type Sink interface {
	Deliver(context.Context, Delivery) (Delivered, error)
}

// PlaceChecker is a Sink with a grammar for its places. The error is a
// sentence for people.
type PlaceChecker interface {
	CheckPlace(string) error
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
