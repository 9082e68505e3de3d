package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
)

const canary = "canary-Zx81-never-print-me"

// holder puts a secret wherever a struct can hide one. The unexported field
// matters most: fmt calls no method of it.
type holder struct {
	Open     Value
	hidden   Value
	Pointer  *Value
	Slice    []Value
	Map      map[string]Value
	Any      any
	Deep     struct{ inner struct{ v Value } }
	embedded struct{ Value }
}

type inElement struct{ V Value }

func nested(v Value) holder {
	h := holder{Open: v, hidden: v, Pointer: &v, Slice: []Value{v}, Map: map[string]Value{"k": v}, Any: v}
	h.Deep.inner.v = v
	h.embedded.Value = v
	return h
}

func noCanary(t *testing.T, how, printed string) {
	t.Helper()
	hex := fmt.Sprintf("%x", canary)
	for _, bad := range []string{canary, hex, strings.ToUpper(hex), fmt.Sprint([]byte(canary))} {
		if strings.Contains(printed, strings.Trim(bad, "[]")) {
			t.Errorf("%s prints the secret: %s", how, printed)
		}
	}
}

func TestNoVerbPrintsAValue(t *testing.T) {
	t.Parallel()
	v := New(canary)
	h := nested(v)
	subjects := map[string]any{
		"value": v, "pointer": &v, "nested": h, "pointer to nested": &h, "slice": []any{v, h},
		"error": fmt.Errorf("wrapped: %v", v), "map": map[string]any{"k": h}, "array": [2]holder{h, h},
	}
	for name, subject := range subjects {
		for _, verb := range "vTtbcoOdqxXUeEfFgGsp" {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "80.3", "#+", "# "} {
				format := "%" + flags + string(verb)
				noCanary(t, name+" with "+format, fmt.Sprintf(format, subject))
			}
		}
		noCanary(t, name+" with Sprint", fmt.Sprint(subject))
		noCanary(t, name+" with Sprintln", fmt.Sprintln(subject))
	}
	if got := fmt.Sprintf("%v|%+v|%#v|%s|%q|%x|%d", v, v, v, v, v, v, v); got != strings.Repeat(redacted+"|", 6)+redacted {
		t.Errorf("verbs print %s", got)
	}
}

func TestNoEncodingPrintsAValue(t *testing.T) {
	t.Parallel()
	v := New(canary)
	h := nested(v)
	inJSON, err := json.Marshal(map[string]any{"value": v, "nested": h})
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, "JSON", string(inJSON))
	if n := strings.Count(string(inJSON), redacted); n != 6 {
		t.Errorf("JSON redacts %d places, want 6: %s", n, inJSON)
	}
	inYAML, err := yaml.Marshal(map[string]any{"value": v, "nested": h})
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, "YAML", string(inYAML))
	if !strings.Contains(string(inYAML), redacted) {
		t.Errorf("YAML shows no sign of the value: %s", inYAML)
	}
	inXML, err := xml.Marshal(inElement{v})
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, "XML", string(inXML))
	text, err := v.MarshalText()
	if err != nil || string(text) != redacted {
		t.Errorf("text is %q, %v", text, err)
	}
}

func TestNoLogPrintsAValue(t *testing.T) {
	t.Parallel()
	v := New(canary)
	h := nested(v)
	var out bytes.Buffer
	log := zerolog.New(&out)
	log.Info().Object("a", v).Stringer("b", v).Interface("c", v).Any("d", h).Fields(map[string]any{"e": v, "f": h}).
		Err(errors.New(v.String())).Msgf("%v %+v %#v", v, h, h)
	log = log.With().Interface("g", v).Object("h", v).Logger()
	log.Warn().EmbedObject(v).Msg("end")
	noCanary(t, "zerolog", out.String())
	if !json.Valid(bytes.Split(out.Bytes(), []byte("\n"))[0]) {
		t.Errorf("log line is not JSON: %s", out.String())
	}
}

func TestValueKeepsItsSecret(t *testing.T) {
	t.Parallel()
	if got := New(canary).Expose(); got != canary {
		t.Errorf("Expose gives %q", got)
	}
	var zero Value
	if !zero.Empty() || zero.Expose() != "" || !New("").Empty() || New("x").Empty() {
		t.Error("the zero value is not the empty secret, or another is")
	}
	if zero.String() != redacted {
		t.Error("an empty secret can be told from a full one by its print")
	}
	var read Value
	if err := read.UnmarshalText([]byte(canary)); err != nil || read.Expose() != canary {
		t.Errorf("UnmarshalText: %v", err)
	}
	var doc struct{ Token Value }
	if err := yaml.Unmarshal([]byte("token: "+canary), &doc); err != nil || doc.Token.Expose() != canary {
		t.Errorf("from YAML: %v", err)
	}
	if !reflect.DeepEqual(New(canary), New(canary)) || reflect.DeepEqual(New(canary), New("other")) {
		t.Error("values do not compare by their secret")
	}
}
