package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/workflow"
)

// connection is one entry under `connections:`, in the words of the file.
type connection struct {
	Kind         string             `json:"kind"`
	Mode         string             `json:"mode"`
	Owners       string             `json:"owners"`
	BaseURL      string             `json:"base_url"`
	AllowPrivate bool               `json:"allow_private"`
	Token        secret.Value       `json:"token"`
	Header       string             `json:"header"`
	Scheme       string             `json:"scheme"`
	CheckPath    string             `json:"check_path"`
	SyncEvery    workflow.Duration  `json:"sync_every"`
	Scopes       []connectors.Scope `json:"scopes"`

	OrgID          string         `json:"org_id"`
	APIKey         secret.Value   `json:"api_key"`
	AppID          int64          `json:"app_id"`
	InstallationID int64          `json:"installation_id"`
	PrivateKey     secret.Value   `json:"private_key"`
	Group          string         `json:"group"`
	Subject        string         `json:"subject"`
	Credentials    secret.Value   `json:"credentials"`
	OAuth          oauth          `json:"oauth"`
	Import         []secret.Value `json:"import"`
	Limits         limits         `json:"limits"`

	Places          []string     `json:"places"`
	Namespace       string       `json:"namespace"`
	Mount           string       `json:"mount"`
	Region          string       `json:"region"`
	AccessKeyID     string       `json:"access_key_id"`
	SecretAccessKey secret.Value `json:"secret_access_key"`
	Project         string       `json:"project"`
	TenantID        string       `json:"tenant_id"`
	ClientID        string       `json:"client_id"`
	ClientSecret    secret.Value `json:"client_secret"`
	Certificate     string       `json:"certificate"`
	Company         string       `json:"company"`
	SigningSecret   secret.Value `json:"signing_secret"`
	Audience        string       `json:"audience"`
	Issuer          string       `json:"issuer"`
}

// limits is the `limits:` block of a brokered connection.
type limits struct {
	PerSecond     int               `json:"per_second"`
	Burst         int               `json:"burst"`
	Concurrent    int               `json:"concurrent"`
	AllPerSecond  int               `json:"all_per_second"`
	AllBurst      int               `json:"all_burst"`
	AllConcurrent int               `json:"all_concurrent"`
	Body          int64             `json:"body_bytes"`
	Head          int               `json:"head_bytes"`
	Duration      workflow.Duration `json:"duration"`
}

// oauth is the `oauth:` block of a connection.
type oauth struct {
	ClientID     string            `json:"client_id"`
	ClientSecret secret.Value      `json:"client_secret"`
	AuthorizeURL string            `json:"authorize_url"`
	TokenURL     string            `json:"token_url"`
	RevokeURL    string            `json:"revoke_url"`
	Scopes       []string          `json:"scopes"`
	Params       map[string]string `json:"params"`
}

func (c connection) settings(name string) connectors.Settings {
	return connectors.Settings{
		Name:         name,
		Kind:         c.Kind,
		Mode:         c.Mode,
		Owners:       c.Owners,
		BaseURL:      c.BaseURL,
		AllowPrivate: c.AllowPrivate,
		Token:        c.Token,
		Header:       c.Header,
		Scheme:       c.Scheme,
		CheckPath:    c.CheckPath,
		SyncEvery:    time.Duration(c.SyncEvery),
		Scopes:       c.Scopes,

		OrgID:          c.OrgID,
		APIKey:         c.APIKey,
		AppID:          c.AppID,
		InstallationID: c.InstallationID,
		PrivateKey:     c.PrivateKey,
		Group:          c.Group,
		Subject:        c.Subject,
		Credentials:    c.Credentials,
		OAuth:          connectors.OAuthSettings(c.OAuth),
		Import:         c.Import,
		Limits: connectors.Limits{PerSecond: c.Limits.PerSecond, Burst: c.Limits.Burst, Concurrent: c.Limits.Concurrent,
			AllPerSecond: c.Limits.AllPerSecond, AllBurst: c.Limits.AllBurst, AllConcurrent: c.Limits.AllConcurrent,
			Body: c.Limits.Body, Head: c.Limits.Head, Duration: time.Duration(c.Limits.Duration)},

		Places:          c.Places,
		Namespace:       c.Namespace,
		Mount:           c.Mount,
		Region:          c.Region,
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey,
		Project:         c.Project,
		TenantID:        c.TenantID,
		ClientID:        c.ClientID,
		ClientSecret:    c.ClientSecret,
		Certificate:     c.Certificate,
		Company:         c.Company,
		SigningSecret:   c.SigningSecret,
		Audience:        c.Audience,
		Issuer:          c.Issuer,
	}
}

