package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// How far back use is shown: by endpoint, by day, and how long a scope has to
// be unused for its owner to be told that less would do.
const (
	usageWindow  = 7 * 24 * time.Hour
	dayWindow    = 13 * 24 * time.Hour
	unusedWindow = 30 * 24 * time.Hour
)

// persons resolves IDs to people as messages show them.
func (s *Service) persons(ctx context.Context, ids ...storage.PersonID) (map[storage.PersonID]Person, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	rows, err := s.DB.People(ctx, ids...)
	if err != nil {
		return nil, err
	}
	accounts, err := s.DB.SlackAccounts(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := map[storage.PersonID]Person{}
	for id, p := range rows {
		out[id] = Person{ID: id, Name: p.Name}
	}
	for _, a := range accounts {
		if p := out[a.PersonID]; p.Slack == "" {
			p.Slack = a.ExternalID
			out[a.PersonID] = p
		}
	}
	return out, nil
}

// LookAtRequest gathers what messages about a request show. It checks no
// authority: callers show it only to those who may see it.
func (s *Service) LookAtRequest(ctx context.Context, id storage.RequestID) (RequestView, error) {
	r, steps, reviews, err := s.DB.Request(ctx, id)
	if err != nil {
		return RequestView{}, gone(err, fmt.Sprintf("request %s", id))
	}
	rules, err := s.rulesOf(ctx, r.PolicyHash)
	if err != nil {
		return RequestView{}, err
	}
	ids := []storage.PersonID{r.RequesterID, r.FiledBy}
	for _, st := range steps {
		ids = append(ids, st.Eligible...)
	}
	for _, v := range reviews {
		ids = append(ids, v.ReviewerID)
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return RequestView{}, err
	}
	out := RequestView{Request: r, Filer: people[r.FiledBy], Requester: people[r.RequesterID], Rule: r.PolicyName, Scopes: scopeViews(rules, r.Connection, r.Scopes, r.GrantedScopes)}
	current := currentStep(steps, reviews)
	less := narrowed(r, reviews)
	for i, st := range steps {
		v := StepView{Group: st.Group, Quorum: st.Quorum, Current: i == current && r.State == storage.RequestPending, Done: i < current}
		for _, p := range st.Eligible {
			v.Eligible = append(v.Eligible, people[p])
		}
		for _, x := range reviews {
			if x.Position == i {
				v.Votes = append(v.Votes, VoteView{By: people[x.ReviewerID], ReviewID: x.ID, Decision: x.Decision, Reason: x.Reason, At: x.CreatedAt,
					Less: less[x.ID]})
			}
		}
		out.Steps = append(out.Steps, v)
	}
	c, err := s.DB.CredentialOf(ctx, id)
	switch {
	case err == nil:
		out.Credential = &c
	case !errors.Is(err, storage.ErrNotFound):
		return out, err
	}
	held, err := s.DB.Credentials(ctx, storage.CredentialFilter{OwnerID: r.RequesterID, Connection: r.Connection, LiveOnly: true, Limit: 5})
	if err != nil {
		return out, err
	}
	for _, h := range held {
		if h.RequestID != id {
			out.Holds = append(out.Holds, CredentialView{Credential: h, Owner: out.Requester, Scopes: scopeViews(rules, h.Connection, h.Scopes, h.Scopes)})
		}
	}
	return out, nil
}

// narrowed tells the votes that left less on the table than they found there.
func narrowed(r storage.Request, reviews []storage.Review) map[int64]bool {
	out := map[int64]bool{}
	scopes, lifetime := len(r.Scopes), r.LifetimeS
	for _, v := range reviews { // in the order of the votes
		out[v.ID] = len(v.Scopes) < scopes || v.LifetimeS < lifetime
		scopes, lifetime = len(v.Scopes), v.LifetimeS
	}
	return out
}

// LookAtCredential gathers what messages about a credential show. It checks
// no authority, and RevealURL and ConnectURL are for the owner only.
func (s *Service) LookAtCredential(ctx context.Context, id storage.CredentialID) (CredentialView, error) {
	rows, err := s.DB.Inventory(ctx, storage.InventoryFilter{IDs: []storage.CredentialID{id}, Ended: true}, s.flagRules())
	if err != nil {
		return CredentialView{}, err
	}
	if len(rows) == 0 {
		return CredentialView{}, gone(storage.ErrNotFound, fmt.Sprintf("key %s", id))
	}
	views, err := s.lookAtRows(ctx, rows)
	if err != nil {
		return CredentialView{}, err
	}
	out, c := views[0], rows[0].Credential
	if c.Brokered {
		out.UseURL, out.ClientsURL = s.useURL(c.Connection), s.clientsURL(c.Connection)
	}
	if c.RequestID != 0 {
		r, _, _, err := s.DB.Request(ctx, c.RequestID)
		if err != nil {
			return out, err
		}
		out.Request = &r
	}
	out.Task = s.taskOf(ctx, out)
	if out.RevealURL, out.ConnectURL, err = s.links(ctx, c); err != nil {
		return out, err
	}
	k, err := s.DB.TicketOf(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return out, err
	}
	out.Collected = k.RevealedAt.Year() > 1
	if out.Events, err = s.DB.Events(ctx, storage.SubjectCredential, int64(id)); err != nil {
		return out, err
	}
	if out.Receipts, err = s.DB.Receipts(ctx, id); err != nil {
		return out, err
	}
	return out, s.lookAtRotations(ctx, &out)
}

// trafficWindow is how far back the remaining use of a replaced key is counted.
const trafficWindow = time.Hour

// lookAtRotations adds what the key replaced, or is replaced by.
func (s *Service) lookAtRotations(ctx context.Context, v *CredentialView) error {
	var err error
	c := v.Credential
	if v.Rotations, err = s.DB.Rotations(ctx, c.ID); err != nil || v.ReplacedBy == 0 || !c.Brokered || !c.Live() {
		return err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return err
	}
	v.Traffic, err = s.DB.UsesSince(ctx, c.ID, now.Add(-trafficWindow))
	return err
}

// useURL is where a brokered key is used: at the gateway, or at our own API.
func (s *Service) useURL(connection string) string {
	if b, ok := connectors.As[connectors.Broker](s.Connectors[connection]); ok && b.Upstream().BaseURL == nil {
		return s.PublicURL + "/v1"
	}
	return s.GatewayURL + "/" + connection
}

// links are the owner's own: where to collect the key, and where to connect
// the app.
func (s *Service) links(ctx context.Context, c storage.Credential) (reveal, connect string, err error) {
	switch {
	case c.State == storage.CredentialActive && c.Managed:
		reveal, err = s.RevealURL(ctx, c.ID)
	case c.State == storage.CredentialIssuing && c.Kind == OAuthGrant:
		connect, err = s.ConnectURL(ctx, c.ID)
	}
	return reveal, connect, err
}

// endpoints adds what a key was used for, which is only read where it is
// looked at: a busy key has a long log.
func (s *Service) endpoints(ctx context.Context, v *CredentialView) error {
	now, err := s.DB.Now(ctx)
	if err != nil {
		return err
	}
	id := v.Credential.ID
	if v.Endpoints, err = s.DB.EndpointUse(ctx, id, now.Add(-usageWindow)); err != nil || !v.Credential.Brokered {
		return err
	}
	if v.Days, err = s.DB.UseByDay(ctx, id, now.Add(-dayWindow)); err != nil {
		return err
	}
	if allows := s.Allows[v.Credential.Connection]; allows != nil && v.Credential.Live() {
		v.Unused, err = s.DB.UnusedScopes(ctx, id, now.Add(-unusedWindow), allows)
	}
	return err
}

func scopeViews(r *Rules, connection string, asked, granted []string) []ScopeView {
	out := make([]ScopeView, 0, len(asked))
	for _, name := range asked {
		sc, ok := r.scope(connection, name)
		v := ScopeView{Name: name, Title: sc.Title, Access: sc.Access, Granted: slices.Contains(granted, name)}
		if !ok {
			v.Title, v.Access = name, r.access(connection, []string{name})
		}
		out = append(out, v)
	}
	return out
}

// Show is LookAtCredential for a person: the owner or an admin; and for a key
// with credentials:read. The reveal link is the owner's alone.
func (s *Service) Show(ctx context.Context, a Actor, id storage.CredentialID) (CredentialView, error) {
	if a.Key != 0 {
		return s.showToKey(ctx, a, id)
	}
	if err := a.Admit(); err != nil {
		return CredentialView{}, err
	}
	v, err := s.LookAtCredential(ctx, id)
	if err != nil {
		return v, err
	}
	if v.Credential.OwnerID != a.Account.PersonID {
		v.RevealURL, v.ConnectURL = "", ""
		admin, err := s.IsAdmin(ctx, a)
		if err != nil {
			return CredentialView{}, err
		}
		if !admin {
			return CredentialView{}, refuse(RuleAdminOnly, "Only its owner or an admin can look at %s.", id)
		}
	}
	return v, s.endpoints(ctx, &v)
}

// showToKey shows what an admin sees, and leaves out use, which is another
// scope's: see Use.
func (s *Service) showToKey(ctx context.Context, a Actor, id storage.CredentialID) (CredentialView, error) {
	if err := a.May(ScopeRead); err != nil {
		return CredentialView{}, err
	}
	v, err := s.LookAtCredential(ctx, id)
	v.RevealURL, v.ConnectURL, v.Events = "", "", nil
	return v, err
}

// ShowRequest is LookAtRequest for a person: the requester, an eligible
// reviewer, or an admin; and for a key with requests:read.
func (s *Service) ShowRequest(ctx context.Context, a Actor, id storage.RequestID) (RequestView, error) {
	if a.Key != 0 {
		if err := a.May(ScopeRequests); err != nil {
			return RequestView{}, err
		}
		return s.LookAtRequest(ctx, id)
	}
	if err := a.Admit(); err != nil {
		return RequestView{}, err
	}
	v, err := s.LookAtRequest(ctx, id)
	if err != nil {
		return v, err
	}
	me := a.Account.PersonID
	if v.Requester.ID == me || slices.ContainsFunc(v.Steps, func(st StepView) bool {
		return slices.ContainsFunc(st.Eligible, func(p Person) bool { return p.ID == me })
	}) {
		return v, nil
	}
	admin, err := s.IsAdmin(ctx, a)
	if err != nil {
		return RequestView{}, err
	}
	if !admin {
		return RequestView{}, refuse(RuleAdminOnly, "Only the requester, its reviewers and admins can look at %s.", id)
	}
	return v, nil
}

// Home gathers App Home for a person.
func (s *Service) Home(ctx context.Context, a Actor) (HomeView, error) {
	if err := a.Admit(); err != nil {
		return HomeView{}, err
	}
	me := a.Account.PersonID
	out := HomeView{Me: Person{ID: me, Name: a.Account.Name, Slack: a.Account.ExternalID}}
	var err error
	if out.Admin, err = s.IsAdmin(ctx, a); err != nil {
		return out, err
	}
	if out.Waiting, err = s.Waiting(ctx, a); err != nil {
		return out, err
	}
	if out.Keys, err = s.Mine(ctx, a); err != nil {
		return out, err
	}
	if out.Admin {
		if out.Systems, err = s.systemViews(ctx); err != nil {
			return out, err
		}
	}
	if err := s.homeUse(ctx, &out); err != nil {
		return out, err
	}
	mine, err := s.DB.Requests(ctx, storage.RequestFilter{RequesterID: me, Limit: 10})
	if err != nil {
		return out, err
	}
	out.Requests, err = s.lookAtAll(ctx, mine)
	return out, err
}

// Waiting lists the requests that wait for the actor's vote, oldest first.
func (s *Service) Waiting(ctx context.Context, a Actor) ([]RequestView, error) {
	if err := a.Admit(); err != nil {
		return nil, err
	}
	rows, err := s.DB.Requests(ctx, storage.RequestFilter{ReviewerID: a.Account.PersonID, States: []storage.RequestState{storage.RequestPending}, Limit: 20})
	if err != nil {
		return nil, err
	}
	all, err := s.lookAtAll(ctx, rows)
	if err != nil {
		return nil, err
	}
	var out []RequestView
	for _, v := range all {
		if slices.ContainsFunc(v.Steps, func(st StepView) bool {
			return st.Current && slices.ContainsFunc(st.Eligible, func(p Person) bool { return p.ID == a.Account.PersonID })
		}) {
			out = append(out, v)
		}
	}
	return out, nil
}

func (s *Service) lookAtAll(ctx context.Context, rows []storage.Request) ([]RequestView, error) {
	out := make([]RequestView, 0, len(rows))
	for _, r := range rows {
		v, err := s.LookAtRequest(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Mine lists the actor's keys that may still give access, newest first.
func (s *Service) Mine(ctx context.Context, a Actor) ([]CredentialView, error) {
	if err := a.Admit(); err != nil {
		return nil, err
	}
	rows, err := s.DB.Inventory(ctx, storage.InventoryFilter{OwnerID: a.Account.PersonID, Limit: 30}, s.flagRules())
	if err != nil {
		return nil, err
	}
	out, err := s.lookAtRows(ctx, rows)
	if err != nil {
		return nil, err
	}
	for i, v := range out {
		if out[i].RevealURL, out[i].ConnectURL, err = s.links(ctx, v.Credential); err != nil {
			return nil, err
		}
	}
	return out, nil
}
