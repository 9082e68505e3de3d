package connectors

import (
	"errors"
	"net/http"
	"time"

	"latchkey/secret"
)

// Settings is one entry under `connections:` of the configuration. Which
// fields a kind takes is said by its Kind.Fields in the catalog; a field the
// kind does not take is a configuration error.
type Settings struct {
	Name         string        // the key in the file: "tempo"
	Kind         string        // "tempo"
	Mode         string        // "brokered" or empty for the kind's own
	Owners       string        // group answerable for the connection
	BaseURL      string        // another host: a region, a self-managed instance, a double
	AllowPrivate bool          // may dial loopback and private addresses
	Token        secret.Value  // admin credential
	Header       string        // header the token travels in; default Authorization
	Scheme       string        // word before the token; default Bearer, "none" for the bare token
	CheckPath    string        // GET that proves the token works
	SyncEvery    time.Duration // zero means the kind's default
	Scopes       []Scope       // brokered: the scopes and their rules
	Limits       Limits        // brokered: what its keys may take

	OrgID          string       // atlassian: the organisation's ID; github: its login
	APIKey         secret.Value // atlassian: an organisation API key
	AppID          int64        // github: of the GitHub App
	InstallationID int64        // github: of the App in the organisation
	PrivateKey     secret.Value // github: the App's, in PEM
	Group          string       // gitlab: full path or ID of the group whose tokens are governed
	Subject        string       // google: the administrator the service account acts as
	Credentials    secret.Value // google: the service account's key file, JSON
	OAuth          OAuthSettings
	Import         []secret.Value // timepiece: JWTs that exist, to be read and watched

	Places          []string     // sinks: where secrets may be put, as patterns with *
	Namespace       string       // vault, kubernetes: the namespace
	Mount           string       // vault: where the KV engine is mounted; default secret
	Region          string       // awssecrets: "eu-central-1"
	AccessKeyID     string       // awssecrets: empty takes what the machine is given (AWS's default chain)
	SecretAccessKey secret.Value // awssecrets: beside AccessKeyID
	Project         string       // gcpsecrets: the project's ID
	TenantID        string       // azurekeyvault: the directory
	ClientID        string       // azurekeyvault, personio: of our application
	ClientSecret    secret.Value // azurekeyvault, personio: of our application
	Certificate     string       // kubernetes: the authority its server's certificate is from, in PEM; empty trusts the machine's

	Company       string       // bamboohr: the subdomain
	SigningSecret secret.Value // event sources, github's webhook: what the sender signs with, or the token it sends
	Audience      string       // ssf: our name in the stream's tokens
	Issuer        string       // ssf: the transmitter
}

// OAuthSettings is the `oauth:` block of a connection: our app at the vendor.
// The zero value means that there is none. A kind that knows its vendor's
// endpoints takes them from there.
type OAuthSettings struct {
	ClientID     string
	ClientSecret secret.Value
	AuthorizeURL string
	TokenURL     string
	RevokeURL    string
	Scopes       []string
	Params       map[string]string // further parameters of the authorize URL, such as Tempo's jira_url
}

// ErrMissing is wrapped by Open for a setting that is needed and absent.
var ErrMissing = errors.New("missing setting")

// Transport makes the RoundTripper a connector dials with. Retry, rate limits
// and metrics live there, not in the connector.
type Transport func(Settings) http.RoundTripper
