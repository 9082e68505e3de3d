package vaulttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "vault-double"
	savedVersion = 1
)

// savedDouble is a double at rest. Its secrets and tokens are in it in clear:
// it is for a demo's own directory only.
type savedDouble struct {
	Format  string                `json:"format"`
	Version int                   `json:"version"`
	Serial  int                   `json:"serial"`
	Mounts  map[string]savedMount `json:"mounts"`
	Tokens  map[string]savedToken `json:"tokens"`
}

type savedMount struct {
	Version string                   `json:"version"`
	Entries map[string][]savedSecret `json:"entries"`
}

type savedSecret struct {
	Data      map[string]any `json:"data"`
	Made      time.Time      `json:"made"`
	Deleted   time.Time      `json:"deleted,omitzero"`
	Destroyed bool           `json:"destroyed,omitempty"`
}

type savedToken struct {
	Token
	Made time.Time `json:"made"`
	Ends time.Time `json:"ends,omitzero"`
}

// Save is the mounts with their secrets, and the tokens, as JSON, for Restore.
// Faults and the count of calls are not in it. The result holds secrets in
// clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := savedDouble{Format: savedFormat, Version: savedVersion, Serial: d.serial, Mounts: map[string]savedMount{}, Tokens: map[string]savedToken{}}
	for path, m := range d.mounts {
		saved := savedMount{m.version, map[string][]savedSecret{}}
		for place, e := range m.entries {
			for _, v := range e.versions {
				saved.Entries[place] = append(saved.Entries[place], savedSecret{v.data, v.made, v.deleted, v.destroyed})
			}
		}
		out.Mounts[path] = saved
	}
	for id, t := range d.tokens {
		out.Tokens[id] = savedToken{t.Token, t.made, t.ends}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("save vault double: %w", err)
	}
	return raw, nil
}

// Restore gives the double what Save wrote. On an error it stays as it was.
func (d *Double) Restore(raw []byte) error {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return fmt.Errorf("restore vault double: %w", err)
	}
	mounts, tokens := map[string]*mount{}, map[string]*token{}
	for path, m := range in.Mounts {
		mounts[path] = &mount{version: m.Version, entries: map[string]*entry{}}
		for place, versions := range m.Entries {
			e := &entry{}
			for _, v := range versions {
				e.versions = append(e.versions, &version{v.Data, v.Made, v.Deleted, v.Destroyed})
			}
			mounts[path].entries[place] = e
		}
	}
	for id, t := range in.Tokens {
		tokens[id] = &token{t.Token, t.Made, t.Ends}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial, d.mounts, d.tokens = in.Serial, mounts, tokens
	return nil
}

// Holding is one secret as the vault has it now.
type Holding struct {
	ID        string // mount and place
	Sort      string
	Owner     string // who put it there
	Label     string
	Scopes    []string
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value
}

// Holdings lists what can be read in every mount, by place.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Holding
	for _, path := range slices.Sorted(maps.Keys(d.mounts)) {
		entries := d.mounts[path].entries
		for _, place := range slices.Sorted(maps.Keys(entries)) {
			versions := entries[place].versions
			if len(versions) == 0 || !versions[len(versions)-1].readable() {
				continue
			}
			data := versions[len(versions)-1].data
			owner := "somebody else"
			if data["latchkey_label"] != nil {
				owner = "Latchkey"
			}
			value, _ := data["value"].(string)
			out = append(out, Holding{ID: path + "/" + place, Sort: fmt.Sprintf("Secret, version %d,", len(versions)), Owner: owner, Label: place,
				Scopes: []string{"be read by whoever the vault lets"}, Works: true, Secret: secret.New(value)})
		}
	}
	return out
}
