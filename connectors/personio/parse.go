package personio

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const maxIDLength = 64

// The events that can be about somebody's coming or going. The others about
// persons are about their attributes.
const (
	personDeleted     = "person.deleted"
	employmentDeleted = "employment.deleted"
)

func isOurs(event string) bool {
	switch event {
	case personDeleted, employmentDeleted, "employment.created", "employment.updated", "employment.started", "employment.terminated":
		return true
	}
	return false
}

// message says whom to ask about, and since when there is something new.
type message struct {
	event      string
	person     string
	occurredAt string // as it was written
	at         time.Time
}

// parse reads a delivery. ours is false for an event about something else.
func parse(body []byte, now time.Time) (m message, ours bool, err error) {
	var wire struct {
		Event      string  `json:"event_name"`
		OccurredAt string  `json:"occurred_at"`
		Payload    payload `json:"payload"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return message{}, false, malformed("it is not the JSON expected")
	}
	if wire.Event == "" {
		return message{}, false, malformed("it has no event_name")
	}
	if !isOurs(wire.Event) {
		return message{}, false, nil
	}
	person, ok := wire.Payload.person(wire.Event)
	if !ok {
		return message{}, false, malformed("its payload names no person, or two")
	}
	at, err := time.Parse(time.RFC3339, wire.OccurredAt)
	if err != nil {
		return message{}, false, malformed("occurred_at is no time")
	}
	if at.After(now) { // a clock ahead of ours must not outlast later events
		at = now
	}
	return message{event: wire.Event, person: person, occurredAt: wire.OccurredAt, at: at.UTC()}, true, nil
}

// payload names the person. The vendor's pages leave its fields open: these
// are the ways its API names one elsewhere (unverified).
type payload struct {
	ID         rest.Identifier `json:"id"`
	PersonID   rest.Identifier `json:"person_id"`
	Person     named           `json:"person"`
	Employment struct {
		Person   named           `json:"person"`
		PersonID rest.Identifier `json:"person_id"`
	} `json:"employment"`
}

type named struct {
	ID rest.Identifier `json:"id"`
}

// person is the only one that is named.
func (p payload) person(event string) (string, bool) {
	all := []rest.Identifier{p.PersonID, p.Person.ID, p.Employment.Person.ID, p.Employment.PersonID}
	if event == personDeleted { // elsewhere it is the employment's
		all = append(all, p.ID)
	}
	one := ""
	for _, id := range all {
		switch {
		case id == "":
		case !isID(string(id)) || one != "" && one != string(id):
			return "", false
		default:
			one = string(id)
		}
	}
	return one, one != ""
}

func isID(s string) bool {
	return s != "" && len(s) <= maxIDLength && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
	})
}

func malformed(why string) error { return fmt.Errorf("%w: %s", connectors.ErrMalformed, why) }
