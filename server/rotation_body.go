package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/workflow"
)

// Bounds of what a caller may say about a rotation in words of its own.
const (
	maxMetadata      = 20
	maxMetadataName  = 64
	maxMetadataValue = 500
)

// rotationBody is the body of a rotation, read.
type rotationBody struct {
	ask       workflow.RotateAsk
	preShared string // the ID of the pre-shared key; empty: the only one
}

// parseRotation reads the body of a rotation strictly: what it does not know
// it refuses, because a misspelt end would otherwise be no end.
func parseRotation(raw []byte) (rotationBody, error) {
	var out rotationBody
	err := members(raw, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "newKeyExpiresAt":
			out.ask.Ends, err = instant(name, value)
		case "oldKeyExpiresAt":
			out.ask.OldEnds, err = instant(name, value)
		case "rotateReason":
			out.ask.Reason, err = text(name, value)
		case "notifyContacts":
			out.ask.Contacts, err = texts(name, value)
		case "metadata":
			out.ask.Metadata, err = metadata(name, value)
		case "pskId":
			out.preShared, err = text(name, value)
		default:
			err = malformed("The body has no member of this name.").on(cutName(name))
		}
		return err
	})
	if err == nil && out.ask.Ends.IsZero() {
		err = refuse(http.StatusUnprocessableEntity, "missing_field", "Say when the new key ends, like 2027-01-31T12:00:00Z.").on("newKeyExpiresAt")
	}
	return out, err
}

// instant reads a time in RFC 3339; null is none. The zero time stands for
// none everywhere behind, so it can't be asked for.
func instant(name string, raw json.RawMessage) (time.Time, error) {
	s, err := text(name, raw)
	if err != nil || string(raw) == "null" {
		return time.Time{}, err
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil || t.IsZero() {
		return time.Time{}, invalid("Write the time like 2027-01-31T12:00:00Z (RFC 3339).").on(name)
	}
	return t, nil
}

func texts(name string, raw json.RawMessage) ([]string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, malformed("This is not a list of strings.").on(name)
	}
	var out []string
	for _, item := range items {
		s, err := text(name, item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// metadata reads the caller's own words: an object of strings.
func metadata(name string, raw json.RawMessage) (json.RawMessage, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	words := map[string]string{}
	err := members(raw, func(key string, value json.RawMessage) (err error) {
		words[key], err = text(name, value)
		if err != nil {
			return err
		}
		if len(words) > maxMetadata || key == "" || strings.ContainsRune(key, 0) ||
			utf8.RuneCountInString(key) > maxMetadataName || utf8.RuneCountInString(words[key]) > maxMetadataValue {
			return invalid("Keep it to %d members, their names to %d characters and their values to %d.", maxMetadata, maxMetadataName, maxMetadataValue)
		}
		return nil
	})
	if err != nil {
		return nil, problemOf(err).on(name)
	}
	return json.Marshal(words)
}

// inRotation has a refusal name the member of a rotation's body, and not the
// field of the rules.
func inRotation(err error) error {
	refusal, refused := workflow.AsRefusal(err)
	if !refused {
		return err
	}
	switch refusal.Field {
	case "ends":
		refusal.Field = "newKeyExpiresAt"
	case "old_ends":
		refusal.Field = "oldKeyExpiresAt"
	case "reason":
		refusal.Field = "rotateReason"
	case "contacts":
		refusal.Field = "notifyContacts"
	}
	return refusal
}
