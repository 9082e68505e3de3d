package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// v1Event is one event of the audit log.
type v1Event struct {
	ID        int64     `json:"id" doc:"The event's ID." example:"4711"`
	Position  *int64    `json:"position,omitempty" doc:"Where in the tree it is, from 0. Absent for the seconds before it has a place." example:"4709"`
	At        time.Time `json:"at" doc:"When." example:"2026-11-20T16:04:00.123456Z"`
	Actor     string    `json:"actor" doc:"Who did it. Empty where the texts were erased." example:"Erin Evans by key TK-7F3K"`
	ActorID   int64     `json:"actor_id,omitempty" doc:"The person's ID; absent for what Latchkey does by itself." example:"5"`
	AccountID int64     `json:"account_id,omitempty" doc:"The account they acted through." example:"9"`
	Action    string    `json:"action" doc:"What was done." example:"credential.revoking"`
	Subject   string    `json:"subject" doc:"What it was done to: request, credential, person, connection and so on." example:"credential"`
	SubjectID string    `json:"subject_id" doc:"Which one: the ID that people type where there is one, else a number." example:"TK-7F3K"`
	Before    string    `json:"before,omitempty" doc:"What it was." example:"active"`
	After     string    `json:"after,omitempty" doc:"What it became." example:"revoking"`
	Reason    string    `json:"reason,omitempty" doc:"Why." example:"Found in a public repository."`
	Policy    string    `json:"policy_hash,omitempty" doc:"The version of the policy it was decided under." example:"9f2b6c"`
	Ref       string    `json:"ref,omitempty" doc:"The Slack or HTTP request that carried it." example:"http:K7ZQ3M5TPA"`
	Erased    bool      `json:"erased" doc:"Its texts were erased on somebody's request. What proves them is kept." example:"false"`
}

func eventOf(r storage.AuditRow) v1Event {
	out := v1Event{ID: r.ID, At: r.At.UTC(), Actor: r.Actor, ActorID: int64(r.ActorID), AccountID: int64(r.AccountID), Action: r.Action, Subject: r.Subject,
		SubjectID: strconv.FormatInt(r.SubjectID, 10), Before: r.Before, After: r.After, Reason: r.Reason, Policy: r.PolicyHash, Ref: r.Ref, Erased: r.Erased}
	switch r.Subject {
	case storage.SubjectCredential:
		out.SubjectID = storage.CredentialID(r.SubjectID).String()
	case storage.SubjectRequest:
		out.SubjectID = storage.RequestID(r.SubjectID).String()
	}
	if r.Position >= 0 {
		out.Position = &r.Position
	}
	return out
}

type listEventsIn struct {
	PageQuery

	Subject string `query:"subject" maxLength:"50" doc:"Only about this sort of thing." example:"credential"`
	ID      string `query:"subject_id" maxLength:"50" doc:"Only about this one: TK-7F3K, RQ-7F3K, or a number together with subject." example:"TK-7F3K"`
	Action  string `query:"action" maxLength:"100" doc:"Only this action, or those that begin with it." example:"credential."`
	Person  string `query:"person" maxLength:"320" doc:"Only what this person did, and what happened to them and theirs: an ID, or an e-mail address." example:"alice@example.com"`
	From    string `query:"from" format:"date-time" doc:"From this time on." example:"2026-11-20T00:00:00Z"`
	To      string `query:"to" format:"date-time" doc:"Until, and not including, this time." example:"2026-11-21T00:00:00Z"`
}

func (d *v1Door) listEvents(ctx context.Context, c v1Call, in *listEventsIn) (*v1Listed[v1Event], error) {
	before, err := cursor[int64](in.PageQuery)
	if err != nil {
		return nil, err
	}
	f := storage.AuditFilter{Subject: in.Subject, Action: in.Action, Before: before, Limit: in.Limit + 1}
	if f.From, f.To, err = spanOf("", in.From, in.To); err != nil {
		return nil, err
	}
	if in.ID != "" {
		if err := subject(&f, in.ID); err != nil {
			return nil, err
		}
	}
	if in.Person != "" {
		if f.Person, err = d.person(ctx, c, in.Person, "person"); err != nil {
			return nil, err
		}
	}
	return d.events(ctx, c, in.PageQuery, f)
}

func (d *v1Door) events(ctx context.Context, c v1Call, page PageQuery, f storage.AuditFilter) (*v1Listed[v1Event], error) {
	rows, err := d.workflow.SearchAudit(ctx, c.Actor, f)
	if err != nil {
		return nil, err
	}
	return listed(c, page, rows, func(r storage.AuditRow) any { return r.ID }, eventOf)
}

