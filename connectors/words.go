package connectors

import (
	"net/http"
	"net/url"
	"time"

	"latchkey/secret"
)

// Access is how much harm a scope can do. The zero value is not valid.
type Access string

// The three kinds of access, from least to most.
const (
	Read  Access = "read"
	Write Access = "write"
	Admin Access = "admin"
)

// Scope is a named permission of a system. For a brokered system its Rules
// say what the gateway lets through; for others the vendor enforces it.
type Scope struct {
	Name        string // as policies and people write it: worklogs:manage
	Title       string // for people: "Worklogs: create, change and delete"
	Access      Access
	Description string // one sentence on what a holder can do
	Rules       []Rule // brokered systems only
}

// Rule is one line of a brokered scope. A request is inside a scope when an
// allowing rule of it matches and no denying rule of it does.
type Rule struct {
	Methods []string // upper case; empty means any of GET, HEAD, POST, PUT, PATCH, DELETE
	Path    string   // "/4/worklogs/{id}": {x} is one segment, a final /** any number of further ones
	Deny    bool     // deny wins over any allow of the same scope

	// Query asks for query parameters by name: one of the values each time it
	// is there, and it must be there. "*" is any value; no values mean that it
	// must not be there.
	Query map[string][]string
	Body  Body
	// Slashes names the {x}, or "**", that may hold encoded slashes, such as
	// GitLab's project paths. Elsewhere an encoded slash is refused.
	Slashes []string
	// Upgrade makes the rule one about requests that change the protocol, and
	// about no others: WebSocket, or empty. A denying rule without it is about
	// both.
	Upgrade string
}

// WebSocket is the only protocol that a Rule may let a connection change to.
const WebSocket = "websocket"

// Body is what a rule asks of a request's body, if there is one. The zero
// value asks nothing.
type Body struct {
	Types []string // media types: "application/json"
	Max   int64    // bytes
}

// Upstream is where the gateway sends a brokered system's requests.
type Upstream struct {
	Connection   string            // the configured name, first path segment at the gateway
	BaseURL      *url.URL          // scheme, host and optional path prefix, no query; nil: honoured by Latchkey's own server, not by the gateway
	Header       string            // "Authorization"
	Credential   secret.Value      // the whole header value: "Bearer …"
	Extra        map[string]string // further fixed request headers, no secrets
	AllowPrivate bool              // may dial loopback and private addresses
	Scopes       []Scope
	Limits       Limits
}

// Limits bound what the keys of a brokered system can take at the gateway.
// Zero means the gateway's own bound.
type Limits struct {
	PerSecond     int           // requests of one key
	Burst         int           // requests of one key at once
	Concurrent    int           // requests of one key under way
	AllPerSecond  int           // requests of all keys together
	AllBurst      int           // requests of all keys together at once
	AllConcurrent int           // requests of all keys together under way
	Body          int64         // bytes of a request's body
	Head          int           // bytes of a request's line and headers
	Duration      time.Duration // of one request, answer included
}

// Kind says what a credential is.
type Kind string

// The kinds of credential.
const (
	APIKey     Kind = "api_key"
	OAuthGrant Kind = "oauth_grant"
)

// LastUsed has three values: a time, never, and unknown (the zero value).
type LastUsed struct {
	At    time.Time // zero unless used
	Known bool      // false: the vendor does not say
}

// FullAccess is the scope of a credential that may do everything its owner
// may do, such as a token from before a vendor had scopes.
const FullAccess = "account:full"

// Credential is one row of a vendor's listing.
type Credential struct {
	Ref       Ref
	Kind      Kind
	Class     string // the vendor's word for it: "organisation API key"
	Label     string
	Owner     AccountRef // zero when the vendor does not say
	Scopes    []string   // nil when the vendor does not say
	Access    Access     // the most its scopes allow; empty when the vendor does not say
	CreatedAt time.Time  // zero when unknown
	ExpiresAt time.Time  // zero when unknown or never
	LastUsed  LastUsed
	Suspended bool   // there, and does not work now
	Match     string // what it has in common with the VendorRequest it came from, or empty
}

