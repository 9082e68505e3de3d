package oktatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"latchkey/secret"
)

// LogEvent is an entry of the system log to deliver. Only the type is needed.
type LogEvent struct {
	UUID    string
	Type    string    // "user.lifecycle.deactivate"
	Person  string    // whom it is about: a person's ID
	At      time.Time // zero means now
	Outcome string    // empty means SUCCESS
}

// HookBody is what an event hook is sent about events, in their order. An
// administrator did it: the person it is about is the target.
func (d *Double) HookBody(events ...LogEvent) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	logged := []object{}
	for _, e := range events {
		logged = append(logged, d.logEvent(e))
	}
	body, _ := json.Marshal(object{ // strings, numbers and lists of them always can be
		"eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1", "contentType": "application/json",
		"eventId": "b5a188b9-5ece-4636-b041-482ffda96311", "eventTime": stamp(d.now()),
		"source": "https://double.okta.example/api/v1/eventHooks/whodouble", "data": object{"events": logged},
	})
	return body
}

func (d *Double) logEvent(e LogEvent) object {
	if e.At.IsZero() {
		e.At = d.now()
	}
	if e.UUID == "" {
		e.UUID = d.nextID("uuid-")
	}
	if e.Outcome == "" {
		e.Outcome = "SUCCESS"
	}
	targets := []object{}
	if p := d.person(e.Person); p != nil {
		targets = append(targets,
			object{"id": "0uaapp", "type": "AppUser", "alternateId": p.Email, "displayName": p.Name, "detailEntry": nil},
			object{"id": p.ID, "type": "User", "alternateId": p.Email, "displayName": p.Name, "detailEntry": nil})
	}
	return object{
		"actor":     object{"id": d.admin, "type": "User", "alternateId": "okta-admin@example.com", "displayName": "Okta Admin"},
		"eventType": e.Type, "outcome": object{"result": e.Outcome, "reason": nil}, "published": stamp(e.At), "severity": "INFO",
		"uuid": e.UUID, "version": "0", "target": targets, "transaction": object{"type": "WEB", "id": "double"},
	}
}

// Deliver is the request that brings a body to a hook's address. The secret is
// sent as it is, without a scheme.
func Deliver(ctx context.Context, url string, hook secret.Value, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", hook.Expose())
	return r, nil
}

// Verification is the request that asks a hook's address whether it is one.
func Verification(ctx context.Context, url string, hook secret.Value, challenge string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make verification: %w", err)
	}
	r.Header.Set("Authorization", hook.Expose())
	r.Header.Set("X-Okta-Verification-Challenge", challenge)
	return r, nil
}
