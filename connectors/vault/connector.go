package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Connector    = (*Connector)(nil)
	_ connectors.Sink         = (*Connector)(nil)
	_ connectors.PlaceChecker = (*Connector)(nil)
)

const callTimeout = 30 * time.Second // of one call with its retries

// Connector is one KV engine of one Vault.
type Connector struct {
	name      string
	mount     string
	namespace string // empty for Vault's root, or where there are none
	client    *api.Client
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	mount, namespace, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	client, err := newClient(s, namespace, rt)
	if err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	return &Connector{name: s.Name, mount: mount, namespace: namespace, client: client}, nil
}

// newClient leaves nothing of the environment in force (VAULT_TOKEN,
// VAULT_NAMESPACE, VAULT_HEADERS, VAULT_WRAP_TTL and their like): Vault's
// client reads it even when it is told everything.
func newClient(s connectors.Settings, namespace string, rt http.RoundTripper) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address:    s.BaseURL,
		HttpClient: &http.Client{Transport: &rest.Wire{Next: rt}}, // which answers no redirect
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
		Timeout:    callTimeout,
	})
	if err != nil { // may quote the environment
		return nil, errors.New("make Vault's client: a VAULT_ variable of the environment can't be read; unset it")
	}
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	client.SetToken(s.Token.Expose())
	client.ClearNamespace()
	if namespace != "" {
		client.SetNamespace(namespace)
	}
	return client, nil
}

// Check proves that the token lives, renews it when that is due, and that the
// mount is a KV engine of version 2. A token that is refused its renewal fails
// here, while there is time to replace it.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.keepToken(ctx); err != nil {
		return err
	}
	return c.checkEngine(ctx)
}

// checkEngine keeps us from a KV engine of version 1, which would take our
// writes and have no check-and-set: nothing would protect what is there.
// Vault's own command asks the same before each command on KV.
func (c *Connector) checkEngine(ctx context.Context) error {
	path := "sys/internal/ui/mounts/" + c.mount
	found, err := c.client.Logical().ReadWithContext(ctx, path)
	if err != nil {
		return c.failed(http.MethodGet, "/v1/"+path, err)
	}
	if found == nil {
		return c.failed(http.MethodGet, "/v1/"+path, errOddAnswer)
	}
	options, _ := found.Data["options"].(map[string]any)
	if found.Data["path"] != c.mount+"/" || found.Data["type"] != "kv" || options["version"] != "2" {
		return fmt.Errorf("%s: the mount %s is no KV engine of version 2: %w", c.name, c.mount, connectors.ErrUnrecoverable)
	}
	return nil
}

// whole reads a count of seconds or a version out of an answer.
func whole(data map[string]any, key string) (int64, bool) {
	number, ok := data[key].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := number.Int64()
	return n, err == nil && n >= 0
}