// subject reads which one events have to be about.
func subject(f *storage.AuditFilter, typed string) error {
	request, credential, err := storage.ParseID(typed)
	sort := storage.SubjectRequest
	id := int64(request)
	if credential != 0 {
		sort, id = storage.SubjectCredential, int64(credential)
	}
	if err != nil {
		sort = f.Subject
		id, err = strconv.ParseInt(typed, 10, 64)
	}
	if err != nil || id <= 0 || sort == "" || f.Subject != "" && f.Subject != sort {
		return invalid("Send an ID like TK-7F3K, or a number together with subject.").on("subject_id")
	}
	f.Subject, f.SubjectID = sort, id
	return nil
}

type credentialEventsIn struct {
	PageQuery

	ID string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
}

func (d *v1Door) listCredentialEvents(ctx context.Context, c v1Call, in *credentialEventsIn) (*v1Listed[v1Event], error) {
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	before, err := cursor[int64](in.PageQuery)
	if err != nil {
		return nil, err
	}
	return d.events(ctx, c, in.PageQuery, storage.AuditFilter{Subject: storage.SubjectCredential, SubjectID: int64(id), Before: before, Limit: in.Limit + 1})
}

type eventPath struct {
	ID string `path:"id" doc:"The event's ID." example:"4711"`
}

// v1Proof shows that an event is in the tree of a signed checkpoint.
type v1Proof struct {
	Event      int64    `json:"event" doc:"The event's ID." example:"4711"`
	Position   int64    `json:"position" doc:"Where in the tree it is, from 0." example:"4709"`
	Record     string   `json:"record" doc:"The leaf's content. SHA-256 over a zero byte and this is the leaf's hash (RFC 6962)." example:"{\"action\":\"credential.revoking\"}"`
	Leaf       string   `json:"leaf" doc:"The leaf's hash, in base64." example:"mDs4y6Z2rN8m0xVw3wJpJb0s5Yx0hJq1m9cQ7oV2c1E="`
	Path       []string `json:"path" nullable:"false" doc:"The hashes that lead from the leaf to the root (RFC 6962, section 2.1.1), in base64." example:"[\"kY9Kq3o1Qn3VgVq7m2cJm1Wb0Cq8b2z5cH8nRkX0a1k=\"]"`
	Checkpoint string   `json:"checkpoint" doc:"The signed note with the size of the tree and its root (C2SP tlog-checkpoint)." example:"latchkey.example.com/audit\n4712\n..."`
	Public     string   `json:"public_key" doc:"Verifies the note." example:"latchkey.example.com/audit+a1b2c3d4+AW..."`
}

type shownProof struct{ Body v1Proof }

func (d *v1Door) getProof(ctx context.Context, c v1Call, in *eventPath) (*shownProof, error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil || id <= 0 {
		return nil, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no such event. Its ID is a number.")
	}
	p, err := d.workflow.ProveAudit(ctx, c.Actor, id)
	if err != nil {
		return nil, err
	}
	out := v1Proof{Event: p.Event, Position: p.Position, Record: string(p.Record), Leaf: base64.StdEncoding.EncodeToString(p.Leaf[:]), Path: []string{},
		Checkpoint: p.Checkpoint.Note, Public: p.Public}
	for _, h := range p.Path {
		out.Path = append(out.Path, base64.StdEncoding.EncodeToString(h[:]))
	}
	return &shownProof{out}, nil
}

// v1Checkpoint is a signed statement about the whole log.
type v1Checkpoint struct {
	Size   int64     `json:"size" doc:"How many events the tree has." example:"4712"`
	Note   string    `json:"note" doc:"The signed note (C2SP tlog-checkpoint)." example:"latchkey.example.com/audit\n4712\n..."`
	At     time.Time `json:"at" doc:"When it was signed." example:"2026-11-20T16:04:01Z"`
	Public string    `json:"public_key" doc:"Verifies the note." example:"latchkey.example.com/audit+a1b2c3d4+AW..."`
}

type checkpointIn struct{}

type shownCheckpoint struct{ Body v1Checkpoint }

func (d *v1Door) getCheckpoint(ctx context.Context, c v1Call, _ *checkpointIn) (*shownCheckpoint, error) {
	cp, public, err := d.workflow.AuditCheckpoint(ctx, c.Actor)
	if err != nil {
		return nil, err
	}
	return &shownCheckpoint{v1Checkpoint{cp.Size, cp.Note, cp.At.UTC(), public}}, nil
}
