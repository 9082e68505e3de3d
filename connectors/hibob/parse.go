package hibob

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	pingText    = "Ping test"
	maxPing     = 64
	maxIDLength = 40
)

// deleted is an event after which the API has nothing to say about a person.
const deleted = "employee.deleted"

// lifecycle is what the events mean: whether a person works here from then on.
// Inactivated is somebody terminated or on a leave without access, left one
// terminated or on garden leave.
func lifecycle(event string) (active, ours bool) {
	switch event {
	case "employee.left", "employee.inactivated", "employee.access.revoked.immediately", deleted:
		return false, true
	case "employee.activated", "employee.joined":
		return true, true
	}
	return false, false
}

// isPing knows the plain text, the same as a JSON string, and the object.
func isPing(body []byte) bool {
	if len(body) > maxPing {
		return false
	}
	text := strings.TrimSpace(string(body))
	var object struct {
		Text string `json:"text"`
	}
	return text == pingText || text == `"`+pingText+`"` || json.Unmarshal(body, &object) == nil && object.Text == pingText
}

// message is a delivery about somebody who came or went.
type message struct {
	event       string
	active      bool
	employee    string
	triggeredAt string // as it was written
	at          time.Time
}

// parse reads a delivery. ours is false for an event about something else.
func parse(body []byte, now time.Time) (m message, ours bool, err error) {
	var wire struct {
		Type        string `json:"type"`
		TriggeredAt string `json:"triggeredAt"`
		Version     string `json:"version"`
		Data        struct {
			EmployeeID rest.Identifier `json:"employeeId"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return message{}, false, malformed("it is not the JSON expected")
	}
	active, ours := lifecycle(wire.Type)
	employee := string(wire.Data.EmployeeID)
	at, ok := parseTime(wire.TriggeredAt)
	switch {
	case wire.Type == "":
		return message{}, false, malformed("it has no type")
	case !ours:
		return message{}, false, nil
	case wire.Version != "v2":
		return message{}, false, malformed("it is not of version 2: have the webhook send that")
	case !isNumber(employee):
		return message{}, false, malformed("it has no employeeId")
	case !ok:
		return message{}, false, malformed("triggeredAt is no time")
	case at.After(now): // a clock ahead of ours must not outlast later events
		at = now
	}
	return message{event: wire.Type, active: active, employee: employee, triggeredAt: wire.TriggeredAt, at: at}, true, nil
}

func isNumber(s string) bool {
	return s != "" && len(s) <= maxIDLength && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// parseTime reads what the vendor calls an ISO 8601-style string. One without
// a zone is read as UTC, which is unverified.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func malformed(why string) error { return fmt.Errorf("%w: %s", connectors.ErrMalformed, why) }
