package bot

import (
	"fmt"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// The people and things that the views of these tests show.

func alice() workflow.Person { return workflow.Person{ID: 1, Name: "Alice Adams", Slack: "U0ALICE"} }
func bob() workflow.Person   { return workflow.Person{ID: 2, Name: "Bob Brown", Slack: "U0BOB"} }
func carol() workflow.Person { return workflow.Person{ID: 3, Name: "Carol Clark", Slack: "U0CAROL"} }
func dana() workflow.Person  { return workflow.Person{ID: 4, Name: "Dana Diaz"} } // not in Slack

// noon is the moment everything in the fixtures is counted from.
func noon() time.Time { return time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC) }

const day24 = 24 * time.Hour

func tempoScopes() []workflow.ScopeRule {
	return []workflow.ScopeRule{
		{Name: "worklogs:view", Title: "Worklogs: read", Access: connectors.Read},
		{Name: "worklogs:manage", Title: "Worklogs: create, change and delete", Access: connectors.Write},
		{Name: "plans:view", Title: "Plans: read", Access: connectors.Read},
		{Name: "permissions:manage", Title: "Permission roles: manage", Access: connectors.Admin},
		{Name: "raw", Title: "raw", Access: connectors.Read},
	}
}

func pendingRequest() workflow.RequestView {
	scopes := ruleViews(tempoScopes(), []string{"worklogs:view", "worklogs:manage"})
	return workflow.RequestView{
		Request: storage.Request{
			ID: 1, RequesterID: 1, Connection: "tempo", Kind: "api_key", Scopes: []string{"worklogs:view", "worklogs:manage"},
			LifetimeS: int64(30 * day24 / time.Second), Reason: "Nightly import of worklogs into payroll.", PolicyName: "tempo-write",
			GrantedScopes: []string{"worklogs:view", "worklogs:manage"}, GrantedS: int64(30 * day24 / time.Second),
			State: storage.RequestPending, Version: 1, CreatedAt: noon(), LapsesAt: noon().Add(day24),
		},
		Requester: alice(), Scopes: scopes, Rule: "tempo-write",
		Steps: []workflow.StepView{
			{Group: "it-admins", Quorum: 1, Eligible: []workflow.Person{bob(), carol()}, Current: true},
			{Group: "security", Quorum: 2, Eligible: []workflow.Person{carol(), dana()}},
		},
		Holds: []workflow.CredentialView{activeKey()},
	}
}

func vote(by workflow.Person, id int64, d storage.Decision, reason string) workflow.VoteView {
	return workflow.VoteView{By: by, ReviewID: id, Decision: d, Reason: reason, At: noon().Add(time.Hour)}
}

// halfway has its first step done, narrowed by the reviewer.
func halfway() workflow.RequestView {
	v := pendingRequest()
	v.Request.GrantedScopes, v.Request.GrantedS = []string{"worklogs:view"}, int64(7*day24/time.Second)
	v.Scopes[1].Granted = false
	less := vote(bob(), 11, storage.Approve, "")
	less.Less = true
	v.Steps[0].Votes, v.Steps[0].Current, v.Steps[0].Done = []workflow.VoteView{less}, false, true
	v.Steps[1].Votes, v.Steps[1].Current = []workflow.VoteView{vote(carol(), 12, storage.Approve, "Fine for a week.")}, true
	return v
}

// decided is a request after its end.
func decided(state storage.RequestState, reason string, key storage.CredentialState) workflow.RequestView {
	v := pendingRequest()
	v.Request.State, v.Request.StateReason, v.Request.DecidedAt = state, reason, noon().Add(2*time.Hour)
	v.Request.LapsesAt = time.Time{}
	for i := range v.Steps {
		v.Steps[i].Current = false
	}
	switch state {
	case storage.RequestDenied:
		v.Steps[0].Votes = []workflow.VoteView{vote(carol(), 11, storage.Deny, reason)}
	case storage.RequestApproved, storage.RequestFulfilled, storage.RequestFailed:
		v.Steps = v.Steps[:1]
		v.Steps[0].Quorum, v.Steps[0].Done = 2, true
		v.Steps[0].Votes = []workflow.VoteView{vote(bob(), 11, storage.Approve, ""), vote(carol(), 12, storage.Approve, "")}
	case storage.RequestPending, storage.RequestLapsed, storage.RequestCanceled:
	}
	if key != "" {
		c := keyIn(key).Credential
		v.Credential = &c
	}
	return v
}

func automatic() workflow.RequestView {
	v := decided(storage.RequestApproved, "approved by policy", storage.CredentialIssuing)
	v.Steps, v.Rule, v.Request.PolicyName, v.Holds = nil, "tempo-read", "tempo-read", nil
	return v
}

func activeKey() workflow.CredentialView { return keyIn(storage.CredentialActive) }

