package workflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// DecodeSCIM reads a message. It is strict where two readers of one message
// could see two different things in it, or the database could not keep it:
// names that are there twice, in whatever case, zero bytes, numbers beyond all
// measure, and nesting without end.
func DecodeSCIM(raw []byte) (map[string]any, error) {
	if !utf8.Valid(raw) {
		return nil, scimRefuse(SCIMInvalidSyntax, "The body is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeSCIMValue(d, 0)
	if _, refused := errors.AsType[SCIMError](err); refused {
		return nil, err
	}
	out, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, scimRefuse(SCIMInvalidSyntax, "The body is not a JSON object.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, scimRefuse(SCIMInvalidSyntax, "Something follows the JSON object.")
	}
	return out, nil
}

func decodeSCIMValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxSCIMDepth {
		return nil, scimRefuse(SCIMInvalidSyntax, "The body is nested more than %d deep.", maxSCIMDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return decodeSCIMObject(d, depth)
		}
		list := []any{}
		for d.More() {
			v, err := decodeSCIMValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case string:
		return t, checkSCIMText(t)
	case json.Number:
		if !isSCIMNumber(t) {
			return nil, scimRefuse(SCIMInvalidValue, "A number is too large, or has too many digits.")
		}
	}
	return t, nil
}

func decodeSCIMObject(d *json.Decoder, depth int) (any, error) {
	out := map[string]any{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errSCIMSyntax
		}
		if err := checkSCIMText(name); err != nil {
			return nil, err
		}
		folded := strings.ToLower(name)
		if seen[folded] {
			return nil, scimRefuse(SCIMInvalidSyntax, "The name %s is there twice.", cutSCIM(name))
		}
		seen[folded] = true
		if out[name], err = decodeSCIMValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func checkSCIMText(s string) error {
	if strings.ContainsRune(s, 0) {
		return scimRefuse(SCIMInvalidValue, "A text holds a zero byte.")
	}
	return nil
}
