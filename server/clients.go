package server

import (
	"fmt"
	"net/http"

	"latchkey/connectors"
)

// clientsRoute is the page that says how a brokered system is used. It holds
// an address and no secret, so nobody has to sign in to read it.
const clientsRoute = "/clients/{connection}"

// clientsPage says how clients are pointed at the gateway.
type clientsPage struct {
	Title   string
	System  string
	Base    string // of the connection at the gateway
	Guides  []clientGuide
	Limits  []limitLine
	Answers []answerLine
}

// clientGuide is a guide and its place on the page.
type clientGuide struct {
	connectors.ClientGuide

	Anchor string
}

// limitLine is one of the gateway's limits.
type limitLine struct{ What, Bound string }

// clients shows the page of a brokered system, and no difference between
// systems that are not brokered and ones that do not exist.
func (s *Server) clients(w http.ResponseWriter, r *http.Request) {
	page, ok := s.clientsPage(r.PathValue("connection"))
	if !ok {
		s.show(w, r, notice{Status: http.StatusNotFound, Title: "There is no such system here",
			Says: "Nothing of this name is used through Latchkey’s gateway. It may have been cut short or misspelt.",
			Next: "Open your key’s message from Latchkey in Slack: How to use it leads to the right page."})
		return
	}
	s.write(w, r, http.StatusOK, "clients.html", page)
}

func (s *Server) clientsPage(name string) (clientsPage, bool) {
	c := s.workflow.Connectors[name]
	broker, brokered := connectors.As[connectors.Broker](c)
	guider, guided := connectors.As[connectors.ClientGuider](c)
	if !brokered || !guided || s.gateway == "" {
		return clientsPage{}, false
	}
	up := broker.Upstream()
	if up.BaseURL == nil {
		return clientsPage{}, false // the gateway does not honour its keys
	}
	out := clientsPage{Title: "How to use " + name, System: name, Base: s.gateway + "/" + name, Limits: s.limitLines(up.Limits), Answers: answers()}
	at := connectors.ClientAddress{Base: out.Base, Read: readablePath(up.Scopes, scopeNames(up.Scopes))}
	if !shellSafe.MatchString(at.Base + at.Read) {
		return out, true // what an example would make of the address can't be told
	}
	for i, g := range guider.Clients(at) {
		out.Guides = append(out.Guides, clientGuide{ClientGuide: g, Anchor: fmt.Sprintf("client-%d", i+1)})
	}
	return out, true
}

func scopeNames(scopes []connectors.Scope) []string {
	out := make([]string, len(scopes))
	for i, sc := range scopes {
		out[i] = sc.Name
	}
	return out
}

// limitLines are the limits that hold for a system; those nobody set are left
// out.
func (s *Server) limitLines(own connectors.Limits) []limitLine {
	if s.limits != nil {
		own = s.limits(own)
	}
	var out []limitLine
	for _, l := range []struct {
		set  bool
		what string
		text string
	}{
		{own.PerSecond > 0, "Requests of one key", fmt.Sprintf("%d a second, and up to %d at once after a pause", own.PerSecond, own.Burst)},
		{own.Concurrent > 0, "Requests of one key under way", fmt.Sprint(own.Concurrent)},
		{own.AllPerSecond > 0, "Requests of all keys together", fmt.Sprintf("%d a second, and up to %d at once after a pause", own.AllPerSecond, own.AllBurst)},
		{own.AllConcurrent > 0, "Requests of all keys under way", fmt.Sprint(own.AllConcurrent)},
		{own.Body > 0, "Body of a request", byteWords(own.Body)},
		{own.Head > 0, "Request line and headers", byteWords(int64(own.Head))},
		{own.Duration > 0, "Time of a request, answer included", own.Duration.String()},
	} {
		if l.set {
			out = append(out, limitLine{l.what, l.text})
		}
	}
	return out
}

// byteWords is a size for people, in full units where it has them.
func byteWords(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
