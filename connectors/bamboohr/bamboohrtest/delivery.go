package bamboohrtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Event is the body of the event-based webhook, in JSON: employee.created,
// employee.updated or employee.deleted.
func Event(event, employeeID string, at time.Time, changed ...string) []byte {
	data := map[string]any{"companyId": "12345", "employeeId": employeeID}
	if event == "employee.updated" {
		data["changedFields"] = changed
	}
	return encode(map[string]any{"type": event, "timestamp": at.Format("2006-01-02T15:04:05-0700"), "data": data})
}

// EventForm is the same as a form, which has no time.
func EventForm(event, employeeID string, changed ...string) []byte {
	form := url.Values{"type": {event}, "data[companyId]": {"12345"}, "data[employeeId]": {employeeID}}
	for i, f := range changed {
		form.Set(fmt.Sprintf("data[changedFields][%d]", i), f)
	}
	return []byte(form.Encode())
}

// Row is an employee of the field-based webhook.
type Row struct {
	ID        string         `json:"id"`
	Action    string         `json:"action"` // Created, Updated, Deleted
	Timestamp string         `json:"timestamp,omitempty"`
	Changed   []string       `json:"changedFields"`
	Fields    map[string]any `json:"fields"`
}

// Rows is the body of the older, field-based webhook, in JSON (unverified).
func Rows(rows ...Row) []byte { return encode(map[string]any{"employees": rows}) }

func encode(v any) []byte {
	body, _ := json.Marshal(v) // strings and lists of them always can be
	return body
}

// Deliver is the signed request that brings a body to the webhook's address.
// A body that does not begin like JSON is sent as a form.
func (d *Double) Deliver(ctx context.Context, address string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make delivery: %w", err)
	}
	kind := "application/json"
	if !bytes.HasPrefix(body, []byte("{")) {
		kind = "application/x-www-form-urlencoded"
	}
	timestamp := strconv.FormatInt(d.cfg.Now().Unix(), 10)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-BambooHR-Timestamp", timestamp)
	r.Header.Set("X-BambooHR-Signature", d.Sign(body, timestamp))
	return r, nil
}

// Sign is the signature of a body sent at a time: the body comes first, and
// nothing is between them.
func (d *Double) Sign(body []byte, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(d.cfg.PrivateKey.Expose()))
	mac.Write(append(bytes.Clone(body), timestamp...))
	return hex.EncodeToString(mac.Sum(nil))
}
