package server

import (
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// v1PersonRef is somebody as other things refer to them.
type v1PersonRef struct {
	ID   int64  `json:"id" doc:"The person's ID." example:"7"`
	Name string `json:"name" doc:"The person's name." example:"Alice Archer"`
}

func personRef(p workflow.Person) *v1PersonRef {
	if p.ID == 0 {
		return nil
	}
	return &v1PersonRef{int64(p.ID), p.Name}
}

// v1Scope is something a credential may do.
type v1Scope struct {
	Name   string `json:"name" doc:"The scope's name." example:"worklogs:view"`
	Title  string `json:"title" doc:"What it lets pass, in words." example:"Worklogs: see"`
	Access string `json:"access" doc:"How much harm it can do: read, write or admin." example:"read"`
}

func scopesOf(all []workflow.ScopeView) []v1Scope {
	out := make([]v1Scope, len(all))
	for i, s := range all {
		out[i] = v1Scope{s.Name, s.Title, string(s.Access)}
	}
	return out
}

// v1Account is an account at a system.
type v1Account struct {
	Ref     string `json:"ref" doc:"The system's own ID of the account." example:"5b10a2844c20165700ede21g"`
	Name    string `json:"name,omitempty" doc:"The account's name." example:"Alice Archer"`
	Email   string `json:"email,omitempty" doc:"Its e-mail address, as the system verified it." example:"alice@example.com"`
	Service bool   `json:"service" doc:"It belongs to a service or to the organisation, not to a human." example:"false"`
}

// Credential is what the API says of anything that gives API access through a
// system. It never holds a secret. It is exported because huma reads only
// exported fields.
type Credential struct {
	ID          string       `json:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	System      string       `json:"system" doc:"The system it is for, by its name in the configuration." example:"tempo"`
	Kind        string       `json:"kind" doc:"api_key or oauth_grant." example:"api_key"`
	Class       string       `json:"class,omitempty" doc:"The vendor's own word for what it is." example:"personal_access_token"`
	Brokered    bool         `json:"brokered" doc:"Latchkey made it, and its gateway honours it. False: the vendor did." example:"true"`
	Managed     bool         `json:"managed" doc:"It came from a request here. False: it was found at the vendor." example:"true"`
	Label       string       `json:"label,omitempty" doc:"What people call it." example:"month-end export"`
	Note        string       `json:"note,omitempty" doc:"People's own words about it." example:"Ask Alice."`
	Owner       *v1PersonRef `json:"owner,omitempty" doc:"Who answers for it. None: nobody we know."`
	Account     *v1Account   `json:"account,omitempty" doc:"Whose it is at the system, where that says so."`
	Scopes      []v1Scope    `json:"scopes" nullable:"false" doc:"What it may do."`
	Access      string       `json:"access,omitempty" doc:"The most any of its scopes lets pass: read, write or admin. Absent: not known." example:"write"`
	State       string       `json:"state" doc:"Where it stands: issuing, active, suspended, revoking, revoke_failed, revoked, expired or issue_failed." example:"active"`
	StateReason string       `json:"state_reason,omitempty" doc:"Why it is in this state." example:"month-end report"`
	Flags       []string     `json:"flags" nullable:"false" doc:"What an admin should know about it." example:"[\"stale\"]"`
	Request     string       `json:"request,omitempty" doc:"The request it came from." example:"RQ-7F3K"`
	Replaces    string       `json:"replaces,omitempty" doc:"The credential it took the place of." example:"TK-2B9D"`
	ReplacedBy  string       `json:"replaced_by,omitempty" doc:"The credential that takes its place." example:"TK-9QW4"`
	Policy      string       `json:"policy,omitempty" doc:"The rule it was granted under." example:"tempo-read"`
	Prefix      string       `json:"prefix,omitempty" doc:"How the key begins, to tell keys apart." example:"lk_live_x7Qp"`
	Last4       string       `json:"last4,omitempty" doc:"How the key ends." example:"9fKd"`
	CreatedAt   *time.Time   `json:"created_at,omitempty" doc:"When it was made: at the vendor, or here." example:"2026-11-01T09:30:00Z"`
	ExpiresAt   *time.Time   `json:"expires_at,omitempty" doc:"When it ends by itself. Absent: its system does not say." example:"2027-01-31T12:00:00Z"`
	EndedAt     *time.Time   `json:"ended_at,omitempty" doc:"When it ended." example:"2026-12-01T09:30:00Z"`
	Use         string       `json:"use" doc:"used, never, or unknown where the system does not say." example:"used"`
	LastUsedAt  *time.Time   `json:"last_used_at,omitempty" doc:"When it was used last." example:"2026-11-20T16:04:00Z"`
	Sink        string       `json:"sink,omitempty" doc:"The system that keeps the key. Absent: its owner collects it." example:"vault"`
	Place       string       `json:"place,omitempty" doc:"Where in the sink." example:"payroll/tempo"`
}

// v1CredentialDetail is a credential with what is known of it beside.
type v1CredentialDetail struct {
	Credential

	Collected bool        `json:"collected" doc:"Its key was shown to its owner, or handed over." example:"true"`
	UseURL    string      `json:"use_url,omitempty" doc:"Where a brokered key is used." example:"https://api.example.com/tempo"`
	Can       []string    `json:"can" nullable:"false" doc:"What can be done with it now, of this API's verbs." example:"[\"revoke\",\"suspend\",\"rotate\",\"edit\"]"`
	Receipts  []v1Receipt `json:"receipts" nullable:"false" doc:"What its system answered to what was done to it, oldest first."`
}

// v1Receipt is a system's answer, kept as the proof of what was done there.
type v1Receipt struct {
	At       time.Time `json:"at" doc:"When it answered." example:"2026-12-01T09:30:01Z"`
	Verb     string    `json:"verb" doc:"What was done: revoke, suspend or resume." example:"revoke"`
	Answer   string    `json:"answer" doc:"The system's own words." example:"DELETE /api/v4/personal_access_tokens/42: 204"`
	Liveness string    `json:"liveness" doc:"What the system says of the credential since: live, dead or unknown." example:"dead"`
	Attempts int       `json:"attempts" doc:"How many tries it took." example:"1"`
}

// v1Changed is a credential's row after a change.
type v1Changed struct {
	ID          string     `json:"id" doc:"The credential's ID." example:"TK-7F3K"`
	System      string     `json:"system" doc:"The system it is for." example:"tempo"`
	State       string     `json:"state" doc:"Where it stands now. It is dead here in the state revoking already; its vendor's word makes it revoked." example:"revoking"`
	StateReason string     `json:"state_reason,omitempty" doc:"Why it is in this state." example:"Found in a public repository."`
	Label       string     `json:"label,omitempty" doc:"What people call it." example:"month-end export"`
	Note        string     `json:"note,omitempty" doc:"People's own words about it." example:"Ask Alice."`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When it ends by itself." example:"2027-01-31T12:00:00Z"`
	EndedAt     *time.Time `json:"ended_at,omitempty" doc:"When it ended." example:"2026-12-01T09:30:00Z"`
}

func credentialOf(v workflow.CredentialView) Credential {
	c := v.Credential
	out := Credential{ID: c.ID.String(), System: c.Connection, Kind: c.Kind, Class: c.Class, Brokered: c.Brokered, Managed: c.Managed, Label: c.Label, Note: c.Note,
		Owner: personRef(v.Owner), Scopes: scopesOf(v.Scopes), Access: c.Access, State: string(c.State), StateReason: c.StateReason,
		Flags: []string{}, Policy: c.PolicyName, Prefix: c.KeyPrefix, Last4: c.KeyLast4, ExpiresAt: instantOf(c.ExpiresAt), EndedAt: instantOf(c.EndedAt),
		LastUsedAt: instantOf(c.LastUsedAt), Sink: c.Sink, Place: c.Place}
	for _, f := range v.Flags {
		out.Flags = append(out.Flags, string(f))
	}
	if v.Account.Ref != "" {
		out.Account = &v1Account{v.Account.Ref, v.Account.Name, v.Account.Email, v.Account.Service}
	}
	if c.RequestID != 0 {
		out.Request = c.RequestID.String()
	}
	out.Replaces, out.ReplacedBy = nameOf(c.ReplacesID), nameOf(v.ReplacedBy)
	for _, at := range []time.Time{c.VendorCreatedAt, c.ActivatedAt, c.CreatedAt} {
		if out.CreatedAt = instantOf(at); out.CreatedAt != nil {
			break
		}
	}
	switch {
	case out.LastUsedAt != nil:
		out.Use = "used"
	case c.UseKnown:
		out.Use = "never"
	default:
		out.Use = "unknown"
	}
	return out
}

// nameOf is the ID of another credential; empty for none.
func nameOf(id storage.CredentialID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

func credentialDetail(v workflow.CredentialView) v1CredentialDetail {
	out := v1CredentialDetail{Credential: credentialOf(v), Collected: v.Collected, UseURL: v.UseURL, Can: []string{}, Receipts: []v1Receipt{}}
	for _, verb := range []struct {
		name string
		can  bool
	}{{"revoke", v.Can.Revoke}, {"suspend", v.Can.Suspend}, {"resume", v.Can.Resume}, {"rotate", v.Can.Rotate}, {"edit", v.Can.Edit}} {
		if verb.can {
			out.Can = append(out.Can, verb.name)
		}
	}
	for _, r := range v.Receipts {
		out.Receipts = append(out.Receipts, v1Receipt{r.At.UTC(), r.Verb, r.Answer, r.Liveness, r.Attempts})
	}
	return out
}
