package server

import (
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// reportFormat names what a report for programs looks like. Members are added
// to it; none changes its meaning.
const reportFormat = "latchkey-offboarding-report/1"

// howToRead is the line about how to read a report.
const howToRead = "Each credential is accounted for in one of four ways: a receipt whose liveness is \"dead\" is its system's own answer that it does not work; " +
	"a receipt of the verb \"fence\" is the gateway's, which refuses it; a new owner took it over; or somebody named answers for it with a reason. " +
	"A system is clean once two whole listings in a row showed nothing of the person. While \"unaccounted\" is not 0, the case is open."

// offboardingReport is the report of a case, in the form that programs read.
type offboardingReport struct {
	Format      string             `json:"format"`
	HowToRead   string             `json:"how_to_read"`
	ReadAt      time.Time          `json:"read_at"` // by the database's clock
	State       string             `json:"state"`   // held, open, closed, undone
	Person      reportPerson       `json:"person"`
	SaidBy      reportSource       `json:"said_by"`
	FencedAt    time.Time          `json:"fenced_at"`     // nothing works at the gateway since
	UndoUntil   time.Time          `json:"undo_until"`    // the leave can be undone until then
	Final       bool               `json:"final"`         // and can't be any more, and what the gateway honoured has ended
	ClosedAt    *time.Time         `json:"closed_at"`     // or undone
	Unaccounted int                `json:"unaccounted"`   // credentials and systems
	Paged       bool               `json:"person_called"` // it took so long that a person was called
	Systems     []reportSystem     `json:"systems"`
	Credentials []reportCredential `json:"credentials"`
	Events      []reportEvent      `json:"events"`
}

type reportPerson struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

type reportSource struct {
	Source string `json:"source"` // "scim", a system's name, "slack", "api", "admin"
	By     string `json:"by"`
	Reason string `json:"reason"`
}

type reportWaiver struct {
	Name   string    `json:"name"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

type reportSystem struct {
	Name    string        `json:"name"`
	Passes  int           `json:"passes"` // whole listings in a row that show nothing
	CleanAt *time.Time    `json:"clean_at"`
	Problem string        `json:"problem"` // of its latest listing
	Waiver  *reportWaiver `json:"waiver"`
}

type reportCredential struct {
	ID        string          `json:"id"`
	System    string          `json:"system"`
	Kind      string          `json:"kind"`
	Class     string          `json:"class"` // the system's own word
	Label     string          `json:"label"`
	Brokered  bool            `json:"brokered"` // the gateway's own
	Shared    bool            `json:"shared"`   // of a service
	State     string          `json:"state"`
	Reason    string          `json:"reason"` // for its state
	EndedAt   *time.Time      `json:"ended_at"`
	Accounted bool            `json:"accounted"`
	DecideBy  *time.Time      `json:"decide_by"` // shared: it ends then if nobody decides
	HandedTo  string          `json:"handed_to"` // shared: who answers for it from now on
	Waiver    *reportWaiver   `json:"waiver"`
	Receipts  []reportReceipt `json:"receipts"`
}

type reportReceipt struct {
	At       time.Time `json:"at"`
	Verb     string    `json:"verb"`
	Answer   []string  `json:"answer"` // the system's words, a line a call
	Liveness string    `json:"liveness"`
	Attempts int       `json:"attempts"`
}

type reportEvent struct {
	At     time.Time `json:"at"`
	Action string    `json:"action"`
	Actor  string    `json:"actor"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	Reason string    `json:"reason"`
}

// reportOf writes down all there is to a case.
func reportOf(v workflow.OffboardingView) offboardingReport {
	o := v.Case
	r := offboardingReport{
		Format: reportFormat, HowToRead: howToRead, ReadAt: v.Now.UTC(), State: string(o.State),
		Person: reportPerson{Name: v.Person.Name, Email: v.Email}, SaidBy: reportSource{Source: o.Source, By: actorName(o.Actor.Name), Reason: o.Reason},
		FencedAt: o.BeganAt.UTC(), UndoUntil: o.GraceUntil.UTC(), Final: o.Final, ClosedAt: timeOrNone(o.ClosedAt), Unaccounted: v.Left, Paged: v.Paged,
		Systems: []reportSystem{}, Credentials: []reportCredential{}, Events: []reportEvent{},
	}
	for _, s := range v.Systems {
		r.Systems = append(r.Systems, reportSystem{Name: s.Connection, Passes: s.Passes, CleanAt: timeOrNone(s.CleanAt), Problem: s.Problem,
			Waiver: waiverOf(s.WaivedName, s.WaivedReason, s.WaivedAt)})
	}
	for _, it := range v.Items {
		r.Credentials = append(r.Credentials, reportItem(it))
	}
	for _, e := range v.Events {
		r.Events = append(r.Events, reportEvent{At: e.At.UTC(), Action: e.Action, Actor: actorName(e.Actor), Before: e.Before, After: e.After, Reason: e.Reason})
	}
	return r
}

func reportItem(it workflow.ItemView) reportCredential {
	c := it.Key.Credential
	out := reportCredential{ID: it.CredentialID.String(), System: c.Connection, Kind: c.Kind, Class: c.Class, Label: c.Label, Brokered: c.Brokered,
		Shared: it.Sort == storage.ItemShared, State: string(c.State), Reason: c.StateReason, EndedAt: timeOrNone(c.EndedAt), Accounted: it.Done,
		DecideBy: timeOrNone(it.DecideBy), HandedTo: it.To.Name, Waiver: waiverOf(it.WaivedName, it.WaivedReason, it.WaivedAt), Receipts: []reportReceipt{}}
	for _, r := range it.Receipts {
		out.Receipts = append(out.Receipts, reportReceipt{At: r.At.UTC(), Verb: r.Verb, Answer: strings.Split(r.Answer, "\n"), Liveness: r.Liveness, Attempts: r.Attempts})
	}
	return out
}

// actorName is who did something; what Latchkey does by itself says so.
func actorName(name string) string {
	if part, ok := strings.CutPrefix(name, "system: "); ok {
		return "Latchkey (" + part + ")"
	}
	return name
}

func waiverOf(name, reason string, at time.Time) *reportWaiver {
	if at.Year() <= 1 {
		return nil
	}
	return &reportWaiver{Name: name, Reason: reason, At: at.UTC()}
}

// timeOrNone is nil for a time that was never set: neither Go's zero nor the
// database's stand-in for it.
func timeOrNone(t time.Time) *time.Time {
	if t.Year() <= 1 {
		return nil
	}
	t = t.UTC()
	return &t
}
