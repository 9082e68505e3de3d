package connectors

import (
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
}

// Upstream is where the gateway sends a brokered system's requests.
type Upstream struct {
	Connection   string            // the configured name, first path segment at the gateway
	BaseURL      *url.URL          // scheme, host and optional path prefix; no query
	Header       string            // "Authorization"
	Credential   secret.Value      // the whole header value: "Bearer …"
	Extra        map[string]string // further fixed request headers, no secrets
	AllowPrivate bool              // may dial loopback and private addresses
	Scopes       []Scope
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

// Credential is one row of a vendor's listing.
type Credential struct {
	Ref       Ref
	Kind      Kind
	Label     string
	Owner     AccountRef // zero when the vendor does not say
	Scopes    []string   // nil when the vendor does not say
	CreatedAt time.Time  // zero when unknown
	ExpiresAt time.Time  // zero when unknown or never
	LastUsed  LastUsed
}

// Ref names a credential at its vendor.
type Ref struct {
	ID    string     // the vendor's id, or ours for brokered keys
	Owner AccountRef // some vendors need it to address the credential
}

// AccountRef names a person's account at a vendor.
type AccountRef struct {
	ID    string
	Email string // verified by the vendor, or empty
}

// Grant is one person's consent to one OAuth app.
type Grant struct {
	Ref      GrantRef
	App      string
	Scopes   []string
	GivenAt  time.Time
	LastUsed LastUsed
}

// GrantRef names a grant at its vendor.
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

// PersonEvent says that something about a person changed elsewhere.
type PersonEvent struct {
	ID      string // the source's own id, for refusing repeats
	Account AccountRef
	Active  bool
	At      time.Time
}
