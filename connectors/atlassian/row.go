package atlassian

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
)

// statusBlocked is a token that is there and does not work (unverified: seen
// in other people's code only, as is its opposite ALLOWED).
const statusBlocked = "BLOCKED"

// wireRow is what tokens and keys have in common. A time is an empty string
// where the vendor has none.
type wireRow struct {
	ID           string   `json:"id"`
	Label        string   `json:"label"`
	CreatedAt    string   `json:"createdAt"`
	ExpiresAt    string   `json:"expiresAt"`
	LastActiveAt string   `json:"lastActiveAt"`
	Scopes       []string `json:"scopes"`
}

type wireToken struct {
	wireRow
	Status string   `json:"status"`
	User   wireUser `json:"user"`
}

type wireKey struct {
	wireRow
	CreatedBy wireUser `json:"createdBy"`
	// Both unverified, and of unknown shape: what counts is that they are there.
	RevokedBy      json.RawMessage `json:"revokedBy"`
	RevocationDate json.RawMessage `json:"revocationDate"`
}

type wireUser struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	Status string `json:"userStatus"` // unverified; the words are assumed to be those of a profile
}

// userToken is a person's token. Everybody on this list is a managed account,
// so the vendor has verified the e-mail address's domain.
func (w wireToken) userToken() (connectors.Credential, error) {
	owner := connectors.AccountRef{ID: w.User.ID, Name: w.User.Name, Email: w.User.Email, Closed: closed(w.User.Status)}
	out, err := w.credential(address{class: classUser, account: w.User.ID, id: w.ID}, owner)
	out.Class, out.Suspended = classNameUser, w.Status == statusBlocked
	return out, err
}

// serviceToken is a service account's token. Its owner may be missing: that it
// is under "user" is assumed.
func (w wireToken) serviceToken() (connectors.Credential, error) {
	owner := connectors.AccountRef{
		ID: w.User.ID, Name: w.User.Name, Email: w.User.Email, Service: true, Closed: closed(w.User.Status),
	}
	out, err := w.credential(address{class: classService, id: w.ID}, owner)
	out.Class, out.Suspended = classNameService, w.Status == statusBlocked
	return out, err
}

// orgKey is the organisation's own, and so no person's: its owner is a service
// account that carries the ID and name of whoever made it, or the organisation
// where the vendor does not say. It does not carry the maker's e-mail address,
// by which the maker's own account is known to be theirs. Our own key is among
// them, and nothing tells it apart.
func (w wireKey) orgKey(org string) (connectors.Credential, error) {
	if w.revoked() {
		return connectors.Credential{}, errRevoked
	}
	owner := connectors.AccountRef{ID: w.CreatedBy.ID, Name: w.CreatedBy.Name, Service: true}
	if owner.ID == "" {
		owner = connectors.AccountRef{ID: org, Name: "the organisation", Service: true}
	}
	out, err := w.credential(address{class: classOrg, id: w.ID}, owner)
	out.Class = classNameOrg
	return out, err
}

// liveness is of a row that is listed: one past its end does not work.
func (w wireRow) liveness(now time.Time) (connectors.Liveness, error) {
	return livenessUntil("expiresAt", w.ExpiresAt, now)
}

func livenessUntil(field, text string, now time.Time) (connectors.Liveness, error) {
	ends, err := parseTime(field, text)
	switch {
	case err != nil:
		return connectors.Unknown, err
	case !ends.IsZero() && !now.Before(ends):
		return connectors.Dead, nil
	}
	return connectors.Live, nil
}

// listed is what both sorts of row can tell: themselves, and whether they count.
type listed interface {
	row() (r wireRow, counts bool)
}

func (w wireToken) row() (wireRow, bool) { return w.wireRow, true }

// row of a revoked key does not count: our own is listed too, and is not.
func (w wireKey) row() (wireRow, bool) { return w.wireRow, !w.revoked() }

func (w wireKey) revoked() bool { return there(w.RevokedBy) || there(w.RevocationDate) }

func there(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null" && string(raw) != `""`
}

// credential fills in what all three sorts share.
//
// A last use is known only where the vendor gives a time. It documents neither
// what an absent one means nor that it counts at once (such data may be a day
// late elsewhere in its APIs), so absent is unknown and not "never": "never"
// would let a token be taken for unused that is in use today.
func (w wireRow) credential(a address, owner connectors.AccountRef) (connectors.Credential, error) {
	if !a.valid() {
		return connectors.Credential{}, fmt.Errorf("%s %q of account %q: an ID that can't be addressed", a.class, cut(a.id), cut(a.account))
	}
	created, errCreated := parseTime("createdAt", w.CreatedAt)
	expires, errExpires := parseTime("expiresAt", w.ExpiresAt)
	active, errActive := parseTime("lastActiveAt", w.LastActiveAt)
	for _, err := range []error{errCreated, errExpires, errActive} {
		if err != nil {
			return connectors.Credential{}, fmt.Errorf("%s: %w", a, err)
		}
	}
	scopes := w.scopes()
	return connectors.Credential{
		Ref: connectors.Ref{ID: a.String(), Owner: owner}, Kind: connectors.APIKey, Label: w.Label, Owner: owner,
		Scopes: scopes, Access: most(scopes), CreatedAt: created, ExpiresAt: expires,
		LastUsed: connectors.LastUsed{At: active, Known: !active.IsZero()},
	}, nil
}

// scopes of a token from before the vendor had them, or made without, are all
// its owner may do.
func (w wireRow) scopes() []string {
	if len(w.Scopes) == 0 {
		return []string{connectors.FullAccess}
	}
	return slices.Clone(w.Scopes)
}

// parseTime takes RFC 3339 with or without fractions of a second, from Z as
// well as from +00:00.
func parseTime(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is not a time", field)
	}
	return t.UTC(), nil
}

// closed reads the status of an account: active, inactive or closed.
func closed(status string) bool {
	return strings.EqualFold(status, "inactive") || strings.EqualFold(status, "closed")
}

func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
