package bamboohr

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors/rest"
)

// The vendor's events.
const (
	created = "employee.created"
	updated = "employee.updated"
	deleted = "employee.deleted"
)

const (
	maxChanges  = 1000
	maxIDLength = 20
)

// change is what a delivery says: that something about an employee is new, and
// when. What it is now, the API says.
type change struct {
	event    string
	employee string
	at       time.Time
	// employment is true if the change can be one of status, hire or end, or
	// if the delivery does not say what changed.
	employment bool
}

// parse reads the event-based body, as JSON or as a form, and the older
// field-based one as JSON.
func parse(h http.Header, body []byte, sent time.Time, company string) ([]change, error) {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return nil, malformed("there is no Content-Type")
	}
	var m message
	switch kind {
	case "application/json":
		if err := json.Unmarshal(body, &m); err != nil {
			return nil, malformed("it is not the JSON expected")
		}
	case "application/x-www-form-urlencoded":
		m, err = formMessage(body)
		if err != nil {
			return nil, malformed(err.Error())
		}
	default:
		return nil, malformed("it is neither JSON nor a form")
	}
	return m.changes(sent, company)
}

// message is either body: the event-based one has a type, the field-based one
// employees.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      struct {
		CompanyID  rest.Identifier `json:"companyId"`
		EmployeeID rest.Identifier `json:"employeeId"`
		Changed    []string        `json:"changedFields"`
	} `json:"data"`

	// What a row holds besides is unverified. Fields, which people can
	// rename, are not read.
	Employees []struct {
		ID        rest.Identifier `json:"id"`
		Action    string          `json:"action"`
		Timestamp string          `json:"timestamp"`
		Changed   []string        `json:"changedFields"`
	} `json:"employees"`
}

// formMessage reads an event-based form. It has no time of the event, says the
// vendor's page. A field-based form is written in a way that page leaves open.
func formMessage(body []byte) (message, error) {
	var m message
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return m, errors.New("it is no form")
	}
	for name, into := range map[string]*string{
		"type": &m.Type, "timestamp": &m.Timestamp,
		"data[companyId]": (*string)(&m.Data.CompanyID), "data[employeeId]": (*string)(&m.Data.EmployeeID),
	} {
		if len(form[name]) > 1 {
			return m, errors.New("the form has a field twice")
		}
		*into = form.Get(name)
	}
	for name, values := range form {
		if strings.HasPrefix(name, "data[changedFields][") {
			m.Data.Changed = append(m.Data.Changed, values...)
		}
	}
	if m.Type == "" {
		return m, errors.New("the form is not event-based: have the webhook send JSON")
	}
	return m, nil
}

func (m message) changes(sent time.Time, company string) ([]change, error) {
	switch {
	case m.Type != "" && len(m.Employees) > 0:
		return nil, malformed("it is both event-based and field-based")
	case m.Type == "" && len(m.Employees) == 0:
		return nil, malformed("it is about nobody")
	case len(m.Employees) > maxChanges:
		return nil, malformed("it is about more employees than a delivery can be")
	case m.Type != "":
		return m.eventBased(sent, company)
	}
	var out []change
	for _, e := range m.Employees {
		event, ok := map[string]string{"created": created, "updated": updated, "deleted": deleted}[strings.ToLower(e.Action)]
		if !ok {
			return nil, malformed("it has an unknown action")
		}
		ch, err := newChange(event, e.ID, e.Timestamp, e.Changed, sent)
		if err != nil {
			return nil, malformed(err.Error())
		}
		out = append(out, ch)
	}
	return out, nil
}

func (m message) eventBased(sent time.Time, company string) ([]change, error) {
	if m.Type != created && m.Type != updated && m.Type != deleted {
		return nil, nil // an event about something else
	}
	// The vendor documents a number here. A name would be the subdomain.
	if id := string(m.Data.CompanyID); id != "" && !isNumber(id) && !strings.EqualFold(id, company) {
		return nil, malformed("it is from another company")
	}
	ch, err := newChange(m.Type, m.Data.EmployeeID, m.Timestamp, m.Data.Changed, sent)
	if err != nil {
		return nil, malformed(err.Error())
	}
	return []change{ch}, nil
}

func newChange(event string, employee rest.Identifier, timestamp string, fields []string, sent time.Time) (change, error) {
	ch := change{event: event, employee: string(employee), at: sent}
	if !isNumber(ch.employee) {
		return ch, errors.New("an employee has no ID")
	}
	if timestamp != "" {
		at, err := parseTime(timestamp)
		if err != nil {
			return ch, errors.New("a timestamp is no time")
		}
		if at.Before(sent) { // never after: a clock ahead of ours must not outlast later events
			ch.at = at
		}
	}
	ch.employment = event == created || len(fields) == 0
	for _, f := range fields {
		f = strings.ToLower(f)
		ch.employment = ch.employment || strings.Contains(f, "status") || strings.Contains(f, "terminat") || strings.Contains(f, "hire")
	}
	return ch, nil
}

// parseTime reads the vendor's time, whose zone has no colon, and RFC 3339.
func parseTime(s string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04:05-0700", s)
	if err != nil {
		at, err = time.Parse(time.RFC3339, s)
	}
	return at.UTC(), err
}

func isNumber(s string) bool {
	return s != "" && len(s) <= maxIDLength && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
