package fake

import (
	"time"

	"latchkey/connectors"
)

// wireScope and the other wire types are spoken by connector and vendor alike.
type wireScope struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Access      string `json:"access"`
	Description string `json:"description"`
}

type wirePage struct {
	Keys []wireKey `json:"keys"`
	Next string    `json:"next,omitempty"`
}

type wireIssued struct {
	ID        string    `json:"id"`
	Secret    string    `json:"secret"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

type wireKey struct {
	ID        string    `json:"id,omitempty"`
	Label     string    `json:"label,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	Email     string    `json:"email,omitempty"`
	Name      string    `json:"name,omitempty"` // of the owner
	Service   bool      `json:"service,omitempty"`
	Closed    bool      `json:"closed,omitempty"`
	Match     string    `json:"match,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
	State     State     `json:"state,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	LastUsed  string    `json:"last_used,omitempty"` // a time, "never", or absent when not known
}

const neverUsed = "never"

func (k wireKey) owner() connectors.AccountRef {
	return connectors.AccountRef{ID: k.Owner, Email: k.Email, Name: k.Name, Service: k.Service, Closed: k.Closed}
}

func (k wireKey) credential() connectors.Credential {
	c := connectors.Credential{
		Ref:       connectors.Ref{ID: k.ID, Owner: k.owner()},
		Kind:      connectors.APIKey,
		Label:     k.Label,
		Owner:     k.owner(),
		Scopes:    k.Scopes,
		CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt,
		Suspended: k.State == StateSuspended,
		Match:     k.Match,
	}
	if at, err := time.Parse(time.RFC3339Nano, k.LastUsed); err == nil {
		c.LastUsed = connectors.LastUsed{At: at, Known: true}
	}
	if k.LastUsed == neverUsed {
		c.LastUsed.Known = true
	}
	return c
}

type wireRequests struct {
	Requests []wireRequest `json:"requests"`
}

type wireRequest struct {
	ID    string  `json:"id"`
	Why   string  `json:"why,omitempty"`
	Wants wireKey `json:"wants"`
}

type wireDecision struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty"`
}
