package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// v1RotationBody is the body of a rotation as the document shows it.
// parseRotation is what reads it.
type v1RotationBody struct {
	NewKeyExpiresAt time.Time         `json:"newKeyExpiresAt" doc:"When the new key ends: never later than the old one's rule allows." example:"2027-01-31T12:00:00Z"`
	OldKeyExpiresAt *time.Time        `json:"oldKeyExpiresAt,omitempty" doc:"When the old key ends, if the new one was handed out by then. Absent: after the overlap of its rule." example:"2026-12-02T12:00:00Z"`
	RotateReason    string            `json:"rotateReason,omitempty" maxLength:"1000" doc:"Why, for the audit log and whoever has to know." example:"Scheduled rotation"`
	NotifyContacts  []string          `json:"notifyContacts,omitempty" nullable:"false" maxItems:"20" doc:"E-mail addresses of people who have to know." example:"[\"secops@example.com\"]"`
	Metadata        map[string]string `json:"metadata,omitempty" maxProperties:"20" doc:"Words of your own, kept with the rotation." example:"{\"rotatedBy\":\"secops-bot\"}"`
	PSKID           string            `json:"pskId,omitempty" maxLength:"100" doc:"The ID of the pre-shared key to seal the new key under. Needed where several are registered." example:"ci"`
}

type rotateIn struct {
	ID   string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	Body v1RotationBody
}

type rotateOut struct {
	Status     int
	RetryAfter string `header:"Retry-After" doc:"With 202: when to send the same request again, in seconds." example:"5"`
	Body       rotationAnswer
}

// rotateCredential is rotate by the credential's own address.
func (d *v1Door) rotateCredential(ctx context.Context, c v1Call, in *rotateIn) (*rotateOut, error) {
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	body, err := parseRotation(json.RawMessage(c.body))
	if err != nil {
		return nil, err
	}
	data, err := d.makeRotation(ctx, c.Actor, "", id, body, c.source)
	if err != nil {
		return nil, err
	}
	out := &rotateOut{Status: http.StatusOK, Body: rotationAnswer{data}}
	if data.Status != "" {
		out.Status, out.RetryAfter = http.StatusAccepted, seconds(rotateAgain)
	}
	return out, nil
}

type rotateInOrgIn struct {
	Connection     string `path:"connection" doc:"The system, by its name in the configuration." example:"tempo"`
	ID             string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Makes it harmless to send the same request twice. Without one, requests with the same body are one." example:"6f1c1b9e-rotate-tempo"`
	Body           v1RotationBody
}
