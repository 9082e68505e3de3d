package github

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

// alertActions are those after which a secret is out, again or still.
var alertActions = []string{"created", "reopened", "publicly_leaked"}

// alert reads a webhook about a secret scanning alert. Other events that the
// same webhook may send are none of ours.
func (c *Connector) alert(r *http.Request, body []byte) ([]connectors.Leak, error) {
	if err := c.signed(r.Header, body); err != nil {
		return nil, err
	}
	if r.Header.Get("X-Github-Event") != "secret_scanning_alert" {
		return nil, nil
	}
	var event struct {
		Action string `json:"action"`
		Alert  struct {
			Number int64 `json:"number"`
		} `json:"alert"`
		Repository struct {
			Name  string `json:"name"`
			Owner struct {
				Login string `json:"login"`
			} `json:"owner"`
		} `json:"repository"`
	}
	if json.Unmarshal(body, &event) != nil || event.Alert.Number <= 0 || !isRepository(event.Repository.Name) {
		return nil, malformed("the body is not about an alert of a repository")
	}
	if !slices.Contains(alertActions, event.Action) {
		return nil, nil
	}
	if !strings.EqualFold(event.Repository.Owner.Login, c.org) {
		return nil, malformed("the repository is not one of %s", c.org)
	}
	return []connectors.Leak{{Ref: fmt.Sprintf("%s/%d", event.Repository.Name, event.Alert.Number)}}, nil
}

// FetchLeak implements connectors.LeakFetcher: it reads the alert.
func (c *Connector) FetchLeak(ctx context.Context, ref string) (connectors.Leak, error) {
	name, number, ok := strings.Cut(ref, "/")
	if n, err := strconv.ParseInt(number, 10, 64); !ok || err != nil || n <= 0 || !isRepository(name) {
		return connectors.Leak{}, fmt.Errorf("%s: %w: %q is no alert", c.name, connectors.ErrUnrecoverable, ref)
	}
	var found struct {
		Secret string `json:"secret"`
		Type   string `json:"secret_type"`
		URL    string `json:"html_url"`
	}
	path := rest.Path("repos", c.org, name, "secret-scanning", "alerts", number)
	if _, err := c.app.do(ctx, request{method: http.MethodGet, path: path}, &found); err != nil {
		return connectors.Leak{}, fmt.Errorf("%s: read alert: %w", c.name, err)
	}
	return connectors.Leak{Secret: secret.New(found.Secret), Type: found.Type, Source: "repository", URL: found.URL}, nil
}

// signed checks GitHub's signature of a webhook: HMAC-SHA-256 of the raw body,
// in hexadecimal.
func (c *Connector) signed(h http.Header, body []byte) error {
	if c.hookSecret.Empty() {
		return unverified("this connection has no signing_secret, so nobody can sign webhooks for it")
	}
	given, ok := strings.CutPrefix(h.Get("X-Hub-Signature-256"), "sha256=")
	want, err := hex.DecodeString(given)
	if !ok || err != nil {
		return unverified("the signature is missing or not of the form sha256=…")
	}
	mac := hmac.New(sha256.New, []byte(c.hookSecret.Expose()))
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil), want) {
		return unverified("the signature is not of this webhook's secret")
	}
	return nil
}

// isRepository tells what may be the name of a repository.
func isRepository(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}
