package okta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

var (
	_ connectors.EventSource = (*Connector)(nil)
	_ connectors.Handshaker  = (*Connector)(nil)
)

const (
	challengeHeader = "X-Okta-Verification-Challenge"
	maxChallenge    = 1 << 10
	maxHookEvents   = 1000
	shortestHook    = 16 // characters of a signing_secret: people choose it
)

// lifecycle is what the events about people mean: whether they work here from
// then on. Of the names the vendor's hook page has deactivate; the others are
// of its event types and unverified here.
func lifecycle(eventType string) (active, ours bool) {
	switch eventType {
	case "user.lifecycle.deactivate", "user.lifecycle.suspend", "user.lifecycle.delete.initiated":
		return false, true
	case "user.lifecycle.activate", "user.lifecycle.reactivate", "user.lifecycle.unsuspend":
		return true, true
	}
	return false, false
}

// checkHook judges the value of the Authorization header that the event hook
// is configured with. Without one the connection takes no events.
func checkHook(value secret.Value) error {
	s := value.Expose()
	switch {
	case s == "":
		return nil
	case len(s) < shortestHook:
		return fmt.Errorf("signing_secret is shorter than %d characters: take `openssl rand -hex 32`", shortestHook)
	case strings.Trim(s, " ") != s || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return errors.New("signing_secret begins or ends with a space, or holds a character no header can carry")
	}
	return nil
}

// Handshake answers the one GET with which Okta verifies a hook before its
// first event. It proves nothing about who asks, and gives nothing away.
func (c *Connector) Handshake(r *http.Request, _ []byte) (connectors.Answer, bool) {
	challenges := r.Header.Values(challengeHeader)
	if c.hook.Empty() || r.Method != http.MethodGet || len(challenges) != 1 || challenges[0] == "" || len(challenges[0]) > maxChallenge {
		return connectors.Answer{}, false
	}
	body, err := json.Marshal(map[string]string{"verification": challenges[0]})
	if err != nil {
		return connectors.Answer{}, false
	}
	return connectors.Answer{ContentType: "application/json", Body: body}, true
}

// Events implements connectors.EventSource. Okta signs nothing: it sends the
// secret itself, verbatim, and no time but that of each event.
func (c *Connector) Events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	events, err := c.events(r, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return events, nil
}

func (c *Connector) events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	if err := c.verifyHook(r.Header); err != nil {
		return nil, err
	}
	logged, err := parseHook(body)
	if err != nil {
		return nil, err
	}
	now := c.now()
	var out []connectors.PersonEvent
	for i, e := range logged {
		active, ours := lifecycle(e.EventType)
		if !ours || e.Outcome.Result != "SUCCESS" {
			continue
		}
		person, err := e.person()
		if err != nil {
			return nil, malformedHook("event %d: %v", i+1, err)
		}
		at := e.Published
		if at.After(now) { // a clock ahead of ours must not outlast later events
			at = now
		}
		out = append(out, connectors.PersonEvent{ID: e.UUID, Account: person, Active: active, At: at, Reason: e.EventType})
	}
	return out, nil
}

func (c *Connector) verifyHook(h http.Header) error {
	given := h.Values("Authorization")
	switch {
	case c.hook.Empty():
		return fmt.Errorf("%w: the connection has no signing_secret", connectors.ErrUnverified)
	case len(given) != 1:
		return fmt.Errorf("%w: want one Authorization header", connectors.ErrUnverified)
	}
	got, want := sha256.Sum256([]byte(given[0])), sha256.Sum256([]byte(c.hook.Expose()))
	if !hmac.Equal(got[:], want[:]) {
		return fmt.Errorf("%w: the Authorization header is not the hook's", connectors.ErrUnverified)
	}
	return nil
}

// logEvent is an entry of the organisation's system log.
type logEvent struct {
	UUID      string    `json:"uuid"`
	EventType string    `json:"eventType"`
	Published time.Time `json:"published"`
	Outcome   struct {
		Result string `json:"result"`
	} `json:"outcome"`
	Target []struct {
		ID          string `json:"id"`
		Type        string `json:"type"`
		AlternateID string `json:"alternateId"` // the login
		DisplayName string `json:"displayName"`
	} `json:"target"`
}

func parseHook(body []byte) ([]logEvent, error) {
	var hook struct {
		EventType string `json:"eventType"`
		Data      struct {
			Events []logEvent `json:"events"`
		} `json:"data"`
	}
	switch err := json.Unmarshal(body, &hook); {
	case err != nil:
		return nil, malformedHook("it is not the JSON expected")
	case hook.EventType != "com.okta.event_hook":
		return nil, malformedHook("it is no event hook's")
	case len(hook.Data.Events) == 0 || len(hook.Data.Events) > maxHookEvents:
		return nil, malformedHook("want 1 to %d events", maxHookEvents)
	}
	return hook.Data.Events, nil
}

// person is whom an event is about: the target. The actor is the administrator
// who did it. A login is an address in most organisations, and no address is
// said otherwise.
func (e logEvent) person() (connectors.AccountRef, error) {
	var person connectors.AccountRef
	for _, t := range e.Target {
		if t.Type != "User" {
			continue
		}
		if !validID(t.ID) || person.ID != "" && person.ID != t.ID {
			return connectors.AccountRef{}, errors.New("it is not about one user")
		}
		person = connectors.AccountRef{ID: t.ID, Name: t.DisplayName}
		if strings.Contains(t.AlternateID, "@") {
			person.Email = t.AlternateID
		}
	}
	switch {
	case person.ID == "":
		return connectors.AccountRef{}, errors.New("it is about no user")
	case e.UUID == "" || e.Published.IsZero():
		return connectors.AccountRef{}, errors.New("it has no uuid or no time")
	}
	return person, nil
}

func malformedHook(format string, args ...any) error {
	return fmt.Errorf("%w: %s", connectors.ErrMalformed, fmt.Sprintf(format, args...))
}
