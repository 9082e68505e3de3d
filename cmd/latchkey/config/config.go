package config

import (
	_ "embed" // the schema and the example
	"fmt"
	"io"
	"os"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/workflow"
)

// Schema is the JSON Schema (2020-12) of latchkey.yaml, for editors and for
// Parse.
//
//go:embed latchkey.schema.json
var Schema []byte

// Example is a commented file to start from.
//
//go:embed latchkey.example.yaml
var Example []byte

// Config is what latchkey.yaml says, with the defaults filled in. The tags are
// the keys of the file.
type Config struct {
	Slack       Slack        `json:"slack"`
	DatabaseURL secret.Value `json:"database_url"` // empty: a private Postgres under DataDir
	DataDir     string       `json:"data_dir"`     // default ./latchkey-data
	PublicURL   string       `json:"public_url"`   // no final slash; default http:// and Listen where that is loopback; empty only with port 0
	Listen      string       `json:"listen"`       // default 127.0.0.1:8080
	Gateway     Gateway      `json:"gateway"`
	Keeper      secret.Value `json:"keeper"` // URL of the key-encryption key; a base64key is in the URL-safe alphabet

	// PreSharedKeys are 32 bytes each, in base64 (standard alphabet), by name.
	PreSharedKeys map[string]secret.Value `json:"pre_shared_keys"`

	Audit Audit `json:"audit"`

	// Policy has everything but its Connections, which the connectors fill in.
	// Zeros in it take the defaults documented there.
	Policy workflow.Document `json:"-"`

	// Connections are in the order of the file.
	Connections []connectors.Settings `json:"-"`

	source *source
}

// Slack is the app that people talk to.
type Slack struct {
	BotToken         secret.Value `json:"bot_token"`
	AppToken         secret.Value `json:"app_token"`
	Command          string       `json:"command"`           // default /tokens
	ApprovalsChannel string       `json:"approvals_channel"` // a channel's ID, or empty: no channel
	ClientID         string       `json:"client_id"`         // of Sign in with Slack; empty: no console
	ClientSecret     secret.Value `json:"client_secret"`
}

// Ready says whether there are tokens to talk to Slack with. The roles server
// and gateway do without.
func (s Slack) Ready() bool { return !s.BotToken.Empty() && !s.AppToken.Empty() }

// Audit is what is done with the audit log besides keeping it.
type Audit struct {
	VerifyEvery workflow.Duration `json:"verify_every"` // zero: 4 minutes
	Publish     AuditPublish      `json:"publish"`
	Webhooks    []AuditWebhook    `json:"webhooks"`
}

// AuditPublish is where checkpoints are posted; an empty URL: nowhere.
type AuditPublish struct {
	URL          string       `json:"url"`
	Secret       secret.Value `json:"secret"`
	AllowPrivate bool         `json:"allow_private"`
}

// AuditWebhook is who gets the log live.
type AuditWebhook struct {
	Name         string         `json:"name"` // unique
	URL          string         `json:"url"`
	Secrets      []secret.Value `json:"secrets"` // at least one; all of them sign
	Format       string         `json:"format"`  // jsonl or ocsf; empty: jsonl
	AllowPrivate bool           `json:"allow_private"`
}

// Defaults of the fields that have one.
const (
	DefaultCommand       = "/tokens"
	DefaultDataDir       = "./latchkey-data"
	DefaultListen        = "127.0.0.1:8080"
	DefaultGatewayListen = "127.0.0.1:8081"
)

// maxSize bounds the file; a megabyte is thousands of policies.
const maxSize = 1 << 20

// Load reads the file at path. See Parse.
func Load(path string, env func(string) (string, bool), kinds map[string][]string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return Parse(path, data, env, kinds)
}

// Parse reads a configuration. The error is a *Problems with everything that
// is wrong, under the given file name. No message contains a value that env
// gave.
//
// The keys of kinds are the kinds of connection there are, the values the
// fields each takes; kind, owners, base_url and allow_private every one takes.
func Parse(name string, data []byte, env func(string) (string, bool), kinds map[string][]string) (*Config, error) {
	r := &report{file: name}
	t := read(r, data)
	if t == nil {
		return nil, r.err()
	}
	vars := expand(r, t, env)
	if err := checkSchema(r, t); err != nil {
		return nil, err
	}
	c, err := decode(t)
	if err != nil {
		return nil, err
	}
	(&checker{report: r, tree: t, config: c, kinds: kinds}).check()
	if err := r.err(); err != nil {
		return nil, err
	}
	c.source = newSource(name, t, vars)
	return c, nil
}
