package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"latchkey/workflow"
)

// System is what the API says of a configured system. It is exported because
// huma reads only exported fields.
type System struct {
	Name     string         `json:"name" doc:"Its name in the configuration." example:"tempo"`
	Kind     string         `json:"kind" doc:"Which vendor's it is." example:"tempo"`
	Owners   string         `json:"owners,omitempty" doc:"The group that answers for it. Absent: the admins." example:"it-admins"`
	Can      []string       `json:"can" nullable:"false" doc:"What Latchkey can do there, as in the table of the README." example:"[\"list\",\"issue\",\"revoke\"]"`
	Live     int            `json:"live" doc:"How many credentials may give access there." example:"42"`
	Flags    map[string]int `json:"flags" doc:"How many of them have each flag up." example:"{\"stale\":3}"`
	Listed   bool           `json:"listed" doc:"It can be listed, and is, every so often." example:"true"`
	SyncedAt *time.Time     `json:"synced_at,omitempty" doc:"When it was last listed whole." example:"2026-11-21T08:00:00Z"`
	Problem  string         `json:"problem,omitempty" doc:"Why what is known of it may be out of date." example:"401 from the system: the admin credential does not work"`
}

func systemOf(v workflow.SystemView) System {
	out := System{Name: v.Name, Kind: v.Kind, Owners: v.Owners, Can: orNone(v.Can), Live: v.Live, Flags: map[string]int{}, Listed: v.Listed,
		SyncedAt: instantOf(v.SyncedAt), Problem: v.Problem}
	for flag, n := range v.ByFlag {
		if n > 0 {
			out.Flags[string(flag)] = n
		}
	}
	return out
}

type listSystemsIn struct{}

// listedSystems is every system, by name: there are never many.
type listedSystems struct{ Body v1Every[System] }

func (d *v1Door) listSystems(ctx context.Context, c v1Call, _ *listSystemsIn) (*listedSystems, error) {
	views, err := d.workflow.Inventory(ctx, c.Actor)
	if err != nil {
		return nil, err
	}
	out := &listedSystems{}
	out.Body.Data = make([]System, 0, len(views))
	for _, v := range views {
		out.Body.Data = append(out.Body.Data, systemOf(v))
	}
	return out, nil
}

type systemPath struct {
	Name string `path:"name" maxLength:"100" doc:"The system's name in the configuration." example:"tempo"`
}

// v1SystemDetail is a system with what can be asked for there, and of whom.
type v1SystemDetail struct {
	System

	Scopes  []v1ScopeDetail `json:"scopes" nullable:"false" doc:"What can be asked for there."`
	Answers []v1PersonRef   `json:"answer_for_it" nullable:"false" doc:"The people who answer for it now."`
}

// v1ScopeDetail is a scope that can be asked for.
type v1ScopeDetail struct {
	Name        string `json:"name" doc:"The scope's name." example:"worklogs:view"`
	Title       string `json:"title" doc:"What it lets pass, in words." example:"Worklogs: see"`
	Access      string `json:"access" doc:"How much harm it can do: read, write or admin." example:"read"`
	Description string `json:"description,omitempty" doc:"What it lets pass." example:"Reads worklogs of everybody."`
}

type shownSystem struct{ Body v1SystemDetail }

func (d *v1Door) getSystem(ctx context.Context, c v1Call, in *systemPath) (*shownSystem, error) {
	views, err := d.workflow.Inventory(ctx, c.Actor)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(views, func(v workflow.SystemView) bool { return v.Name == in.Name })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, workflow.RuleUnknown, "There is no system of this name.")
	}
	out := &shownSystem{v1SystemDetail{System: systemOf(views[i]), Scopes: []v1ScopeDetail{}, Answers: []v1PersonRef{}}}
	for _, s := range d.workflow.Rules().Connections[in.Name].Scopes {
		out.Body.Scopes = append(out.Body.Scopes, v1ScopeDetail{s.Name, s.Title, string(s.Access), s.Description})
	}
	people, err := d.workflow.AnswersFor(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		out.Body.Answers = append(out.Body.Answers, v1PersonRef{int64(p.ID), p.Name})
	}
	return out, nil
}

// v1Enforcement is what the rules would do with a system's credentials now.
type v1Enforcement struct {
	System   string      `json:"system" doc:"The system." example:"gitlab"`
	Live     int         `json:"live" doc:"How many credentials it has." example:"240"`
	DryRun   bool        `json:"dry_run" doc:"The configuration says that nothing of it is done." example:"false"`
	Tripped  bool        `json:"tripped" doc:"It would end more at once than the breaker lets through, so an admin is asked first." example:"false"`
	Paused   bool        `json:"paused" doc:"An admin let such credentials live lately, so none is ended now." example:"false"`
	Findings []v1Finding `json:"findings" nullable:"false" doc:"What it would do. Credentials that it leaves alone are left out."`
}

// v1Finding is what enforcement does with one credential.
type v1Finding struct {
	Credential Credential `json:"credential" doc:"The credential."`
	Action     string     `json:"action" doc:"report, warn, wait or revoke." example:"warn"`
	Why        string     `json:"why" doc:"The rule, in a sentence." example:"Nobody asked for it here, and it can change things."`
	At         *time.Time `json:"at,omitempty" doc:"When it has to be gone, where there is such a time." example:"2026-11-28T08:00:00Z"`
}

type shownEnforcement struct{ Body v1Enforcement }

func (d *v1Door) getEnforcement(ctx context.Context, c v1Call, in *systemPath) (*shownEnforcement, error) {
	plan, err := d.workflow.Enforcement(ctx, c.Actor, in.Name)
	if err != nil {
		return nil, err
	}
	out := v1Enforcement{System: plan.Connection, Live: plan.Live, DryRun: plan.DryRun, Tripped: plan.Tripped, Paused: plan.Paused, Findings: []v1Finding{}}
	for _, f := range plan.Findings {
		out.Findings = append(out.Findings, v1Finding{credentialOf(f.Key), f.Action, f.Why, instantOf(f.At)})
	}
	return &shownEnforcement{out}, nil
}
