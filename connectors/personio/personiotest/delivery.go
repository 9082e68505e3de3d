package personiotest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Event is the body of a webhook: "employment.terminated". What its payload
// looks like inside is unverified.
func Event(event, personID string, at time.Time) []byte {
	payload := map[string]any{"id": "b0b1a2c3", "person": map[string]any{"id": personID}}
	if event == "person.deleted" {
		payload = map[string]any{"id": personID}
	}
	body, _ := json.Marshal(map[string]any{ // strings always can be
		"company_id": "1001", "event_name": event, "occurred_at": at.UTC().Format(time.RFC3339), "payload": payload,
	})
	return body
}

// Deliver is the request that brings a body to the webhook's address, which
// has the secret in its query. Nothing of it is signed.
func Deliver(ctx context.Context, address string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}
