package personio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// conclude says what a delivery means for the person: what the API says now,
// which is never older than what was delivered. Not found is believed of a
// person or employment said to be deleted, else it is a failure: what our
// credentials may not see looks the same.
func (a api) conclude(ctx context.Context, m message, now time.Time) (connectors.PersonEvent, bool, error) {
	var none connectors.PersonEvent
	p, err := a.person(ctx, m.person)
	if rest.Status(err) == http.StatusNotFound && (m.event == personDeleted || m.event == employmentDeleted) {
		return m.personEvent(connectors.AccountRef{ID: m.person}, state{}), true, nil
	}
	if err != nil {
		return none, false, err
	}
	all, err := a.employments(ctx, m.person)
	if err != nil {
		return none, false, err
	}
	if len(all) == 0 { // nothing said; the person's own status is
		return m.personEvent(p.account(), state{}), p.Status == inactive, nil
	}
	s, err := stateOf(all, now)
	if err != nil {
		return none, false, err
	}
	return m.personEvent(p.account(), s), true, nil
}

// personEvent names the event by all it says: the vendor has no ID for it.
func (m message) personEvent(account connectors.AccountRef, s state) connectors.PersonEvent {
	return connectors.PersonEvent{
		ID:      fmt.Sprintf("%s/%s/%s/%s", m.event, m.person, m.occurredAt, s),
		Account: account, Active: s.active, At: m.at, From: s.from, Reason: m.event,
	}
}

// The statuses of an employment. A leave is one from work, not from the
// company.
const (
	active     = "ACTIVE"
	inactive   = "INACTIVE"
	onLeave    = "LEAVE"
	onboarding = "ONBOARDING"
)

// state is whether somebody works here, and since when that is so; zero is now.
// The zero state is having left.
type state struct {
	active bool
	from   time.Time
}

// String is part of events' IDs.
func (s state) String() string {
	text := "left"
	if s.active {
		text = "active"
	}
	if !s.from.IsZero() {
		text += " from " + s.from.Format(time.DateOnly)
	}
	return text
}

// span is the days of an employment: from the first on, before the second.
// Zero is open.
type span struct{ from, until time.Time }

// stateOf joins a person's employments: somebody who goes from one contract
// to the next does not leave.
func stateOf(all []employment, now time.Time) (state, error) {
	var running, coming []span
	for i, e := range all {
		s, ended, err := e.span(now)
		switch {
		case err != nil:
			return state{}, fmt.Errorf("employment %d: %w", i+1, err)
		case ended:
		case s.from.After(now):
			coming = append(coming, s)
		default:
			running = append(running, s)
		}
	}
	until, open := latest(running)
	switch {
	case open:
		return state{active: true}, nil
	case len(running) > 0 && followed(coming, until):
		return state{active: true}, nil
	case len(running) > 0:
		return state{from: until}, nil
	case len(coming) > 0:
		first := coming[0].from
		for _, s := range coming {
			if s.from.Before(first) {
				first = s.from
			}
		}
		return state{active: true, from: first}, nil
	}
	return state{}, nil
}

// latest is the end of the last to end. open is true if one does not.
func latest(spans []span) (until time.Time, open bool) {
	for _, s := range spans {
		if s.until.IsZero() {
			return time.Time{}, true
		}
		if s.until.After(until) {
			until = s.until
		}
	}
	return until, false
}

func followed(coming []span, until time.Time) bool {
	for _, s := range coming {
		if !s.from.After(until) {
			return true
		}
	}
	return false
}

// span reads an employment. The last working day is worked to its end, in UTC:
// that is our reading, and unverified. Where there is none, it is the day of
// the termination.
func (e employment) span(now time.Time) (s span, ended bool, err error) {
	switch e.Status {
	case inactive:
		return span{}, true, nil
	case active, onLeave, onboarding:
	case "":
		return span{}, false, errors.New("the answer has no status: may our credentials read it?")
	default:
		return span{}, false, errors.New("the answer has an unknown status")
	}
	from, err := day(e.StartDate)
	if err != nil {
		return span{}, false, fmt.Errorf("employment_start_date: %w", err)
	}
	end, err := day(e.Termination.Date)
	if err != nil {
		return span{}, false, fmt.Errorf("termination_date: %w", err)
	}
	last, err := day(e.Termination.LastDay)
	if err != nil {
		return span{}, false, fmt.Errorf("last_working_date: %w", err)
	}
	if end.IsZero() || !last.IsZero() && last.Before(end) {
		end = last
	}
	if end.IsZero() {
		return span{from: from}, false, nil
	}
	until := end.AddDate(0, 0, 1)
	return span{from: from, until: until}, !until.After(now), nil
}

// day reads a date, or the date of a time. Zero is none.
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if len(s) > len(time.DateOnly) && s[len(time.DateOnly)] == 'T' {
		s = s[:len(time.DateOnly)]
	}
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, errors.New("it is no date")
	}
	return at, nil
}
