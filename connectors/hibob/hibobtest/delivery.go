package hibobtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Event is the body of a webhook of version 2: "employee.left".
func Event(event, personID string, at time.Time) []byte {
	body, _ := json.Marshal(map[string]any{ // strings and numbers always can be
		"companyId": 636192, "type": event, "triggeredBy": "system", "triggeredAt": at.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"version": "v2", "data": map[string]any{"employeeId": personID},
	})
	return body
}

// Deliver is the signed request that brings a body to the webhook's address.
func (d *Double) Deliver(ctx context.Context, address string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Bob-Signature", d.Sign(body))
	return r, nil
}

// Sign is the signature of a body.
func (d *Double) Sign(body []byte) string {
	mac := hmac.New(sha512.New, []byte(d.cfg.Secret.Expose()))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
