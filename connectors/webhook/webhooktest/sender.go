// Package webhooktest is a sender of signed events, for tests and the demo. It
// makes deliveries as the documented shell commands would.
//
// It does not own when an event is sent again: it sends what it is told to.
package webhooktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"latchkey/secret"
)

// Sender signs with one secret.
type Sender struct {
	Secret secret.Value
	Now    func() time.Time // nil means time.Now
}

// Deliver is a signed request that brings the body to an address.
func (s Sender) Deliver(ctx context.Context, url string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	timestamp := strconv.FormatInt(now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Latchkey-Timestamp", timestamp)
	r.Header.Set("Latchkey-Signature", "v1="+s.Sign(timestamp, body))
	return r, nil
}

// Sign is the signature of a body sent at a time in Unix seconds.
func (s Sender) Sign(timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(s.Secret.Expose()))
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