// Ref names a credential at its vendor. ID alone addresses it and is unique
// in its connection: a vendor with several sorts of credentials, or one that
// asks for the owner too, has all of it in the ID ("org-key/…").
type Ref struct {
	ID    string     // the vendor's id, or ours for brokered keys
	Owner AccountRef // as far as it is known
}

// AccountRef names a person's account at a vendor.
type AccountRef struct {
	ID      string
	Email   string // verified by the vendor, or empty
	Name    string // for people, or empty
	Service bool   // not a human's: a service account or the organisation itself
	Closed  bool   // deactivated at the vendor
}

// Grant is one person's consent to one OAuth app.
type Grant struct {
	Ref      GrantRef
	App      string
	Scopes   []string
	Access   Access // the most its scopes allow; empty when the vendor does not say
	GivenAt  time.Time
	LastUsed LastUsed
}

// GrantRef names a grant at its vendor. As with Ref, ID alone addresses it.
type GrantRef struct {
	ID    string
	AppID string
	Owner AccountRef
}

// IssueRequest asks a vendor for a credential. Label is our credential's ID
// and is unique per attempt's purpose: a vendor that already has it made it
// for us.
type IssueRequest struct {
	Label     string
	Owner     AccountRef
	Scopes    []string
	ExpiresAt time.Time
}

// Issued is a vendor's answer to IssueRequest.
type Issued struct {
	Ref       Ref
	Secret    secret.Value
	ExpiresAt time.Time // what the vendor granted; zero when it does not say
}

// RotateRequest asks for a new value of an existing credential.
type RotateRequest struct {
	Ref       Ref
	Label     string
	ExpiresAt time.Time
}

// Liveness is a vendor's answer to "does it still work?".
type Liveness string

// The three answers. Unknown is never a receipt.
const (
	Live    Liveness = "live"
	Dead    Liveness = "dead"
	Unknown Liveness = "unknown"
)

// PersonEvent says that a person came or went elsewhere.
type PersonEvent struct {
	ID      string     // the source's own, for refusing repeats
	Account AccountRef // whom it is about, as far as the source says: its own ID, the work address, the name
	Active  bool       // works here, from From on
	At      time.Time  // when it happened at the source: of two events about a person the later one holds
	From    time.Time  // when it takes effect; zero is at once
	Reason  string     // the source's word: "employee.left"
}

// Answer is what a Handshaker answers with.
type Answer struct {
	ContentType string
	Body        []byte
}

// Delivery is one secret for a Sink.
type Delivery struct {
	Place    string            // in the sink's own words: a path, a name
	Secret   secret.Value      // what programs read there
	Label    string            // our name of the credential: stored beside the secret, it tells ours from others'
	Replaces string            // the Version that is there by an earlier delivery; empty: nothing may be there
	Facts    map[string]string // for whoever looks into the sink; no secrets. Keys are lower case letters and underscores
}

// Delivered is a Sink's answer.
type Delivered struct {
	Version string // the sink's own name of what it keeps now, for the next Delivery.Replaces; never empty
	Where   string // for people: "secret/data/payroll/tempo, version 3"
}

// Task is what a person does where a vendor lets only people do it.
type Task struct {
	URL   string   // where to begin, or empty
	Steps []string // plain sentences, in order
}

// VendorRequest is a request somebody made at the vendor itself.
type VendorRequest struct {
	ID        string
	Owner     AccountRef
	Label     string
	Scopes    []string
	Access    Access
	Reason    string
	CreatedAt time.Time
	ExpiresAt time.Time // of the credential it would lead to; zero for never
	Match     string    // see Credential.Match
}

// Decision is what became of a VendorRequest.
type Decision struct {
	ID      string
	Approve bool
	Reason  string
}

// OAuthApp is our app at a vendor, and the vendor's OAuth 2.0 endpoints
// (RFC 6749, revocation by RFC 7009).
type OAuthApp struct {
	ClientID     string
	ClientSecret secret.Value
	AuthorizeURL string
	Params       map[string]string // further fixed parameters of the authorize URL
	TokenURL     string
	RevokeURL    string   // empty where the vendor has none
	Scopes       []string // of the vendor, sent with the authorize URL; empty sends none
	Transport    http.RoundTripper
}
