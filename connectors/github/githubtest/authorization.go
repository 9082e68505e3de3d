package githubtest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"latchkey/secret"
)

// The sorts of credential that SAML single sign-on authorises.
const (
	ClassicPAT = "personal access token"
	SSHKey     = "SSH key"
	OAuthApp   = "OAuth app token"
	GitHubApp  = "GitHub app token"
)

// Authorization is a credential somebody authorised for the organisation.
type Authorization struct {
	Owner        string // login; made a member where unknown
	Type         string // one of the four
	Label        string // note of a token, title of a key
	Scopes       []string
	AuthorizedAt time.Time // zero means now
	AccessedAt   time.Time // zero means never
	ExpiresAt    time.Time // zero means never
}

type authorization struct {
	Authorization
	id    int64
	token int64
	owner *user
}

// AddAuthorization makes a credential with access, and returns the number of
// its authorisation. An SSH key's secret is a name for it, no key.
func (d *Double) AddAuthorization(a Authorization) (int64, secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.AuthorizedAt.IsZero() {
		a.AuthorizedAt = d.cfg.Now()
	}
	prefix := map[string]string{ClassicPAT: "ghp_", OAuthApp: "gho_", GitHubApp: "ghu_"}[a.Type]
	t := d.newToken(cmp.Or(prefix, "ssh-"), 36, a.ExpiresAt)
	return d.authorize(a, t).id, t.value
}

// AuthorizeOwner authorises the Config's own token, as its owner must where the
// organisation enforces single sign-on, and returns the authorisation's number.
func (d *Double) AuthorizeOwner(a Authorization) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.AuthorizedAt.IsZero() {
		a.AuthorizedAt = d.cfg.Now()
	}
	d.lastID++
	t := &token{id: 900_000 + d.lastID, value: d.cfg.Owner, ends: a.ExpiresAt}
	d.tokens[t.id] = t
	return d.authorize(a, t).id
}

func (d *Double) authorize(a Authorization, t *token) *authorization {
	d.lastID++
	row := &authorization{Authorization: a, id: d.lastID, token: t.id, owner: d.user(a.Owner)}
	d.authorizations = append(d.authorizations, row)
	return row
}

// Authorized tells whether an authorisation is there.
func (d *Double) Authorized(id int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.authorizations, func(a *authorization) bool { return a.id == id })
}

func (d *Double) listAuthorizations(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, ok := paged(d, w, r, d.authorizations)
	if !ok {
		return
	}
	out := []map[string]any{}
	for _, a := range rows {
		out = append(out, a.wire(d.tokens[a.token].value.Expose()))
	}
	reply(w, http.StatusOK, out)
}

func (a *authorization) wire(value string) map[string]any {
	row := map[string]any{
		"login": a.owner.login, "credential_id": a.id, "credential_type": a.Type, "authorized_credential_id": a.token,
		"credential_authorized_at": at(a.AuthorizedAt), "credential_accessed_at": at(a.AccessedAt),
	}
	if a.Type == SSHKey {
		row["fingerprint"] = "SHA256:" + value[len(value)-8:]
		row["authorized_credential_title"] = a.Label
		return row
	}
	row["token_last_eight"] = value[len(value)-8:]
	row["authorized_credential_expires_at"] = at(a.ExpiresAt)
	row["scopes"] = append([]string{}, a.Scopes...)
	if a.Label != "" {
		row["authorized_credential_note"] = a.Label
	}
	return row
}

func (d *Double) removeAuthorization(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.ContainsFunc(d.authorizations, func(a *authorization) bool { return a.id == id }) {
		notFound(w, r)
		return
	}
	d.done(w, func() {
		d.authorizations = slices.DeleteFunc(d.authorizations, func(a *authorization) bool { return a.id == id })
	})
}
