package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"latchkey/connectors"
)

// object is what we read of a core/v1 Secret, and all we write of a new one.
type object struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Type       string            `json:"type,omitempty"`
	Data       map[string][]byte `json:"data,omitempty"`
}

type metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	DeletionTimestamp string            `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

// patch is a merge patch (RFC 7386) of one key and its notes. With the
// resource version in it the server refuses it once the Secret has another.
type patch struct {
	Metadata patchMetadata     `json:"metadata"`
	Data     map[string][]byte `json:"data"`
}

type patchMetadata struct {
	ResourceVersion string             `json:"resourceVersion"`
	Annotations     map[string]*string `json:"annotations"` // nil removes
}

const (
	managedBy  = "app.kubernetes.io/managed-by"
	manager    = "latchkey"
	labelNote  = "latchkey.dev/label."
	factsNote  = "latchkey.dev/facts."
	digestNote = "latchkey.dev/value."
)

// notes are the annotations beside one key. No facts are nil, so that a patch
// removes those of the version before.
func notes(p place, d connectors.Delivery) (map[string]*string, error) {
	label, sum := d.Label, digest([]byte(d.Secret.Expose()))
	out := map[string]*string{labelNote + p.key: &label, digestNote + p.key: &sum, factsNote + p.key: nil}
	if len(d.Facts) == 0 {
		return out, nil
	}
	text, err := json.Marshal(d.Facts)
	if err != nil {
		return nil, fmt.Errorf("encode facts: %w", err)
	}
	facts := string(text)
	out[factsNote+p.key] = &facts
	return out, nil
}

// digest tells whether a value is still the one we put there.
func digest(value []byte) string {
	sum := sha256.Sum256(value)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// is says whether the server answered with the Secret that was asked for.
func (o *object) is(p place) bool {
	return o.Kind == "Secret" && o.Metadata.Namespace == p.namespace && o.Metadata.Name == p.secret && o.Metadata.ResourceVersion != ""
}

// holds says whether a delivery is in its place.
func (o *object) holds(p place, d connectors.Delivery) bool {
	value, there := o.Data[p.key]
	return there && o.Metadata.Annotations[labelNote+p.key] == d.Label && string(value) == d.Secret.Expose()
}
