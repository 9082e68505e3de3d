package double

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read decodes a double at rest strictly: what it is and of which version
// stands in its fields "format" and "version", it has no unknown field, and
// nothing follows it. An error names no value of it.
func Read(raw []byte, format string, version int, into any) error {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if head.Format != format {
		return fmt.Errorf("this is %q, not a %s", head.Format, format)
	}
	if head.Version != version {
		return fmt.Errorf("it has version %d of the format, this program reads version %d", head.Version, version)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode JSON: something follows the double")
	}
	return nil
}
