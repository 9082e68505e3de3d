package server

import (
	"context"
	"net/http"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

type listRequestsIn struct {
	PageQuery

	System    string `query:"system" maxLength:"100" doc:"Only for this system." example:"tempo"`
	Requester string `query:"requester" maxLength:"320" doc:"Only of this person: an ID, or an e-mail address." example:"alice@example.com"`
	State     string `query:"state" enum:"pending,approved,fulfilled,denied,lapsed,canceled,failed" doc:"Only in this state." example:"pending"`
}

func (d *v1Door) listRequests(ctx context.Context, c v1Call, in *listRequestsIn) (*v1Listed[Request], error) {
	before, err := cursor[storage.RequestID](in.PageQuery)
	if err != nil {
		return nil, err
	}
	f := storage.RequestFilter{Connection: in.System, Before: before, Limit: in.Limit + 1}
	if in.State != "" {
		f.States = []storage.RequestState{storage.RequestState(in.State)}
	}
	if in.Requester != "" {
		if f.RequesterID, err = d.person(ctx, c, in.Requester, "requester"); err != nil {
			return nil, err
		}
	}
	rows, err := d.workflow.Requests(ctx, c.Actor, f)
	if err != nil {
		return nil, err
	}
	return listed(c, in.PageQuery, rows, func(r workflow.RequestRow) any { return r.Request.ID }, func(r workflow.RequestRow) Request {
		return requestOf(r.Request, r.Requester)
	})
}

type requestPath struct {
	ID string `path:"id" doc:"The request's ID, as people type it." example:"RQ-7F3K"`
}

type shownRequest struct{ Body v1RequestDetail }

func (d *v1Door) getRequest(ctx context.Context, c v1Call, in *requestPath) (*shownRequest, error) {
	id, _, err := storage.ParseID(in.ID)
	if err != nil || id == 0 {
		return nil, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such request. Its ID looks like RQ-7F3K.")
	}
	v, err := d.workflow.ShowRequest(ctx, c.Actor, id)
	if err != nil {
		return nil, err
	}
	return &shownRequest{requestDetail(v)}, nil
}

type fileRequestIn struct {
	Body struct {
		OnBehalfOf string   `json:"on_behalf_of" minLength:"1" maxLength:"320" doc:"Whom it is for: an ID, or an e-mail address. They are told, and only they are handed the key." example:"alice@example.com"`
		System     string   `json:"system" minLength:"1" maxLength:"100" doc:"The system, by its name in the configuration." example:"tempo"`
		Kind       string   `json:"kind,omitempty" enum:"api_key,oauth_grant" default:"api_key" doc:"What is asked for." example:"api_key"`
		Scopes     []string `json:"scopes" nullable:"false" minItems:"1" maxItems:"100" doc:"What it shall be allowed, by the names that the system lists." example:"[\"worklogs:view\"]"`
		LifetimeS  int64    `json:"lifetime_seconds" minimum:"60" maximum:"315360000" doc:"How long it shall live from its activation on, in seconds." example:"2592000"`
		Reason     string   `json:"reason" minLength:"1" maxLength:"1000" doc:"Why, for those who decide." example:"Month-end export of worklogs."`
	}
}

type filedRequest struct {
	Location string `header:"Location" doc:"The address of the request." example:"/v1/requests/RQ-7F3K"`
	Body     Request
}

// fileRequest asks for a key in somebody's name. Nothing of the API decides on
// it.
func (d *v1Door) fileRequest(ctx context.Context, c v1Call, in *fileRequestIn) (*filedRequest, error) {
	b := in.Body
	person, err := d.person(ctx, c, b.OnBehalfOf, "on_behalf_of")
	if err != nil {
		return nil, err
	}
	ask := workflow.Ask{Connection: b.System, Kind: b.Kind, Scopes: b.Scopes, Lifetime: workflow.Duration(time.Duration(b.LifetimeS) * time.Second),
		Reason: b.Reason}
	r, err := d.workflow.SubmitFor(ctx, c.Actor, person, ask, c.source)
	if refusal, refused := workflow.AsRefusal(err); refused {
		switch refusal.Field {
		case "connection":
			refusal.Field = "system"
		case "lifetime":
			refusal.Field = "lifetime_seconds"
		}
		return nil, refusal
	}
	if err != nil {
		return nil, err
	}
	return &filedRequest{Location: "/v1/requests/" + r.ID.String(), Body: requestOf(r, workflow.Person{})}, nil
}

// person finds whom a caller means.
func (d *v1Door) person(ctx context.Context, c v1Call, typed, field string) (storage.PersonID, error) {
	id, err := d.workflow.FindPerson(ctx, c.Actor, typed)
	if refusal, refused := workflow.AsRefusal(err); refused && refusal.Rule == workflow.RuleUnknown {
		refusal.Field = field
		return 0, refusal
	}
	return id, err
}

// Request is what the API says of a request. It is exported because huma reads
// only exported fields.
type Request struct {
	ID          string       `json:"id" doc:"The request's ID, as people type it." example:"RQ-7F3K"`
	System      string       `json:"system" doc:"The system it is for." example:"tempo"`
	Kind        string       `json:"kind" doc:"api_key or oauth_grant." example:"api_key"`
	Requester   *v1PersonRef `json:"requester,omitempty" doc:"Whom the credential is for. Absent right after filing."`
	Scopes      []string     `json:"scopes" nullable:"false" doc:"What was asked for." example:"[\"worklogs:view\"]"`
	Granted     []string     `json:"granted_scopes" nullable:"false" doc:"What is left of it: an approval may be for less." example:"[\"worklogs:view\"]"`
	LifetimeS   int64        `json:"lifetime_seconds" doc:"How long it shall live, as asked." example:"2592000"`
	GrantedS    int64        `json:"granted_seconds" doc:"What is left of that." example:"2592000"`
	Reason      string       `json:"reason" doc:"Why, in the requester's words." example:"Month-end export of worklogs."`
	State       string       `json:"state" doc:"Where it stands: pending, approved, fulfilled, denied, lapsed, canceled or failed." example:"pending"`
	StateReason string       `json:"state_reason,omitempty" doc:"Why it is in this state." example:"approved by policy"`
	Policy      string       `json:"policy" doc:"The rule that decided who is asked." example:"tempo-read"`
	PolicyHash  string       `json:"policy_hash" doc:"The version of the policy that it was filed under, and is decided under." example:"9f2b6c"`
	Extends     string       `json:"extends,omitempty" doc:"The credential that shall live longer." example:"TK-7F3K"`
	Rotates     string       `json:"rotates,omitempty" doc:"The credential that a fresh one shall replace." example:"TK-7F3K"`
	Adopts      string       `json:"adopts,omitempty" doc:"The credential that was found, and whose owner asks to keep it." example:"TK-7F3K"`
	CreatedAt   time.Time    `json:"created_at" doc:"When it was filed." example:"2026-11-01T09:30:00Z"`
	LapsesAt    *time.Time   `json:"lapses_at,omitempty" doc:"When it lapses if nobody has decided." example:"2026-11-02T09:30:00Z"`
	DecidedAt   *time.Time   `json:"decided_at,omitempty" doc:"When it was decided." example:"2026-11-01T10:12:00Z"`
}

func requestOf(r storage.Request, by workflow.Person) Request {
	return Request{ID: r.ID.String(), System: r.Connection, Kind: r.Kind, Requester: personRef(by), Scopes: orNone(r.Scopes), Granted: orNone(r.GrantedScopes),
		LifetimeS: r.LifetimeS, GrantedS: r.GrantedS, Reason: r.Reason, State: string(r.State), StateReason: r.StateReason, Policy: r.PolicyName,
		PolicyHash: r.PolicyHash, Extends: nameOf(r.ExtendsID), Rotates: nameOf(r.RotatesID), Adopts: nameOf(r.AdoptsID), CreatedAt: r.CreatedAt.UTC(),
		LapsesAt: instantOf(r.LapsesAt), DecidedAt: instantOf(r.DecidedAt)}
}

// orNone makes a list of no list.
func orNone(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// v1RequestDetail is a request with who is asked and who said what.
type v1RequestDetail struct {
	Request

	Words      []v1Scope `json:"scopes_in_words" nullable:"false" doc:"What was asked for, in words."`
	Steps      []v1Step  `json:"steps" nullable:"false" doc:"Who is asked, in turn. None: the rule approves by itself."`
	Credential string    `json:"credential,omitempty" doc:"The credential it led to." example:"TK-7F3K"`
}

// v1Step is one group and its quorum.
type v1Step struct {
	Group    string        `json:"group" doc:"The group that is asked." example:"it-admins"`
	Quorum   int           `json:"quorum" doc:"How many of it have to approve." example:"1"`
	Eligible []v1PersonRef `json:"eligible" nullable:"false" doc:"Who of it could review when it was filed."`
	Current  bool          `json:"current" doc:"It is asked now." example:"true"`
	Done     bool          `json:"done" doc:"Enough of it approved." example:"false"`
	Votes    []v1Vote      `json:"votes" nullable:"false" doc:"What they said."`
}

// v1Vote is one person's decision.
type v1Vote struct {
	By       v1PersonRef `json:"by" doc:"Who decided."`
	Decision string      `json:"decision" doc:"approve or deny." example:"approve"`
	Less     bool        `json:"less" doc:"They approved less than was on the table." example:"false"`
	Reason   string      `json:"reason,omitempty" doc:"Why." example:"As every month."`
	At       time.Time   `json:"at" doc:"When." example:"2026-11-01T10:12:00Z"`
}

func requestDetail(v workflow.RequestView) v1RequestDetail {
	out := v1RequestDetail{Request: requestOf(v.Request, v.Requester), Words: scopesOf(v.Scopes), Steps: []v1Step{}}
	for _, st := range v.Steps {
		step := v1Step{Group: st.Group, Quorum: st.Quorum, Eligible: []v1PersonRef{}, Current: st.Current, Done: st.Done, Votes: []v1Vote{}}
		for _, p := range st.Eligible {
			step.Eligible = append(step.Eligible, v1PersonRef{int64(p.ID), p.Name})
		}
		for _, x := range st.Votes {
			step.Votes = append(step.Votes, v1Vote{v1PersonRef{int64(x.By.ID), x.By.Name}, string(x.Decision), x.Less, x.Reason, x.At.UTC()})
		}
		out.Steps = append(out.Steps, step)
	}
	if v.Credential != nil {
		out.Credential = v.Credential.ID.String()
	}
	return out
}
