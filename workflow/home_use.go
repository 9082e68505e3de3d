package workflow

import (
	"context"
	"net/url"
	"sync"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

const (
	// busyWindow is how far back the busiest systems are counted, today
	// included.
	busyWindow = 6 * 24 * time.Hour
	// busyShown is how many of them there are at most.
	busyShown = 5
	// busyFor is how old what is said of them may be: the log of a whole week
	// is read for it.
	busyFor = time.Minute
)

// busiest remembers which systems are used most. Safe for concurrent use; the
// zero value remembers nothing.
type busiest struct {
	mu   sync.Mutex
	read time.Time
	rows []storage.ConnectionUse
}

// homeUse adds to a home what its keys were used for and, for admins, which
// systems are used most.
func (s *Service) homeUse(ctx context.Context, h *HomeView) error {
	now, err := s.DB.Now(ctx)
	if err != nil {
		return err
	}
	var ids []storage.CredentialID
	for _, k := range h.Keys {
		if k.Credential.Brokered {
			ids = append(ids, k.Credential.ID)
		}
	}
	if len(ids) > 0 {
		days, err := s.DB.UseByDayOf(ctx, ids, now.Add(-dayWindow))
		if err != nil {
			return err
		}
		for i, k := range h.Keys {
			h.Keys[i].Days = days[k.Credential.ID]
		}
	}
	if !h.Admin {
		return nil
	}
	h.Busiest, err = s.busiestSystems(ctx, now)
	return err
}

// busiestSystems reads anew at most once in busyFor. Whoever asks meanwhile
// waits for the reader and gets what it read.
func (s *Service) busiestSystems(ctx context.Context, now time.Time) ([]storage.ConnectionUse, error) {
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	if age := now.Sub(b.read); age >= 0 && age < busyFor {
		return b.rows, nil
	}
	rows, err := s.DB.BusiestConnections(ctx, now.Add(-busyWindow), busyShown)
	if err != nil {
		return nil, err
	}
	b.read, b.rows = now, rows
	return rows, nil
}

// clientsURL is the page that says how clients use a system's keys; empty for
// keys that the gateway does not honour.
func (s *Service) clientsURL(connection string) string {
	c := s.Connectors[connection]
	broker, ok := connectors.As[connectors.Broker](c)
	if _, guides := connectors.As[connectors.ClientGuider](c); !ok || !guides || s.PublicURL == "" || broker.Upstream().BaseURL == nil {
		return ""
	}
	return s.PublicURL + "/clients/" + url.PathEscape(connection)
}
