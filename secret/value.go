package secret

import (
	"fmt"
	"io"

	"github.com/rs/zerolog"
)

const redacted = "[redacted]"

// Value holds a secret and prints as "[redacted]" through every formatting
// verb, JSON, text, YAML and zerolog. The zero Value is the empty secret.
// Expose is the only way to the content, so that `grep Expose` lists every
// place a secret leaves its box.
type Value struct {
	_ [0]func() // does not compare with ==, which would compare addresses

	// A pointer, because fmt calls no method of an unexported field: it would
	// print a string there, but of a pointer only the address.
	s *string
}

// New boxes a secret.
func New(s string) Value { return Value{s: &s} }

// Expose returns the secret itself. Call it only where the secret is
// delivered or used.
func (v Value) Expose() string {
	if v.s == nil {
		return ""
	}
	return *v.s
}

// Empty reports whether there is no secret inside.
func (v Value) Empty() bool { return v.Expose() == "" }

// String implements fmt.Stringer.
func (Value) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Value) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb reaches the field.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML implements the YAML encoder's interface.
func (Value) MarshalYAML() (any, error) { return redacted, nil }

// MarshalZerologObject implements zerolog.LogObjectMarshaler.
func (Value) MarshalZerologObject(e *zerolog.Event) { e.Str("secret", redacted) }

// UnmarshalText implements encoding.TextUnmarshaler, for configuration.
func (v *Value) UnmarshalText(b []byte) error {
	*v = New(string(b))
	return nil
}
