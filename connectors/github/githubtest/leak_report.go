package githubtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"

	"latchkey/secret"
)

// foundType is what secret scanning takes every secret for.
const foundType = "latchkey_api_key"

// alert is a secret that was found in a repository.
type alert struct {
	repository string
	secret     secret.Value
	hidden     bool
}

// scanner signs reports to partners.
type scanner struct {
	id  string
	key *ecdsa.PrivateKey
}

// ReportKey makes a new key current, with which reports to partners are signed
// from now on, and returns its identifier. Earlier keys stay listed.
func (d *Double) ReportKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a key of secret scanning: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", fmt.Errorf("write a key of secret scanning: %w", err)
	}
	sum := sha256.Sum256(der)
	s := scanner{id: hex.EncodeToString(sum[:]), key: key}
	d.scanners = append(d.scanners, s)
	return s.id, nil
}

// Report is the message of the partner program about found secrets, signed with
// the current key.
func (d *Double) Report(ctx context.Context, to string, body []byte) (*http.Request, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.scanners[len(d.scanners)-1]
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign a report: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a report: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Github-Public-Key-Identifier", s.id)
	r.Header.Set("Github-Public-Key-Signature", base64.StdEncoding.EncodeToString(signature))
	return r, nil
}

// listKeys answers the public keys of secret scanning.
func (d *Double) listKeys(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := []map[string]any{}
	for i, s := range d.scanners {
		der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
		if err != nil {
			fail(w, http.StatusInternalServerError, "Server Error")
			return
		}
		keys = append(keys, map[string]any{
			"key_identifier": s.id, "is_current": i == len(d.scanners)-1,
			"key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		})
	}
	reply(w, http.StatusOK, map[string]any{"public_keys": keys})
}

// AddAlert has secret scanning find a secret in a repository of the
// organisation, and returns the alert's number. A hidden one is not shown by
// the API.
func (d *Double) AddAlert(repository string, found secret.Value, hidden bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alerts = append(d.alerts, alert{repository: repository, secret: found, hidden: hidden})
	return len(d.alerts)
}

// AlertHook is the webhook about an alert, signed with the webhook's secret.
func (d *Double) AlertHook(ctx context.Context, to string, hook secret.Value, action string, number int) (*http.Request, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, err := json.Marshal(map[string]any{
		"action":       action,
		"alert":        map[string]any{"number": number, "secret_type": foundType, "state": "open"},
		"repository":   map[string]any{"name": d.alerts[number-1].repository, "owner": map[string]any{"login": d.cfg.Org}},
		"organization": map[string]any{"login": d.cfg.Org},
	})
	if err != nil {
		return nil, fmt.Errorf("write a webhook: %w", err)
	}
	return SignHook(ctx, to, hook, "secret_scanning_alert", body)
}

// SignHook is a webhook with any body.
func SignHook(ctx context.Context, to string, hook secret.Value, event string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a webhook: %w", err)
	}
	mac := hmac.New(sha256.New, []byte(hook.Expose()))
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Github-Event", event)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return r, nil
}

// getAlert answers one alert. What of it beside the secret is answered is cut
// down to what the document requires of nobody.
func (d *Double) getAlert(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || n < 1 || n > len(d.alerts) || d.alerts[n-1].repository != r.PathValue("repo") {
		notFound(w, r)
		return
	}
	a := d.alerts[n-1]
	out := map[string]any{
		"number": n, "state": "open", "secret_type": foundType,
		"html_url": "https://github.com/" + d.cfg.Org + "/" + a.repository + "/security/secret-scanning/" + strconv.Itoa(n),
	}
	if !a.hidden {
		out["secret"] = a.secret.Expose()
	}
	reply(w, http.StatusOK, out)
}