// decode makes a Config of what is good in the tree, so that the checks after
// it can go on where the schema found fault.
func decode(t *tree) (*Config, error) {
	c := &Config{}
	if t.root.shape != mapping {
		return c, nil
	}
	top, _ := t.root.value(good).(map[string]any)
	policies, _ := top["policies"].([]any)
	for _, p := range policies {
		spellApproval(p)
	}
	connections := top["connections"]
	delete(top, "connections") // of the Document's own, which the file does not have
	if err := convert(top, c); err != nil {
		return nil, err
	}
	if err := convert(top, &c.Policy); err != nil {
		return nil, err
	}
	byName := map[string]connection{}
	if err := convert(connections, &byName); err != nil {
		return nil, err
	}
	if n := t.root.field("connections"); n != nil && !n.bad {
		for _, f := range n.fields {
			if !f.node.bad {
				c.Connections = append(c.Connections, byName[f.name].settings(f.name))
			}
		}
	}
	c.addOwn()
	c.setDefaults()
	return c, nil
}

// addOwn adds the connection of Latchkey's own keys where a policy is about
// them and the file does not have it.
func (c *Config) addOwn() {
	for _, s := range c.Connections {
		if s.Name == ownConnection {
			return
		}
	}
	for _, p := range c.Policy.Policies {
		if slices.Contains(p.Connections, ownConnection) {
			c.Connections = append(c.Connections, connectors.Settings{Name: ownConnection, Kind: ownConnection})
			return
		}
	}
}

// spellApproval writes `auto` and a list of steps as workflow.Approval.
func spellApproval(policy any) {
	p, ok := policy.(map[string]any)
	if !ok {
		return
	}
	switch a := p["approval"].(type) {
	case string:
		p["approval"] = map[string]any{"auto": true}
	case []any:
		p["approval"] = map[string]any{"steps": a}
	}
}

// convert reads a value into a struct by its JSON tags. What it is given fits
// the schema, which fits the structs; the library's error is not passed on,
// because it may quote a value.
func convert(from, to any) error {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		return errors.New("decode configuration: the schema allows what the program can't read")
	}
	return nil
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&c.Slack.Command, DefaultCommand},
		{&c.DataDir, DefaultDataDir},
		{&c.Listen, DefaultListen},
		{&c.Gateway.Listen, DefaultGatewayListen},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if key, ok := strings.CutPrefix(c.Keeper.Expose(), "base64key://"); ok {
		c.Keeper = secret.New("base64key://" + urlSafe(key))
	}
	c.PublicURL = publicURL(c.PublicURL, c.Listen)
	guessed := c.Gateway.PublicURL == ""
	c.Gateway.PublicURL = publicURL(c.Gateway.PublicURL, c.Gateway.Listen)
	if guessed && c.Gateway.TLS != (TLS{}) {
		c.Gateway.PublicURL = strings.Replace(c.Gateway.PublicURL, "http://", "https://", 1)
	}
}

func publicURL(given, listen string) string {
	if given != "" {
		return strings.TrimRight(given, "/")
	}
	address, _ := defaultURL(listen)
	return address
}
