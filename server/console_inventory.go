package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// pageRows is how many rows a page of a list has.
const pageRows = 50

// credentialRow is a credential in a list.
type credentialRow struct {
	ID     string
	Label  string
	System string
	Owner  string
	Person storage.PersonID // zero: nobody we know
	What   string
	Access string
	State  chip
	Used   string
	Ends   moment
	Flags  []chip
}

func credentialRowOf(v workflow.CredentialView) credentialRow {
	c := v.Credential
	out := credentialRow{ID: c.ID.String(), Label: shown(c.Label), System: c.Connection, Owner: shown(v.Owner.Name), Person: v.Owner.ID,
		What: kindWords(c), Access: widest(c, v.Scopes), State: credentialChip(c.State), Used: usedWords(c), Ends: when(c.ExpiresAt), Flags: flagChips(v.Flags)}
	if out.Owner == "" {
		out.Owner = shown(v.Account.Name)
	}
	return out
}

// option is a choice of a filter.
type option struct {
	Value, Words string
	Chosen       bool
}

func options(all string, chosen string, values ...option) []option {
	out := append([]option{{"", all, false}}, values...)
	for i := range out {
		out[i].Chosen = out[i].Value == chosen
	}
	return out
}

// inventoryPage is the list of credentials with its filters.
type inventoryPage struct {
	frame

	Search  string
	Email   string // of the owner
	All     bool
	Systems []option
	Flags   []option
	Kinds   []option
	States  []option
	Rows    []credentialRow
	Next    string // the page after this one
	CSV     string
	Problem string // a sentence about the filters
}

func (s *Server) consoleInventory(w http.ResponseWriter, r *http.Request, c admin) {
	q := r.URL.Query()
	if _, id, err := storage.ParseID(q.Get("q")); err == nil && id != 0 {
		http.Redirect(w, r, consoleRoot+"/credentials/"+id.String(), http.StatusSeeOther) //nolint:gosec // an ID of ours
		return
	}
	page := inventoryPage{frame: s.frame(r, c, "Credentials", "Credentials"), Search: q.Get("q"), Email: q.Get("owner"), All: q.Get("all") != ""}
	s.filterOptions(&page, q)
	listing, err := s.listingOf(r, c)
	if refusal, refused := workflow.AsRefusal(err); refused {
		page.Problem = refusal.Reason
		s.write(w, r, http.StatusOK, "console_inventory.html", page)
		return
	}
	if err == nil {
		listing.Limit = pageRows + 1
		var views []workflow.CredentialView
		views, err = s.workflow.List(r.Context(), c.actor, listing)
		page.fill(views, q)
	}
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	s.write(w, r, http.StatusOK, "console_inventory.html", page)
}

// fill shows a page of rows; one more than that says that there is a next one.
func (p *inventoryPage) fill(views []workflow.CredentialView, q url.Values) {
	p.CSV = withQuery("/credentials.csv", q, "")
	if len(views) > pageRows {
		views = views[:pageRows]
		p.Next = withQuery("/credentials", q, views[pageRows-1].Credential.ID.String())
	}
	for _, v := range views {
		p.Rows = append(p.Rows, credentialRowOf(v))
	}
}

// withQuery is an address of the console with the filters of this one, and
// with where its page begins; empty is the first page.
func withQuery(path string, q url.Values, before string) string {
	const name = "before"
	out := url.Values{}
	for k, v := range q {
		if k != "done" && k != name && len(v) > 0 && v[0] != "" {
			out.Set(k, v[0])
		}
	}
	if before != "" {
		out.Set(name, before)
	}
	if len(out) == 0 {
		return consoleRoot + path
	}
	return consoleRoot + path + "?" + out.Encode()
}

func (s *Server) filterOptions(page *inventoryPage, q url.Values) {
	page.Systems = s.systemOptions(q.Get("system"))
	var flags, states []option
	for _, f := range storage.Flags {
		flags = append(flags, option{Value: string(f), Words: flagWords[f]})
	}
	for _, st := range credentialStates {
		states = append(states, option{Value: string(st), Words: credentialChip(st).Words})
	}
	page.Flags, page.States = options("any or none", q.Get("flag"), flags...), options("any", q.Get("state"), states...)
	page.Kinds = options("both", q.Get("kind"), option{Value: workflow.APIKey, Words: "API keys"}, option{Value: workflow.OAuthGrant, Words: "OAuth apps"})
}

var credentialStates = []storage.CredentialState{storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended, storage.CredentialRevoking,
	storage.CredentialRevokeFailed, storage.CredentialRevoked, storage.CredentialExpired, storage.CredentialIssueFailed}

func (s *Server) systemOptions(chosen string) []option {
	var out []option
	for name := range s.workflow.Rules().Connections {
		out = append(out, option{Value: name, Words: name})
	}
	slices.SortFunc(out, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	return options("all", chosen, out...)
}

// listingOf reads the filters of an address. A Refusal says what is wrong with
// them.
func (s *Server) listingOf(r *http.Request, c admin) (workflow.Listing, error) {
	q := r.URL.Query()
	state := storage.CredentialState(q.Get("state"))
	out := workflow.Listing{Connection: shown(q.Get("system")), Kind: shown(q.Get("kind")), Flag: storage.Flag(q.Get("flag")), State: state, All: q.Get("all") != "",
		Search: shown(q.Get("q"))}
	if state != "" && !(storage.Credential{State: state}).Live() {
		out.All = true
	}
	if out.Flag != "" && flagWords[out.Flag] == "" || state != "" && !slices.Contains(credentialStates, state) {
		return out, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "There is no such flag or state."}
	}
	if email := shown(q.Get("owner")); email != "" {
		found, err := s.findPerson(r, c, email)
		if err != nil {
			return out, err
		}
		out.Owner = found
	}
	if before := q.Get("before"); before != "" {
		_, id, err := storage.ParseID(before)
		if err != nil || id == 0 {
			return out, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This page of the list does not exist. Begin at the first one."}
		}
		out.Before = id
	}
	return out, nil
}

// findPerson finds somebody by their e-mail address.
func (s *Server) findPerson(r *http.Request, c admin, email string) (storage.PersonID, error) {
	found, err := s.workflow.People(r.Context(), c.actor, storage.PersonFilter{Email: email})
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Nobody here has the e-mail address " + shown(email) + "."}
	}
	return found[0].ID, nil
}

// consoleCSV downloads the whole list that the filters describe.
func (s *Server) consoleCSV(w http.ResponseWriter, r *http.Request, c admin) {
	listing, err := s.listingOf(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="latchkey-credentials.csv"`)
	if _, err := s.workflow.ExportCSV(r.Context(), c.actor, listing, w); err != nil {
		s.log.Error().Err(err).Str("ref", refOf(r)).Msg("list cut short")
		panic(http.ErrAbortHandler) // nobody must take half a list for a whole one
	}
}