// keyIn is Alice's key in a state, with the story that led there.
func keyIn(state storage.CredentialState) workflow.CredentialView {
	c := storage.Credential{
		ID: 1, Connection: "tempo", Kind: "api_key", Brokered: true, Managed: true, OwnerID: 1, RequestID: 2, Label: storage.RequestID(2).String(),
		Scopes: []string{"worklogs:view"}, LifetimeS: int64(30 * day24 / time.Second), State: state,
		CreatedAt: noon(), UseKnown: true,
	}
	event := func(action string, by storage.Actor, reason string) storage.Event {
		return storage.Event{At: noon().Add(time.Minute), Action: "credential." + action, Actor: by.Name, ActorID: by.PersonID, Reason: reason}
	}
	erin := storage.Actor{PersonID: 5, Name: "Erin Evans"}
	events := []storage.Event{event("issuing", storage.Actor{PersonID: 2, Name: "Bob Brown"}, "")}
	if state != storage.CredentialIssuing && state != storage.CredentialIssueFailed {
		c.VendorRef, c.KeyPrefix, c.KeyLast4 = "7", "lk_live_Ab12", "wxyz"
		c.ActivatedAt, c.ExpiresAt = noon(), noon().Add(30*day24)
		events = append(events, event("active", storage.System("issue"), ""), event("revealed", storage.Actor{PersonID: 1, Name: "Alice Adams"}, ""))
	}
	switch state {
	case storage.CredentialRevoking, storage.CredentialRevokeFailed, storage.CredentialRevoked:
		c.StateReason = "Found in a public repository."
		events = append(events, event("revoking", erin, c.StateReason))
	case storage.CredentialExpired:
		c.EndedAt = c.ExpiresAt
	case storage.CredentialIssueFailed:
		c.StateReason = "the system refused to make the key; an admin can see why in the log"
	case storage.CredentialSuspended:
		c.StateReason = "unused for 30 days"
	case storage.CredentialIssuing, storage.CredentialActive:
	}
	return workflow.CredentialView{
		Credential: c, Owner: alice(), Scopes: ruleViews(tempoScopes(), c.Scopes), Collected: true, Events: events, UseURL: "https://api.example.com/tempo",
		ClientsURL: "https://latchkey.example.com/clients/tempo",
		Request:    &storage.Request{ID: 2, Reason: "Nightly import of worklogs into payroll.", PolicyName: "tempo-write"},
		Endpoints: []storage.EndpointUse{
			{Method: "GET", Route: "/4/worklogs/{id}", Count: 1204, LastAt: noon().Add(time.Hour), LastStatus: 200},
			{Method: "POST", Route: "/4/worklogs/search", Count: 1, LastAt: noon(), LastStatus: 403},
		},
		Days:   []storage.DayUse{{Count: 0}, {Count: 3}, {Count: 800}, {Count: 401}, {Count: 1}},
		Unused: []string{"plans:manage"},
	}
}

// uncollected is a key that waits to be shown.
func uncollected() workflow.CredentialView {
	v := activeKey()
	v.Collected, v.RevealURL = false, "https://latchkey.example.com/reveal/0123456789abcdef0123456789abcdef"
	v.Events, v.Endpoints, v.Days, v.Unused = v.Events[:2], nil, nil, nil
	return v
}

// withReason changes who ended a key and why.
func withReason(v workflow.CredentialView, by storage.Actor, reason string) workflow.CredentialView {
	v.Credential.StateReason = reason
	last := &v.Events[len(v.Events)-1]
	last.Actor, last.ActorID, last.Reason = by.Name, by.PersonID, reason
	return v
}

// found is a key that nobody asked for here.
func found() workflow.CredentialView {
	v := activeKey()
	c := &v.Credential
	c.Brokered, c.Managed, c.RequestID, c.UseKnown, c.Connection = false, false, 0, false, "jira"
	c.ExpiresAt = time.Time{}
	v.Request, v.Scopes, v.Endpoints, v.Events, v.Days, v.Unused, v.ClientsURL = nil, nil, nil, nil, nil, nil, ""
	return v
}

func fullHome() workflow.HomeView {
	waiting := pendingRequest()
	waiting.Request.ID = 7
	return workflow.HomeView{Me: alice(), Admin: true, Waiting: []workflow.RequestView{waiting},
		Keys: []workflow.CredentialView{uncollected(), withID(activeKey(), 2)}, Requests: []workflow.RequestView{pendingRequest(), withRequestID(automatic(), 2)}}
}

func withID(v workflow.CredentialView, id storage.CredentialID) workflow.CredentialView {
	v.Credential.ID = id
	return v
}

func withRequestID(v workflow.RequestView, id storage.RequestID) workflow.RequestView {
	v.Request.ID = id
	return v
}

// crowd repeats rows until a view has more than it can show.
func crowd(n int) workflow.HomeView {
	h := workflow.HomeView{Me: alice()}
	for i := range n {
		h.Waiting = append(h.Waiting, withRequestID(pendingRequest(), storage.RequestID(1000+i)))
		h.Keys = append(h.Keys, withID(uncollected(), storage.CredentialID(1000+i)))
		h.Requests = append(h.Requests, withRequestID(halfway(), storage.RequestID(2000+i)))
	}
	return h
}

func chosenForm() requestForm {
	return requestForm{System: "tempo", Offer: offerOf(tempoScopes(), days(90))}
}

func previewOf() workflow.Preview {
	return workflow.Preview{Policy: "tempo-write", MaxLifetime: days(30), PendingFor: days(1), Steps: pendingRequest().Steps}
}

func manyLines(n int) []workflow.Because {
	out := make([]workflow.Because, n)
	for i := range out {
		out[i].Says = fmt.Sprintf("Line %d", i+1)
	}
	return out
}

// offerOf is an offer under which one rule gives everything.
func offerOf(scopes []workflow.ScopeRule, ceiling workflow.Duration) workflow.Offer {
	out := workflow.Offer{Scopes: scopes, Ceiling: ceiling}
	var read, write []string
	for _, s := range scopes {
		switch s.Access {
		case workflow.Read:
			read, write = append(read, s.Name), append(write, s.Name)
		case workflow.Write:
			write = append(write, s.Name)
		case workflow.Admin:
		}
	}
	out.Read = workflow.Choice{Policy: "read", Scopes: read, Ceiling: ceiling}
	if len(write) > len(read) {
		out.Write = workflow.Choice{Policy: "write", Scopes: write, Ceiling: ceiling}
	}
	return out
}
