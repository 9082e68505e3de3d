package server

import "net/http"

// wrongMethod answers what no browser of a person does with a page.
func (s *Server) wrongMethod(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.show(w, r, notice{Status: http.StatusMethodNotAllowed, Title: "This page can't do that",
			Says: "It can only be opened, and its button pressed.",
			Next: "Open the newest message from Latchkey in Slack and use its button."})
	}
}

// fromOurPage lets only forms of our own pages through.
func (s *Server) fromOurPage(next http.HandlerFunc, refused string) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	crossSite.SetDenyHandler(s.refuseCrossSite(refused))
	return crossSite.Handler(next)
}

// refuseCrossSite answers a form that was not sent from our own page.
func (s *Server) refuseCrossSite(title string) http.HandlerFunc {
	n := notice{Status: http.StatusForbidden, Title: title,
		Says: "Your browser did not confirm that the button was pressed on Latchkey's own page, so nothing was done.",
		Next: "Open the link from Slack in a browser window and press the button there."}
	if !s.secure {
		n.Says += " Browsers confirm it only for addresses that begin with https:// and for the machine they run on."
		n.Next += " If that does not help, ask an admin to serve Latchkey over https."
	}
	return func(w http.ResponseWriter, r *http.Request) { s.show(w, r, n) }
}
