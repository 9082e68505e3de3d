package timepiecetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"latchkey/connectors/double"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "timepiece-double"
	savedVersion = 1
)

// savedDouble is a double at rest, with its tokens in clear: it is for a demo's
// own directory only.
type savedDouble struct {
	Format  string            `json:"format"`
	Version int               `json:"version"`
	Records map[string]Record `json:"records"` // by token
}

// Save is the tokens and their records as JSON, for Restore. The result holds
// tokens in clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw, err := json.Marshal(savedDouble{savedFormat, savedVersion, d.records})
	if err != nil {
		return nil, fmt.Errorf("encode double: %w", err)
	}
	return raw, nil
}

// Restore replaces the tokens by what Save returned. On an error nothing has
// changed.
func (d *Double) Restore(raw []byte) error {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	for token, r := range in.Records {
		if token == "" || r.User == "" {
			return errors.New("read saved double: a token has no text or no user")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records = map[string]Record{}
	maps.Copy(d.records, in.Records)
	return nil
}
