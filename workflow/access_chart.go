package workflow

import (
	"context"
	"time"

	"latchkey/storage"
)

// AccessCharts is what the gateway judged within a time, summed up.
type AccessCharts struct {
	From, To  time.Time
	Systems   []storage.AccessSum // the busiest first
	Days      []storage.DayUse    // each of them, UTC
	Endpoints []storage.AccessSum // the busiest first, and not all
}

// Bounds of AccessCharts.
const (
	maxChartDays   = 30
	chartEndpoints = 20
	chartWithin    = 20 * time.Second
)

// AccessCharts sums up the access log of today and the days before it, in all
// systems or one. Admins only.
func (s *Service) AccessCharts(ctx context.Context, a Actor, days int, connection string) (AccessCharts, error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "see what keys were used for"); err != nil {
		return AccessCharts{}, err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return AccessCharts{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, chartWithin)
	defer cancel()
	today := now.UTC().Truncate(24 * time.Hour)
	out := AccessCharts{From: today.AddDate(0, 0, 1-min(max(days, 1), maxChartDays)), To: now.Add(time.Second)}
	f := storage.AccessFilter{From: out.From, To: out.To, Connection: connection}
	if out.Systems, err = s.DB.AccessBySystem(ctx, f); err != nil {
		return out, err
	}
	if out.Days, err = s.DB.AccessByDay(ctx, f); err != nil {
		return out, err
	}
	out.Endpoints, err = s.DB.AccessByEndpoint(ctx, f, chartEndpoints)
	return out, err
}
