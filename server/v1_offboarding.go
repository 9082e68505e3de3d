package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// Offboarding is what the API says of the case of one person who left.
type Offboarding struct {
	ID         int64        `json:"id" doc:"The case's ID." example:"12"`
	Person     *v1PersonRef `json:"person,omitempty" doc:"Who left."`
	State      string       `json:"state" doc:"Where it stands: held, open, closed or undone. What the person held is fenced in all but the last." example:"open"`
	Source     string       `json:"source" doc:"What told of it: scim, slack, admin, api (a key of Latchkey's own), or a system's name." example:"scim"`
	Actor      string       `json:"actor" doc:"Who did it." example:"Erin Evans by key TK-7F3K"`
	Reason     string       `json:"reason,omitempty" doc:"Why." example:"Left on 20 November."`
	BeganAt    time.Time    `json:"began_at" doc:"The fence stands since." example:"2026-11-20T16:00:00Z"`
	GraceUntil *time.Time   `json:"grace_until,omitempty" doc:"Until then it can be undone." example:"2026-11-21T16:00:00Z"`
	ClosedAt   *time.Time   `json:"closed_at,omitempty" doc:"When everything was accounted for." example:"2026-11-20T16:20:00Z"`
}

func offboardingOf(v workflow.OffboardingRow) Offboarding {
	o := v.Case
	return Offboarding{ID: int64(o.ID), Person: personRef(v.Person), State: string(o.State), Source: o.Source, Actor: o.Actor.Name, Reason: o.Reason,
		BeganAt: o.BeganAt.UTC(), GraceUntil: instantOf(o.GraceUntil), ClosedAt: instantOf(o.ClosedAt)}
}

type listOffboardingsIn struct {
	PageQuery

	Person string `query:"person" maxLength:"320" doc:"Only of this person: an ID, or an e-mail address." example:"frank@example.com"`
	Open   bool   `query:"open" doc:"Only what is under way." example:"true"`
}

func (d *v1Door) listOffboardings(ctx context.Context, c v1Call, in *listOffboardingsIn) (*v1Listed[Offboarding], error) {
	before, err := cursor[storage.OffboardingID](in.PageQuery)
	if err != nil {
		return nil, err
	}
	var person storage.PersonID
	if in.Person != "" {
		if person, err = d.person(ctx, c, in.Person, "person"); err != nil {
			return nil, err
		}
	}
	rows, err := d.workflow.OffboardingList(ctx, c.Actor, person, in.Open, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return listed(c, in.PageQuery, rows, func(v workflow.OffboardingRow) any { return v.Case.ID }, offboardingOf)
}

type offboardingPath struct {
	ID string `path:"id" doc:"The case's ID." example:"12"`
}

// v1OffboardingDetail is a case with what it accounts for.
type v1OffboardingDetail struct {
	Offboarding

	Left    int            `json:"left" doc:"How many credentials and systems are not accounted for yet." example:"1"`
	Undo    bool           `json:"undo" doc:"It can still be undone, in Slack." example:"true"`
	Paged   bool           `json:"paged" doc:"A human was called because it took too long." example:"false"`
	Items   []v1CaseItem   `json:"items" nullable:"false" doc:"The credentials it accounts for."`
	Systems []v1CaseSystem `json:"systems" nullable:"false" doc:"The systems that are searched until nothing is left there."`
}

// v1CaseItem is one credential of a case with what proves its end.
type v1CaseItem struct {
	Credential string       `json:"credential" doc:"The credential." example:"TK-7F3K"`
	System     string       `json:"system" doc:"Its system." example:"gitlab"`
	State      string       `json:"state" doc:"Where it stands." example:"revoked"`
	Sort       string       `json:"sort" doc:"own: it ends. shared: it is a service's, and others decide." example:"own"`
	Done       bool         `json:"done" doc:"It is accounted for." example:"true"`
	HandedTo   *v1PersonRef `json:"handed_to,omitempty" doc:"Who took a shared one over."`
	WaivedBy   string       `json:"waived_by,omitempty" doc:"Who answers for it where there is no receipt." example:"Erin Evans"`
	WaivedWhy  string       `json:"waived_reason,omitempty" doc:"Why they do." example:"The vendor was shut down."`
	Receipts   []v1Receipt  `json:"receipts" nullable:"false" doc:"What its system answered."`
}

// v1CaseSystem is how far a system of a case is.
type v1CaseSystem struct {
	System  string `json:"system" doc:"The system." example:"gitlab"`
	Clean   bool   `json:"clean" doc:"Nothing of the person is left there, or somebody answers for it." example:"true"`
	Passes  int    `json:"passes" doc:"Whole listings in a row that showed nothing." example:"2"`
	Problem string `json:"problem,omitempty" doc:"Of the latest listing." example:"503 from the system"`
}

type shownOffboarding struct{ Body v1OffboardingDetail }

func (d *v1Door) getOffboarding(ctx context.Context, c v1Call, in *offboardingPath) (*shownOffboarding, error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil || id <= 0 {
		return nil, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such case. Its ID is a number.")
	}
	v, err := d.workflow.ShowOffboarding(ctx, c.Actor, storage.OffboardingID(id))
	if err != nil {
		return nil, err
	}
	out := v1OffboardingDetail{Offboarding: offboardingOf(workflow.OffboardingRow{Case: v.Case, Person: v.Person}), Left: v.Left, Undo: v.Undo, Paged: v.Paged,
		Items: []v1CaseItem{}, Systems: []v1CaseSystem{}}
	for _, it := range v.Items {
		item := v1CaseItem{Credential: it.CredentialID.String(), System: it.Key.Credential.Connection, State: string(it.Key.Credential.State), Sort: it.Sort, Done: it.Done,
			HandedTo: personRef(it.To), WaivedBy: it.WaivedName, WaivedWhy: it.WaivedReason, Receipts: []v1Receipt{}}
		for _, r := range it.Receipts {
			item.Receipts = append(item.Receipts, v1Receipt{r.At.UTC(), r.Verb, r.Answer, r.Liveness, r.Attempts})
		}
		out.Items = append(out.Items, item)
	}
	for _, s := range v.Systems {
		out.Systems = append(out.Systems, v1CaseSystem{s.Connection, s.Clean(), s.Passes, s.Problem})
	}
	return &shownOffboarding{out}, nil
}
