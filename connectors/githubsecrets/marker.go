package githubsecrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// claimLasts is how long after its marker the write of a secret may still
// arrive: longer than any call of ours.
const claimLasts = 2 * time.Minute

// marker is what the variable beside a secret says. GitHub shows neither the
// value of a secret nor anything else that could tell ours from others'.
type marker struct {
	Label string            `json:"latchkey_label"`
	Tried time.Time         `json:"tried_at"` // by our clock, so that each try changes the variable
	Facts map[string]string `json:"facts,omitempty"`

	at time.Time // when it was written, by the vendor's clock
}

// covers says that a secret was written while the marker announced it. Both
// times are the vendor's.
func (m *marker) covers(s *github.Secret) bool {
	after := s.UpdatedAt.Sub(m.at)
	return after >= 0 && after <= claimLasts
}

// readMarker is nil where there is none, and ErrTaken where somebody else has
// a variable of that name.
func (c *Connector) readMarker(ctx context.Context, p place) (*marker, error) {
	var v github.ActionsVariable
	there, err := c.api.get(ctx, p.path("variables", p.marker()), &v)
	if err != nil || !there {
		return nil, err
	}
	if !strings.EqualFold(v.Name, p.marker()) || v.UpdatedAt == nil || v.UpdatedAt.IsZero() {
		return nil, errors.New("the answer is not the variable that was asked for")
	}
	m := &marker{at: v.UpdatedAt.Time}
	if json.Unmarshal([]byte(v.Value), m) != nil || m.Label == "" {
		return nil, taken("the variable %s is there, which Latchkey needs beside the secret, and it is somebody else's", p.marker())
	}
	return m, nil
}

// announce writes the marker. There may be one already.
func (c *Connector) announce(ctx context.Context, p place, d connectors.Delivery, there bool) error {
	text, err := json.Marshal(marker{Label: d.Label, Tried: c.now().UTC(), Facts: d.Facts})
	if err != nil {
		return fmt.Errorf("encode the marker: %w", err)
	}
	r := request{method: http.MethodPost, path: p.path("variables"), body: github.ActionsVariable{Name: p.marker(), Value: string(text)}}
	if there {
		r.method, r.path = http.MethodPatch, p.path("variables", p.marker())
	}
	_, err = c.api.do(ctx, r, nil)
	if status := rest.Status(err); status == http.StatusConflict || there && status == http.StatusNotFound {
		return fmt.Errorf("the variable %s was changed by others meanwhile", p.marker())
	}
	return err
}
