package server

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// rotateRoutePath is the address of a rotation, in the shape that Atlassian's
// users proposed to it.
const rotateRoutePath = "/v1/orgs/{connection}/api-keys/rotate/{id}"

// How long a caller waits for a new key at most, and when it asks again for
// one that was not there in time.
const (
	rotateWithin = 20 * time.Second
	rotateAgain  = 5 * time.Second
)

// rotationAnswer is what became of a rotation.
type rotationAnswer struct {
	Data rotationData `json:"data" doc:"What became of the rotation."`
}

type rotationData struct {
	ID              string      `json:"id" doc:"The new key's ID." example:"TK-9QW4"`
	Status          string      `json:"status,omitempty" doc:"While the new key is not there: issuing, or delivering into its sink." example:"issuing"`
	EncryptedSecret string      `json:"encryptedSecret,omitempty" doc:"The new key, once: base64 of a nonce of 12 bytes and the key sealed under the wrapped one, with the ID as additional data." example:"qF8x0b3G5l1u7m2c"`
	Encryption      *encryption `json:"encryption,omitempty" doc:"How the new key is sealed."`
	DeliveredTo     string      `json:"deliveredTo,omitempty" doc:"Sink and place, instead of the secret." example:"vault/payroll/tempo"`
	KeyExpiresAt    *time.Time  `json:"keyExpiresAt,omitempty" doc:"When the new key ends." example:"2027-01-31T12:00:00Z"`
	OldKeyExpiresAt *time.Time  `json:"oldKeyExpiresAt,omitempty" doc:"When the old key ends, if the new one is collected by then." example:"2026-12-02T12:00:00Z"`
}

type encryption struct {
	Algorithm string `json:"algorithm" doc:"How both are sealed." example:"AES-256-GCM"`
	PSKID     string `json:"pskId" doc:"The pre-shared key that the wrapped one is sealed under." example:"ci"`
	KeyWrap   string `json:"keyWrap" doc:"The key that the new one is sealed under: base64 of a nonce of 12 bytes and that key sealed under the pre-shared one, with the ID as additional data." example:"0b3G5l1u7m2cqF8x"`
}

// rotate puts a fresh key in place of another and hands it to the caller, once
// and sealed. What can be refused is refused before anything happens. The same
// request again goes on where the last one stopped.
func (s *Server) rotate(w http.ResponseWriter, r *http.Request, a workflow.Actor) error {
	if r.URL.RawQuery != "" {
		return refuse(http.StatusBadRequest, "query", "This address takes no query. A key belongs into the Authorization header, never into an address.")
	}
	connection := r.PathValue("connection")
	_, id, err := storage.ParseID(r.PathValue("id"))
	if err != nil || id == 0 {
		return refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such key. Its ID looks like TK-7F3K.")
	}
	raw, err := readJSON(w, r, maxBody)
	if err != nil {
		return err
	}
	body, err := parseRotation(raw)
	if err != nil {
		return err
	}
	source, err := s.sourceKey(r, a, id, raw)
	if err != nil {
		return err
	}
	data, err := s.makeRotation(r.Context(), a, connection, id, body, source)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if data.Status != "" {
		status = http.StatusAccepted
		w.Header().Set("Retry-After", seconds(rotateAgain))
	}
	writeJSON(w, status, "application/json", rotationAnswer{data})
	return nil
}

