package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

// savedFormat and savedVersion head every saved ledger.
const (
	savedFormat  = "latchkey-fake-vendor"
	savedVersion = 1
)

// savedVendor is a ledger at rest. A vendor knows its keys, so their values and
// the admin token are in it in clear: it is for a demo's own directory only, and
// nothing but a Vendor may read it.
type savedVendor struct {
	Format  string     `json:"format"`
	Version int        `json:"version"`
	Token   string     `json:"token"`
	Last    int        `json:"last"` // the counter behind key IDs
	Keys    []savedKey `json:"keys"`
}

// savedKey is a Key whose secret does encode.
type savedKey struct {
	Number    int                   `json:"number"`
	ID        string                `json:"id"`
	Label     string                `json:"label"`
	Owner     connectors.AccountRef `json:"owner"`
	Scopes    []string              `json:"scopes"`
	State     State                 `json:"state"`
	CreatedAt time.Time             `json:"created_at"`
	ExpiresAt time.Time             `json:"expires_at,omitzero"`
	LastUsed  connectors.LastUsed   `json:"last_used"`
	Secret    string                `json:"secret"`
	Match     string                `json:"match,omitempty"`
}

// Save is the ledger, the dead keys included, and the admin token as JSON, for
// Restore. Faults, gates, requests, the clock and the count of calls are not in it. The
// result holds secrets in clear.
func (v *Vendor) Save() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := savedVendor{
		Format: savedFormat, Version: savedVersion, Token: v.token.Expose(), Last: v.last, Keys: []savedKey{},
	}
	for _, k := range v.ordered() {
		out.Keys = append(out.Keys, savedKey{
			Number: k.number, ID: k.ID, Label: k.Label, Owner: k.Owner, Scopes: k.Scopes, State: k.State,
			CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, LastUsed: k.LastUsed, Secret: k.Secret.Expose(), Match: k.Match,
		})
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode ledger: %w", err)
	}
	return raw, nil
}

// Restore replaces the ledger and the admin token by what Save returned, so
// that every key and the configured connection go on working. On an error
// nothing has changed.
func (v *Vendor) Restore(raw []byte) error {
	in, err := readSaved(raw)
	if err != nil {
		return fmt.Errorf("read saved ledger: %w", err)
	}
	keys := map[string]*Key{}
	for _, k := range in.Keys {
		keys[k.ID] = &Key{
			ID: k.ID, Label: k.Label, Owner: k.Owner, Scopes: k.Scopes, State: k.State,
			CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, LastUsed: k.LastUsed, Secret: secret.New(k.Secret), Match: k.Match, number: k.Number,
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token, v.last, v.keys = secret.New(in.Token), in.Last, keys
	return nil
}

func readSaved(raw []byte) (savedVendor, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return savedVendor{}, fmt.Errorf("decode JSON: %w", err)
	}
	if head.Format != savedFormat {
		return savedVendor{}, fmt.Errorf("this is %q, not a %s", head.Format, savedFormat)
	}
	if head.Version != savedVersion {
		return savedVendor{}, fmt.Errorf("it has version %d of the format, this program reads version %d", head.Version, savedVersion)
	}
	var in savedVendor
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return in, errors.New("decode JSON: something follows the ledger")
	}
	return in, in.check()
}

// check reports every problem at once; none of them names a secret.
func (in savedVendor) check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if in.Token == "" {
		bad("the admin token is missing")
	}
	seen := map[string]bool{}
	before := 0
	for _, k := range in.Keys {
		if k.ID == "" || seen[k.ID] {
			bad("key %q is there twice or has no ID", k.ID)
		}
		seen[k.ID] = true
		if k.Number <= before || k.Number > in.Last {
			bad("key %s has number %d, out of order", k.ID, k.Number)
		}
		before = k.Number
		if k.Secret == "" {
			bad("key %s has no secret", k.ID)
		}
		switch k.State {
		case StateActive, StateSuspended, StateRevoked, StateExpired:
		default:
			bad("key %s has the unknown state %q", k.ID, k.State)
		}
	}
	return errors.Join(problems...)
}
