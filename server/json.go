package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody bounds the body of a rotation, in bytes.
const maxBody = 64 << 10

// readJSON reads the body of a request to the API, whole.
func readJSON(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || !strings.EqualFold(params["charset"], "utf-8") && params["charset"] != "" {
		return nil, refuse(http.StatusUnsupportedMediaType, "content_type", "Send JSON, with Content-Type: application/json.")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, refuse(http.StatusUnsupportedMediaType, "content_encoding", "Send the body as it is, not compressed.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "body_size", "The body is larger than %d KiB.", most>>10)
	}
	if err != nil {
		return nil, malformed("The body did not arrive whole.")
	}
	return raw, nil
}

func malformed(says string) problem {
	return refuse(http.StatusBadRequest, "malformed_body", "%s", says)
}

// members calls fn with each member of a JSON object, in order. The library's
// own reading would take names in any case and names that are there twice, and
// then two readers of one body could see two different things in it.
func members(raw []byte, fn func(name string, value json.RawMessage) error) error {
	if !utf8.Valid(raw) {
		return malformed("The body is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return malformed("The body is not a JSON object.")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return malformed("The body is not JSON.")
		}
		if seen[name] {
			return malformed("A name is there twice.").on(cutName(name))
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return malformed("The body is not JSON.")
		}
		if err := fn(name, value); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return malformed("The body is not JSON.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("Something follows the JSON object.")
	}
	return nil
}

// text reads a string that a database can store; null is none.
func text(name string, raw json.RawMessage) (string, error) {
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", malformed("This is not a string.").on(name)
	}
	if strings.ContainsRune(out, 0) {
		return "", invalid("The text holds a zero byte.").on(name)
	}
	return out, nil
}

func invalid(format string, args ...any) problem {
	return refuse(http.StatusUnprocessableEntity, "invalid_field", format, args...)
}

// cutName keeps an answer short that repeats a name of the body.
func cutName(name string) string {
	const most = 64
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}
