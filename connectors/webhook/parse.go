package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/mail"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// What happens to people.
const (
	left   = "person.left"
	joined = "person.joined"
)

const (
	maxEvents = 1000
	maxText   = 254 // characters: an e-mail address has no more
)

// event is one of the body, or the body.
type event struct {
	ID         string `json:"id"`          // the sender's own; the same again is a repeat
	Type       string `json:"type"`        // person.left, person.joined
	Email      string `json:"email"`       // the work address; this or external_id
	ExternalID string `json:"external_id"` // the person's ID at the sender
	Name       string `json:"name"`        // for people
	At         string `json:"at"`          // when it was decided, RFC 3339; the later of two about a person holds
	From       string `json:"from"`        // when it takes effect, RFC 3339; absent: at once
	Reason     string `json:"reason"`      // for people
}

type message struct {
	event
	Events []event `json:"events"`
}

// parse reads a body. The format is ours, so a field it does not have is a
// sender's mistake, and is told instead of passed over.
func parse(body []byte, now time.Time) ([]connectors.PersonEvent, error) {
	m, err := decode(body)
	if err != nil {
		return nil, err
	}
	all := m.Events
	switch {
	case all == nil:
		all = []event{m.event}
	case m.event != event{}:
		return nil, malformed("want either one event or events, not both")
	case len(all) == 0 || len(all) > maxEvents:
		return nil, malformed("want 1 to %d events", maxEvents)
	}
	seen := map[string]bool{}
	out := make([]connectors.PersonEvent, 0, len(all))
	for i, e := range all {
		parsed, err := e.personEvent(now)
		if err == nil && seen[e.ID] {
			err = errors.New("id is that of another event of the same body")
		}
		if err != nil {
			return nil, malformed("event %d: %v", i+1, err)
		}
		seen[e.ID] = true
		out = append(out, parsed)
	}
	return out, nil
}

func decode(body []byte) (message, error) {
	if !utf8.Valid(body) {
		return message{}, malformed("the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var m message
	if err := dec.Decode(&m); err != nil {
		return message{}, malformed("%s", rest.Clean(err.Error()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return message{}, malformed("something follows the JSON")
	}
	return m, nil
}

func (e event) personEvent(now time.Time) (connectors.PersonEvent, error) {
	var none connectors.PersonEvent
	if err := e.checkTexts(); err != nil {
		return none, err
	}
	at, err := time.Parse(time.RFC3339, e.At)
	if err != nil {
		return none, errors.New("at is no RFC 3339 time, such as 2026-11-21T12:00:00Z")
	}
	if at.After(now.Add(window)) {
		return none, errors.New("at is in the future; when it takes effect goes into from")
	}
	var from time.Time
	if e.From != "" {
		from, err = time.Parse(time.RFC3339, e.From)
		if err != nil || from.IsZero() {
			return none, errors.New("from is no RFC 3339 time, such as 2026-12-01T00:00:00+01:00")
		}
	}
	return connectors.PersonEvent{
		ID:      e.ID,
		Account: connectors.AccountRef{ID: e.ExternalID, Email: e.Email, Name: e.Name},
		Active:  e.Type == joined,
		At:      at,
		From:    from,
		Reason:  cmp.Or(e.Reason, e.Type),
	}, nil
}

func (e event) checkTexts() error {
	switch {
	case e.ID == "":
		return errors.New("id is missing")
	case e.Type != left && e.Type != joined:
		return errors.New("type is neither " + left + " nor " + joined)
	case e.Email == "" && e.ExternalID == "":
		return errors.New("email and external_id are both missing")
	case e.Email != "" && !isAddress(e.Email):
		return errors.New("email is no address")
	}
	for _, text := range []struct{ field, value string }{
		{"id", e.ID}, {"email", e.Email}, {"external_id", e.ExternalID}, {"name", e.Name}, {"reason", e.Reason},
	} {
		if !isText(text.value) {
			return errors.New(text.field + " is too long, or holds what can't be printed")
		}
	}
	return nil
}

// isAddress is true for a bare address: no name, no brackets, no comment.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// isText is true for one line without control or invisible characters.
func isText(s string) bool {
	if utf8.RuneCountInString(s) > maxText {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
