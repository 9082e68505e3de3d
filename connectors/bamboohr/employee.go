package bamboohr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// The two values of an employee's status.
const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

// conclude says whether a change means that somebody came or went. The answer
// is what the API says now, which is never older than the change.
//
//   - Inactive: left, at once.
//   - Active with a termination date to come: leaves at the end of that day, in
//     UTC. That the day is still worked is our reading; the vendor's pages do
//     not say. When the status turns first, that is an event too and wins.
//   - Active with a termination date behind it, and not hired again since: the
//     vendor's own turn of the status is due, and nothing is concluded.
//   - Active otherwise: works here, from the hire date on; only of a change
//     that can be about that, so that a new job title brings nobody back.
func (c *Connector) conclude(ctx context.Context, ch change, now time.Time) (connectors.PersonEvent, bool, error) {
	if ch.event == deleted { // there is nothing left to ask about
		return ch.personEvent(connectors.AccountRef{ID: ch.employee}, false, time.Time{}), true, nil
	}
	e, err := c.employee(ctx, ch.employee)
	if err != nil {
		return connectors.PersonEvent{}, false, fmt.Errorf("read employee %s: %w", ch.employee, err)
	}
	if !e.active {
		return ch.personEvent(e.account, false, time.Time{}), true, nil
	}
	end, ends, err := c.termination(ctx, ch.employee)
	if err != nil {
		return connectors.PersonEvent{}, false, fmt.Errorf("read termination of employee %s: %w", ch.employee, err)
	}
	again := e.hired.After(end)
	switch end = end.AddDate(0, 0, 1); {
	case ends && !again && end.After(now):
		return ch.personEvent(e.account, false, end), true, nil
	case ends && !again, !ch.employment:
		return connectors.PersonEvent{}, false, nil
	}
	from := e.hired
	if !from.After(now) {
		from = time.Time{}
	}
	return ch.personEvent(e.account, true, from), true, nil
}

// personEvent names the event by all it says: the vendor has no ID for it, its
// times are in seconds, and two changes of one second can find two states.
func (ch change) personEvent(account connectors.AccountRef, active bool, from time.Time) connectors.PersonEvent {
	state := "left"
	if active {
		state = "active"
	}
	if !from.IsZero() {
		state += " from " + from.Format(time.DateOnly)
	}
	return connectors.PersonEvent{
		ID:      fmt.Sprintf("%s/%s/%s/%s", ch.event, ch.employee, ch.at.Format(time.RFC3339), state),
		Account: account, Active: active, At: ch.at, From: from, Reason: ch.event,
	}
}

// record is what the API answers about an employee. What is empty or not for
// our key to read comes as null or not at all.
type record struct {
	ID              rest.Identifier `json:"id"`
	FirstName       string          `json:"firstName"`
	LastName        string          `json:"lastName"`
	WorkEmail       string          `json:"workEmail"`
	Status          string          `json:"status"`
	HireDate        string          `json:"hireDate"`
	TerminationDate string          `json:"terminationDate"`
}

type employee struct {
	account connectors.AccountRef
	active  bool
	hired   time.Time // a day, in UTC; zero when unknown
}

// employee reads what holds now.
func (c *Connector) employee(ctx context.Context, id string) (employee, error) {
	r, err := c.read(ctx, id, url.Values{"fields": {"firstName,lastName,workEmail,status,hireDate"}})
	if err != nil {
		return employee{}, err
	}
	hired, _, err := day(r.HireDate)
	if err != nil {
		return employee{}, fmt.Errorf("hireDate: %w", err)
	}
	switch r.Status {
	case statusActive, statusInactive:
	case "":
		return employee{}, errors.New("the answer has no status: may the API key read it?")
	default:
		return employee{}, errors.New("the answer has an unknown status")
	}
	return employee{active: r.Status == statusActive, hired: hired, account: connectors.AccountRef{
		ID: id, Email: r.WorkEmail, Name: strings.TrimSpace(r.FirstName + " " + r.LastName),
	}}, nil
}

// termination reads the last day of somebody who is active. The API leaves out
// what is to come, says its description, unless asked with onlyCurrent=false;
// a question of its own keeps a status to come from being taken for today's.
// Unverified against an account.
func (c *Connector) termination(ctx context.Context, id string) (last time.Time, ends bool, err error) {
	r, err := c.read(ctx, id, url.Values{"fields": {"terminationDate"}, "onlyCurrent": {"false"}})
	if err != nil {
		return time.Time{}, false, err
	}
	last, ends, err = day(r.TerminationDate)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("terminationDate: %w", err)
	}
	return last, ends, nil
}

func (c *Connector) read(ctx context.Context, id string, query url.Values) (record, error) {
	var r record
	path := rest.Path("v1", "employees", id)
	if _, err := c.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: path, Query: query}, &r); err != nil {
		return record{}, err
	}
	if string(r.ID) != id {
		return record{}, fmt.Errorf("GET %s: the answer is about another employee", path)
	}
	return r, nil
}

// day reads a date, which the vendor writes with zeros when there is none.
func day(s string) (at time.Time, ok bool, err error) {
	if s == "" || s == "0000-00-00" {
		return time.Time{}, false, nil
	}
	at, err = time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, false, errors.New("it is no date")
	}
	return at, true, nil
}
