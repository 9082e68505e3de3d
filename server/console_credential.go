package server

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// credentialPage is everything about a credential.
type credentialPage struct {
	frame
	credentialRow

	Account   string // at its system
	Note      string
	Why       string // it is in its state
	Rule      string
	Request   string
	Collected string
	Replaced  string // by, or empty
	UseAt     string
	Key       string // what people see of a key of ours
	Ref       string // its system's name for it
	Began     moment
	Scopes    []scopeLine
	Unused    []string
	Task      []string // what a person has to do at the system
	Actions   []place
	Story     []storyLine
	Brokered  bool
	Days      barChart
	Endpoints []endpointRow
}

// endpointRow is how much one endpoint was called.
type endpointRow struct {
	System string
	Call   string
	Count  int64
	Failed int64
	Last   moment
	Part   barPart
}

func (s *Server) consoleCredential(w http.ResponseWriter, r *http.Request, c admin) {
	v, err := s.credentialOf(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := credentialPageOf(v)
	page.frame = s.frame(r, c, "Credentials", v.Credential.ID.String())
	own, err := s.story(r, c, storage.SubjectCredential, int64(v.Credential.ID))
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	asked, err := s.requestStory(r, c, v)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page.did(doneTo(v.Credential, own))
	page.Story = inOrder(asked, own, receiptLines(v.Receipts))
	use, err := s.workflow.Use(r.Context(), c.actor, v.Credential.ID, time.Time{})
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page.Days, page.Endpoints, page.Unused = dayChart("Requests by day", use.Days), endpointRows(use.Endpoints), allShown(use.Unused)
	s.write(w, r, http.StatusOK, "console_credential.html", page)
}

// doneTo says which of the console's actions a credential shows.
func doneTo(c storage.Credential, story []storyLine) map[string]bool {
	return map[string]bool{
		"revoke":  c.State == storage.CredentialRevoking || c.State == storage.CredentialRevokeFailed || c.State == storage.CredentialRevoked,
		"suspend": c.State == storage.CredentialSuspended,
		"resume":  c.State == storage.CredentialActive,
		"edit":    slices.ContainsFunc(story, func(l storyLine) bool { return l.edit }),
	}
}

// credentialOf reads the credential of an address.
func (s *Server) credentialOf(r *http.Request, c admin) (workflow.CredentialView, error) {
	_, id, err := storage.ParseID(r.PathValue("id"))
	if err == nil && id == 0 {
		err = storage.ErrMalformedID
	}
	if errors.Is(err, storage.ErrMalformedID) {
		return workflow.CredentialView{}, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "No credential has this ID. One reads like TK-7F3K."}
	}
	if err != nil {
		return workflow.CredentialView{}, err
	}
	return s.workflow.Show(r.Context(), c.actor, id)
}

func credentialPageOf(v workflow.CredentialView) credentialPage {
	c := v.Credential
	out := credentialPage{credentialRow: credentialRowOf(v), Note: shown(c.Note), Why: shown(c.StateReason), Rule: shown(c.PolicyName), UseAt: v.UseURL,
		Brokered: c.Brokered, Began: when(c.ActivatedAt), Ref: shown(c.VendorRef), Scopes: scopeLines(v.Scopes), Account: shown(v.Account.Name)}
	if v.Account.Email != "" {
		out.Account += " (" + shown(v.Account.Email) + ")"
	}
	if !c.VendorCreatedAt.IsZero() {
		out.Began = when(c.VendorCreatedAt)
	}
	if c.RequestID != 0 {
		out.Request = c.RequestID.String()
	}
	if c.Managed && c.Sink == "" {
		out.Collected = "not yet"
		if v.Collected {
			out.Collected = "yes"
		}
	}
	if c.KeyPrefix != "" {
		out.Key = shown(c.KeyPrefix) + "…" + shown(c.KeyLast4)
	}
	if v.ReplacedBy != 0 {
		out.Replaced = v.ReplacedBy.String()
	}
	if v.Task != nil {
		out.Task = allShown(v.Task.Steps)
	}
	for _, a := range []struct {
		can   bool
		name  string
		words string
	}{{v.Can.Edit, "edit", "Edit"}, {v.Can.Resume, "resume", "Resume"}, {v.Can.Suspend, "suspend", "Suspend"}, {v.Can.Revoke, "revoke", "Revoke"}} {
		if a.can {
			out.Actions = append(out.Actions, place{Path: consoleRoot + "/credentials/" + out.ID + "/" + a.name, Words: a.words})
		}
	}
	return out
}

func endpointRows(use []storage.EndpointUse) []endpointRow {
	var most int64
	for _, e := range use {
		most = max(most, e.Count)
	}
	out := make([]endpointRow, 0, len(use))
	for _, e := range use[:min(pageRows, len(use))] {
		out = append(out, endpointRow{Call: shown(e.Method + " " + e.Route), Count: e.Count, Last: when(e.LastAt), Part: partOf(e.Count, 0, most)})
	}
	return out
}
