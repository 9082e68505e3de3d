package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// Person is what the API says of somebody from the directory.
type Person struct {
	ID        int64         `json:"id" doc:"The person's ID." example:"7"`
	Name      string        `json:"name" doc:"Their name." example:"Alice Archer"`
	Email     string        `json:"email,omitempty" doc:"Their e-mail address." example:"alice@example.com"`
	Active    bool          `json:"active" doc:"False once they left: nothing of theirs works." example:"true"`
	Holds     int           `json:"holds" doc:"How many credentials of theirs may give access." example:"3"`
	Accounts  []v1PersonsAt `json:"accounts" nullable:"false" doc:"Their accounts, in Slack and at systems."`
	CreatedAt *time.Time    `json:"created_at,omitempty" doc:"When Latchkey first heard of them." example:"2026-01-07T08:00:00Z"`
}

// v1PersonsAt is an account of a person.
type v1PersonsAt struct {
	System  string `json:"system" doc:"slack, or the system's name." example:"slack"`
	Ref     string `json:"ref" doc:"The system's own ID of the account." example:"U0ALICE"`
	Email   string `json:"email,omitempty" doc:"Its e-mail address." example:"alice@example.com"`
	Closed  bool   `json:"closed" doc:"It is deactivated there." example:"false"`
	Guest   bool   `json:"guest" doc:"It is a guest's." example:"false"`
	Service bool   `json:"service" doc:"It belongs to a service that the person answers for." example:"false"`
}

func personOf(v workflow.PersonView) Person {
	out := Person{ID: int64(v.ID), Name: v.Name, Email: v.Email, Active: v.Active, Holds: v.Holds, Accounts: []v1PersonsAt{}, CreatedAt: instantOf(v.CreatedAt)}
	for _, a := range v.Accounts {
		out.Accounts = append(out.Accounts, v1PersonsAt{a.System, a.ExternalID, a.Email, a.IsDeleted, a.IsGuest, a.IsService})
	}
	return out
}

type listPeopleIn struct {
	PageQuery

	Email  string `query:"email" maxLength:"320" doc:"Only who has this e-mail address." example:"alice@example.com"`
	Active string `query:"active" enum:"true,false" doc:"Only who works here, or only who left." example:"true"`
}

func (d *v1Door) listPeople(ctx context.Context, c v1Call, in *listPeopleIn) (*v1Listed[Person], error) {
	before, err := cursor[storage.PersonID](in.PageQuery)
	if err != nil {
		return nil, err
	}
	f := storage.PersonFilter{Email: in.Email, Before: before, Limit: in.Limit + 1}
	if in.Active != "" {
		active := in.Active == "true"
		f.Active = &active
	}
	rows, err := d.workflow.People(ctx, c.Actor, f)
	if err != nil {
		return nil, err
	}
	return listed(c, in.PageQuery, rows, func(v workflow.PersonView) any { return v.ID }, personOf)
}

type personPath struct {
	ID string `path:"id" doc:"The person's ID." example:"7"`
}

func personID(typed string) (storage.PersonID, error) {
	id, err := strconv.ParseInt(typed, 10, 64)
	if err != nil || id <= 0 {
		return 0, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such person. Their ID is a number.")
	}
	return storage.PersonID(id), nil
}

type shownPerson struct{ Body Person }

func (d *v1Door) getPerson(ctx context.Context, c v1Call, in *personPath) (*shownPerson, error) {
	id, err := personID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := d.workflow.ShowPerson(ctx, c.Actor, id)
	if err != nil {
		return nil, err
	}
	return &shownPerson{personOf(v)}, nil
}

type offboardIn struct {
	ID   string `path:"id" doc:"The person's ID." example:"7"`
	Body struct {
		DryRun bool   `json:"dry_run,omitempty" doc:"Only say what it would do." example:"true"`
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why: it is kept with the case. Needed unless it is a dry run." example:"Left on 20 November."`
	}
}

// v1Leave is what offboarding somebody would do, or the case that it opened.
type v1Leave struct {
	Preview *v1LeavePreview `json:"preview,omitempty" doc:"With dry_run: what it would do. Nothing was done."`
	Case    *Offboarding    `json:"case,omitempty" doc:"The case that was opened, or was open already."`
}

// v1LeavePreview says what offboarding would do.
type v1LeavePreview struct {
	Person    v1PersonRef `json:"person" doc:"Who."`
	Active    bool        `json:"active" doc:"They have not left yet." example:"true"`
	Own       int         `json:"own" doc:"How many credentials would end." example:"4"`
	Fenced    int         `json:"fenced" doc:"How many of these stop at once, and an undo brings back." example:"3"`
	Shared    int         `json:"shared" doc:"How many of services others would have to decide on." example:"1"`
	Pending   int         `json:"pending" doc:"How many requests of theirs would be canceled." example:"0"`
	Systems   []string    `json:"systems" nullable:"false" doc:"The systems that would be searched." example:"[\"gitlab\",\"jira\"]"`
	GraceSecs int64       `json:"grace_seconds" doc:"How long it could be undone." example:"86400"`
}

type leaveOut struct {
	Status int
	Body   v1Leave
}

func (d *v1Door) offboardPerson(ctx context.Context, c v1Call, in *offboardIn) (*leaveOut, error) {
	id, err := personID(in.ID)
	if err != nil {
		return nil, err
	}
	p, err := d.workflow.PreviewLeave(ctx, c.Actor, id)
	if err != nil {
		return nil, err
	}
	if in.Body.DryRun {
		return &leaveOut{http.StatusOK, v1Leave{Preview: &v1LeavePreview{Person: v1PersonRef{int64(p.Person.ID), p.Person.Name}, Active: p.Active, Own: p.Own, Fenced: p.Fenced,
			Shared: p.Shared, Pending: p.Pending, Systems: orNone(p.Systems), GraceSecs: int64(time.Duration(p.Grace) / time.Second)}}}, nil
	}
	o, err := d.workflow.OffboardPerson(ctx, c.Actor, id, in.Body.Reason, c.source)
	if err != nil {
		return nil, err
	}
	opened := offboardingOf(workflow.OffboardingRow{Case: o, Person: p.Person})
	return &leaveOut{http.StatusOK, v1Leave{Case: &opened}}, nil
}