// makeRotation is a rotation from whichever address it was asked for.
func (s *Server) makeRotation(ctx context.Context, a workflow.Actor, connection string, id storage.CredentialID, body rotationBody, source string) (rotationData, error) {
	old, err := s.workflow.RotationTarget(ctx, a, connection, id, body.ask)
	if err != nil {
		return rotationData{}, inRotation(err)
	}
	pskID, preShared, err := s.preShared(body.preShared, old.Sink != "")
	if err != nil {
		return rotationData{}, err
	}
	made, err := s.workflow.RotateByKey(ctx, a, id, body.ask, source)
	if err != nil {
		return rotationData{}, inRotation(err)
	}
	c, rotation, err := s.workflow.FinishRotation(ctx, made, s.patience)
	if err != nil {
		return rotationData{}, inRotation(err)
	}
	data := rotationData{ID: c.ID.String(), KeyExpiresAt: instantOf(c.ExpiresAt), OldKeyExpiresAt: instantOf(rotation.OldEndsAt)}
	switch {
	case c.State == storage.CredentialIssuing:
		data.Status, data.KeyExpiresAt = "issuing", nil
	case c.State == storage.CredentialIssueFailed:
		return data, refuse(http.StatusBadGateway, "issue_failed",
			"No new key came of it: %s. The old key works as before. Rotate again with another Idempotency-Key.", c.StateReason)
	case c.State == storage.CredentialActive && c.Sink != "" && !rotation.NewCollected:
		data.Status = "delivering"
	case c.State == storage.CredentialActive && c.Sink != "":
		data.DeliveredTo = c.Sink + "/" + c.Place
	default:
		key, _, err := s.workflow.Hand(ctx, a, c.ID, source)
		if err != nil {
			return data, inRotation(err)
		}
		sealed, err := secret.Wrap(key, preShared, data.ID)
		if err != nil {
			return data, fmt.Errorf("seal %s: %w", c.ID, err)
		}
		data.EncryptedSecret = sealed.Secret
		data.Encryption = &encryption{Algorithm: secret.EnvelopeAlgorithm, PSKID: pskID, KeyWrap: sealed.KeyWrap}
	}
	return data, nil
}

// instantOf is a time for programs, to the second and never later than it is;
// none stays none.
func instantOf(t time.Time) *time.Time {
	if t.Year() <= 1 {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// preShared chooses the pre-shared key that the new one is sealed under. A key
// that goes into a sink needs none.
func (s *Server) preShared(id string, sink bool) (string, secret.Value, error) {
	if id == "" && sink {
		return "", secret.Value{}, nil
	}
	known := slices.Sorted(maps.Keys(s.psks))
	switch {
	case len(known) == 0:
		return "", secret.Value{}, refuse(http.StatusUnprocessableEntity, "unknown_psk",
			"No pre-shared key is registered here, so nothing can be sealed. An admin can add one to the configuration.").on("pskId")
	case id == "" && len(known) > 1:
		return "", secret.Value{}, refuse(http.StatusUnprocessableEntity, "unknown_psk", "Several pre-shared keys are registered; say which one you hold.").on("pskId")
	case id == "":
		id = known[0]
	}
	preShared, ok := s.psks[id]
	if !ok {
		return "", secret.Value{}, refuse(http.StatusUnprocessableEntity, "unknown_psk", "No pre-shared key is registered under this ID.").on("pskId")
	}
	if err := secret.CheckWrapKey(preShared); err != nil {
		return "", secret.Value{}, fmt.Errorf("use pre-shared key %q: %w", id, err)
	}
	return id, preShared, nil
}

// maxIdempotencyKey bounds the header, in bytes.
const maxIdempotencyKey = 200

// sourceKey says which requests are the same one: those of one key about one
// credential under one Idempotency-Key; without that, those with one body.
func (s *Server) sourceKey(r *http.Request, a workflow.Actor, id storage.CredentialID, body []byte) (string, error) {
	given := r.Header.Values(idempotencyHeader)
	if len(given) == 0 {
		return s.workflow.SourceOf(a, []byte(id.String()), []byte("body"), body), nil
	}
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if len(given) > 1 || given[0] == "" || len(given[0]) > maxIdempotencyKey || strings.ContainsFunc(given[0], unprintable) {
		return "", refuse(http.StatusBadRequest, "idempotency_key", "Send one Idempotency-Key of at most %d printable characters.", maxIdempotencyKey)
	}
	return s.workflow.SourceOf(a, []byte(id.String()), []byte("key"), []byte(given[0])), nil
}
