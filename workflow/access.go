package workflow

import (
	"context"
	"fmt"
	"time"

	"latchkey/storage"
)

// RuleSpan is the rule about how much of a log is read at once.
const RuleSpan = "span"

// maxAccessSpan bounds how much of the access log one reading may cover.
const maxAccessSpan = 31 * 24 * time.Hour

// Access lists what the gateway judged, newest first. For admins, and keys
// with audit:read. Without To it is until now, without From the day before To;
// asked says which bounds it came to.
func (s *Service) Access(ctx context.Context, a Actor, f storage.AccessFilter) (lines []storage.AccessLine, asked storage.AccessFilter, err error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "see what keys were used for"); err != nil {
		return nil, f, err
	}
	if f.To.IsZero() {
		now, err := s.DB.Now(ctx)
		if err != nil {
			return nil, f, err
		}
		f.To = now.Add(time.Second) // what happens this second is in it
	}
	if f.From.IsZero() {
		f.From = f.To.Add(-24 * time.Hour)
	}
	if !f.From.Before(f.To) || f.To.Sub(f.From) > maxAccessSpan+time.Second {
		return nil, f, refuse(RuleSpan, "Choose a time from its beginning to its end, of at most %d days.", maxAccessSpan/(24*time.Hour)).on("from")
	}
	lines, err = s.DB.AccessLog(ctx, f)
	return lines, f, err
}

// Use is what a credential was used for.
type Use struct {
	Endpoints []storage.EndpointUse // the most used first
	Days      []storage.DayUse      // each since the first, UTC, days without use among them
	Unused    []string              // scopes that nothing needed for 30 days
	Known     bool                  // false: its system keeps to itself what it is used for
}

// maxUseSpan bounds how far back Use looks.
const maxUseSpan = 400 * 24 * time.Hour

// Use says what a credential was used for since a time; the zero time is the
// last 30 days. For admins, and keys with audit:read.
func (s *Service) Use(ctx context.Context, a Actor, id storage.CredentialID, since time.Time) (Use, error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "see what keys were used for"); err != nil {
		return Use{}, err
	}
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return Use{}, gone(err, fmt.Sprintf("key %s", id))
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return Use{}, err
	}
	if since.IsZero() {
		since = now.Add(-unusedWindow)
	}
	if !since.Before(now) || now.Sub(since) > maxUseSpan {
		return Use{}, refuse(RuleSpan, "Choose a time that is past, and at most %d days ago.", maxUseSpan/(24*time.Hour)).on("since")
	}
	out := Use{Known: c.Brokered}
	if !c.Brokered {
		return out, nil
	}
	if out.Endpoints, err = s.DB.EndpointUse(ctx, id, since); err != nil {
		return out, err
	}
	if out.Days, err = s.DB.UseByDay(ctx, id, since); err != nil {
		return out, err
	}
	if allows := s.Allows[c.Connection]; allows != nil && c.Live() {
		out.Unused, err = s.DB.UnusedScopes(ctx, id, now.Add(-unusedWindow), allows)
	}
	return out, err
}
