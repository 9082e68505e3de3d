package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// credentialPath names a credential in an address.
type credentialPath struct {
	ID string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
}

// CredentialFilter narrows a list of credentials. It is exported because huma
// reads only exported fields.
type CredentialFilter struct {
	System string `query:"system" maxLength:"100" doc:"Only of this system, by its name in the configuration." example:"tempo"`
	Owner  string `query:"owner" maxLength:"320" doc:"Only of this person: an ID, or an e-mail address." example:"alice@example.com"`
	Flag   string `query:"flag" enum:"owner_left,owner_unknown,unentitled,over_scope,unmanaged,over_age,stale,never_used,expiring,missing" doc:"Only what has this flag up." example:"stale"`
	State  string `query:"state" enum:"issuing,active,suspended,expired,revoking,revoke_failed,revoked,issue_failed" doc:"Only in this state." example:"active"`
	Ended  bool   `query:"ended" doc:"Also what has ended: revoked, expired, or never made." example:"true"`
}

type listCredentialsIn struct {
	PageQuery
	CredentialFilter

	Kind string `query:"kind" enum:"api_key,oauth_grant" doc:"Only this kind." example:"api_key"`
}

func (d *v1Door) listCredentials(ctx context.Context, c v1Call, in *listCredentialsIn) (*v1Listed[Credential], error) {
	return d.credentials(ctx, c, in.PageQuery, in.CredentialFilter, in.Kind)
}

type listGrantsIn struct {
	PageQuery
	CredentialFilter
}

func (d *v1Door) listGrants(ctx context.Context, c v1Call, in *listGrantsIn) (*v1Listed[Credential], error) {
	return d.credentials(ctx, c, in.PageQuery, in.CredentialFilter, workflow.OAuthGrant)
}

func (d *v1Door) credentials(ctx context.Context, c v1Call, page PageQuery, f CredentialFilter, kind string) (*v1Listed[Credential], error) {
	before, err := cursor[storage.CredentialID](page)
	if err != nil {
		return nil, err
	}
	l := workflow.Listing{Connection: f.System, Kind: kind, Flag: storage.Flag(f.Flag), State: storage.CredentialState(f.State), All: f.Ended, Before: before,
		Limit: page.Limit + 1}
	if l.State != "" {
		l.All = l.All || !storage.Credential{State: l.State}.Live()
	}
	if f.Owner != "" {
		if l.Owner, err = d.person(ctx, c, f.Owner, "owner"); err != nil {
			return nil, err
		}
	}
	views, err := d.workflow.List(ctx, c.Actor, l)
	if err != nil {
		return nil, err
	}
	return listed(c, page, views, func(v workflow.CredentialView) any { return v.Credential.ID }, credentialOf)
}

// shownCredential is one credential with its version.
type shownCredential struct {
	ETag string `header:"ETag" doc:"The version, for If-Match. It changes with what people decide by, and not with use." example:"\"5c1f9a2b7d3e4f60a1b2\""`
	Body v1CredentialDetail
}

func (d *v1Door) getCredential(ctx context.Context, c v1Call, in *credentialPath) (*shownCredential, error) {
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := d.workflow.Show(ctx, c.Actor, id)
	if err != nil {
		return nil, err
	}
	return &shownCredential{ETag: etagOf(v.Credential), Body: credentialDetail(v)}, nil
}

// changedCredential is a credential after a change: what its row says, without
// what other scopes show.
type changedCredential struct {
	ETag string `header:"ETag" doc:"The version after the change." example:"\"5c1f9a2b7d3e4f60a1b2\""`
	Body v1Changed
}

func changedTo(c storage.Credential) *changedCredential {
	return &changedCredential{ETag: etagOf(c), Body: v1Changed{ID: c.ID.String(), System: c.Connection, State: string(c.State), StateReason: c.StateReason,
		Label: c.Label, Note: c.Note, ExpiresAt: instantOf(c.ExpiresAt), EndedAt: instantOf(c.EndedAt)}}
}

type editCredentialIn struct {
	ID      string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the credential as you know it. Needed: without it the answer is 428, with another one 412." example:"\"5c1f9a2b7d3e4f60a1b2\""`
	Body    struct {
		Label     *string    `json:"label,omitempty" maxLength:"100" doc:"What people call it, on one line. Only for what was asked for here; other names are their system's." example:"month-end export"`
		Note      *string    `json:"note,omitempty" maxLength:"2000" doc:"People's own words about it." example:"Used by the BI team; ask Alice."`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends, to the second: never later than its rule allows." example:"2027-01-31T12:00:00Z"`
		Reason    string     `json:"reason,omitempty" maxLength:"1000" doc:"Why it ends at another time. It is kept in the audit log." example:"The project ends in January."`
	}
}

func (d *v1Door) editCredential(ctx context.Context, c v1Call, in *editCredentialIn) (*changedCredential, error) {
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	seen, err := versionIn(in.IfMatch)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Label == nil && b.Note == nil && b.ExpiresAt == nil {
		return nil, refuse(http.StatusUnprocessableEntity, "missing_field", "Say what changes: label, note or expires_at.")
	}
	changed, err := d.workflow.Edit(ctx, c.Actor, id, workflow.Edit{Label: b.Label, Note: b.Note, ExpiresAt: b.ExpiresAt, Reason: b.Reason, Seen: seen})
	if refusal, refused := workflow.AsRefusal(err); refused && refusal.Field == "ends" {
		refusal.Field = "expires_at"
		return nil, refusal
	}
	if err != nil {
		return nil, err
	}
	return changedTo(changed), nil
}

// etagOf is the version of a credential as HTTP writes it.
func etagOf(c storage.Credential) string { return `"` + workflow.VersionOf(c) + `"` }

// versionIn reads the one version that an edit is meant for. A star would mean
// whatever it is, which nobody can have looked at.
func versionIn(header string) (string, error) {
	if header == "" {
		return "", refuse(http.StatusPreconditionRequired, "if_match", "Read the credential first, and send its ETag as If-Match.")
	}
	version, opened := strings.CutPrefix(header, `"`)
	version, closed := strings.CutSuffix(version, `"`)
	if !opened || !closed || version == "" || strings.ContainsAny(version, `", `) {
		return "", refuse(http.StatusPreconditionFailed, workflow.RuleChanged, "If-Match is no version of this credential. Read it again, and send its ETag.")
	}
	return version, nil
}

type actIn struct {
	ID   string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why: its owner reads it, and it is kept in the audit log." example:"Found in a public repository."`
	}
}

// act makes an operation of a verb that the rules have for credentials.
func (d *v1Door) act(do func(context.Context, workflow.Actor, storage.CredentialID, string) (storage.Credential, error)) func(context.Context, v1Call, *actIn) (*changedCredential, error) {
	return func(ctx context.Context, c v1Call, in *actIn) (*changedCredential, error) {
		id, err := credentialID(in.ID)
		if err != nil {
			return nil, err
		}
		changed, err := do(ctx, c.Actor, id, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return changedTo(changed), nil
	}
}

func credentialID(typed string) (storage.CredentialID, error) {
	_, id, err := storage.ParseID(typed)
	if err != nil || id == 0 {
		return 0, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such credential. Its ID looks like TK-7F3K.")
	}
	return id, nil
}
