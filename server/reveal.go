package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// ticketPage shows what a ticket is for, before and after the key is shown.
type ticketPage struct {
	Title    string
	ID       string
	System   string
	Scopes   []scopeLine
	Lifetime string
	Ends     moment // of the key

	LeftUntil moment // before: when the ticket ends

	Key      string // after: the key, once
	Brokered bool
	Example  string // address to try the key on, or empty
	Clients  string // page that says more of how to use it, or empty
	API      string // address of Latchkey's own API, if it is a key for that
}

type scopeLine struct{ Name, Title, Access string }

// headOfLink answers programs that want to know whether a link is alive. They
// learn nothing, start no clock and use nothing up.
func (s *Server) headOfLink(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
}

// lookAtTicket shows the page with the button. It spends nothing, however
// often and by whomever it is loaded.
func (s *Server) lookAtTicket(w http.ResponseWriter, r *http.Request) {
	if s.comesAhead(w, r) || s.tooManyGuesses(w, r) {
		return
	}
	ticket, err := s.workflow.OpenTicket(r.Context(), r.PathValue("ticket"))
	if err != nil {
		s.failTicket(w, r, err)
		return
	}
	if ticket.State != workflow.TicketReady {
		s.show(w, r, endedNotice(ticket))
		return
	}
	page := s.ticketPage(ticket.Credential)
	page.Title = "Your " + page.System + " key is ready"
	page.LeftUntil = momentOf(ticket.ExpiresAt)
	s.write(w, r, http.StatusOK, "ticket.html", page)
}

// comesAhead tells a browser that loads ahead to come when its person does:
// the first look at a ticket starts the short clock.
func (s *Server) comesAhead(w http.ResponseWriter, r *http.Request) bool {
	if !strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		return false
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	return true
}

// revealKey spends the ticket and shows the key.
func (s *Server) revealKey(w http.ResponseWriter, r *http.Request) {
	if s.tooManyGuesses(w, r) {
		return
	}
	key, ticket, err := s.workflow.Reveal(r.Context(), r.PathValue("ticket"), "http:"+refOf(r))
	if err != nil {
		s.failTicket(w, r, err)
		return
	}
	if ticket.State != workflow.TicketReady {
		s.show(w, r, endedNotice(ticket))
		return
	}
	page := s.ticketPage(ticket.Credential)
	page.Title = "Your " + page.System + " key"
	page.Key = key.Expose()
	page.Brokered = ticket.Credential.Brokered
	page.Example = s.example(ticket.Credential)
	if _, ok := s.clientsPage(page.System); ok && page.Brokered {
		page.Clients = "/clients/" + url.PathEscape(page.System)
	}
	if s.workflow.Rules().IsOwn(page.System) {
		page.API = s.workflow.PublicURL + "/v1/"
	}
	s.write(w, r, http.StatusOK, "key.html", page)
}

// failTicket is fail for tickets: one that is not known counts as a guess.
func (s *Server) failTicket(w http.ResponseWriter, r *http.Request, err error) {
	if refusal, ok := workflow.AsRefusal(err); ok && refusal.Rule == workflow.RuleUnknown {
		s.guesses.wrong(r)
	}
	s.fail(w, r, err)
}

func (s *Server) tooManyGuesses(w http.ResponseWriter, r *http.Request) bool {
	wait := s.guesses.wait(r)
	if wait == 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	s.show(w, r, notice{Status: http.StatusTooManyRequests, Title: "Too many wrong links",
		Says: "Many links that are not valid were opened from your network in a short time.",
		Next: "Wait a minute, then use the button in the newest message from Latchkey in Slack."})
	return true
}

func (s *Server) ticketPage(c storage.Credential) ticketPage {
	p := ticketPage{ID: c.ID.String(), System: c.Connection, Ends: momentOf(c.ExpiresAt),
		Lifetime: workflow.Duration(c.ExpiresAt.Sub(c.ActivatedAt).Round(time.Minute)).Words()}
	known := map[string]workflow.ScopeRule{}
	for _, rule := range s.workflow.Rules().Connections[c.Connection].Scopes {
		known[rule.Name] = rule
	}
	for _, name := range c.Scopes {
		line := scopeLine{Name: name, Title: known[name].Title, Access: accessWords(known[name].Access)}
		if line.Title == name {
			line.Title = ""
		}
		p.Scopes = append(p.Scopes, line)
	}
	return p
}

func accessWords(a connectors.Access) string {
	switch a {
	case connectors.Read:
		return "can read"
	case connectors.Write:
		return "can change things"
	case connectors.Admin:
		return "can administer"
	}
	return ""
}

// endedNotice says why a ticket shows no key, and what to do.
func endedNotice(t workflow.Ticket) notice {
	n := notice{Status: http.StatusGone, Next: "If you still need one, ask for a new key in Slack."}
	id := t.Credential.ID.String()
	if t.State == workflow.TicketSpent {
		n.Title = "This key was already shown"
		n.Says = "A key is shown once, and that has happened. Nobody, not even an admin, can show " + id + " again."
		n.Next = "If you have lost it, ask for a new one in Slack. If it was not you who saw it, give it back there at once and tell an admin."
		return n
	}
	switch t.Credential.State {
	case storage.CredentialSuspended:
		n.Title = "This key is suspended"
		n.Says = "While " + id + " is suspended, it works nowhere and can't be collected."
		n.Next = "Ask an admin why, and whether it will be resumed."
	case storage.CredentialExpired:
		n.Title = "This key has expired"
		n.Says = "The time " + id + " was granted for is over. It works nowhere any more."
	case storage.CredentialRevoking, storage.CredentialRevokeFailed, storage.CredentialRevoked:
		n.Title = "This key was revoked"
		n.Says = "It was revoked before it was collected, so " + id + " is not shown. A key that nobody collects in time is revoked too."
	case storage.CredentialActive, storage.CredentialIssuing, storage.CredentialIssueFailed:
		n.Title = "This link is over"
		n.Says = "The key was not collected in time: within 24 hours, and within 15 minutes of the first look at this page. It is being revoked, and was shown to nobody."
	}
	return n
}
