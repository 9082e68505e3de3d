package server

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/secret"
	"latchkey/workflow"
)

// connectCookie ties the vendor's answer to the browser that began; it lives
// as long as a person needs at the vendor.
const (
	connectCookie = "latchkey_connect"
	connectFor    = 30 * time.Minute
)

// connectPage asks a person to go to the vendor, and leads there.
type connectPage struct {
	Title     string
	ID        string
	System    string
	Scopes    []scopeLine
	LeftUntil moment
	Location  string // the vendor's page, once the button was pressed
}

// lookAtConnect shows what is about to be connected. It begins nothing.
func (s *Server) lookAtConnect(w http.ResponseWriter, r *http.Request) {
	if s.tooManyGuesses(w, r) {
		return
	}
	c, err := s.workflow.OpenConnect(r.Context(), r.PathValue("link"))
	if err != nil {
		s.failTicket(w, r, err)
		return
	}
	if c.State != workflow.ConnectReady || c.Credential.Connection != r.PathValue("connection") {
		s.show(w, r, endedConnect(c))
		return
	}
	page := connectPage{Title: "Connect " + c.Credential.Connection, ID: c.Credential.ID.String(), System: c.Credential.Connection,
		LeftUntil: momentOf(c.ExpiresAt)}
	for _, v := range c.Scopes {
		line := scopeLine{Name: v.Name, Title: v.Title, Access: accessWords(v.Access)}
		if line.Title == v.Name {
			line.Title = ""
		}
		page.Scopes = append(page.Scopes, line)
	}
	s.write(w, r, http.StatusOK, "connect.html", page)
}

// beginConnect leads the browser to the vendor. It is a page with a link and
// no redirect, because browsers hold a form's redirects to form-action, and
// the vendor may send people on to a third host.
func (s *Server) beginConnect(w http.ResponseWriter, r *http.Request) {
	if s.tooManyGuesses(w, r) {
		return
	}
	location, browser, err := s.workflow.BeginConnect(r.Context(), r.PathValue("link"))
	if refusal, ok := workflow.AsRefusal(err); ok && refusal.Rule != workflow.RuleUnknown {
		s.show(w, r, refusedConnect(refusal))
		return
	}
	if err != nil {
		s.failTicket(w, r, err)
		return
	}
	connection := r.PathValue("connection")
	http.SetCookie(w, &http.Cookie{Name: connectCookie, Value: browser.Expose(), Path: "/oauth/" + connection + "/",
		MaxAge: int(connectFor / time.Second), HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	s.write(w, r, http.StatusOK, "leave.html", connectPage{Title: "Going to " + connection, System: connection, Location: location})
}

// finishConnect takes the vendor's answer. Nothing of it is logged: the code
// in the address is worth a grant until it is used.
func (s *Server) finishConnect(w http.ResponseWriter, r *http.Request) {
	if s.tooManyGuesses(w, r) {
		return
	}
	connection := r.PathValue("connection")
	q := r.URL.Query()
	cookie, err := r.Cookie(connectCookie)
	if err != nil || q.Get("state") == "" {
		s.guesses.wrong(r)
		s.show(w, r, notice{Status: http.StatusBadRequest, Title: "Nothing was connected",
			Says: "This answer does not belong to a connection that this browser began.",
			Next: "Begin again with the button in the newest message from Latchkey in Slack, and stay in the same browser."})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: connectCookie, Path: "/oauth/" + connection + "/", MaxAge: -1, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	reveal, err := s.workflow.FinishConnect(r.Context(), workflow.Return{Connection: connection, State: q.Get("state"), Browser: cookie.Value,
		Code: secret.New(q.Get("code")), Error: q.Get("error"), Ref: "http:" + refOf(r)})
	if refusal, ok := workflow.AsRefusal(err); ok {
		if refusal.Rule == workflow.RuleUnknown {
			s.guesses.wrong(r)
		}
		s.show(w, r, refusedConnect(refusal))
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if reveal == "" || !sameSite(reveal, s.workflow.PublicURL) {
		s.show(w, r, notice{Status: http.StatusOK, Title: connection + " is connected",
			Says: "Your key for it is waiting.", Next: "Collect it with the button in the newest message from Latchkey in Slack."})
		return
	}
	// The code is in this page's address: nothing that follows may see it.
	http.Redirect(w, r, reveal, http.StatusSeeOther)
}

// sameSite holds a redirect to our own pages.
func sameSite(target, own string) bool {
	u, err := url.Parse(target)
	return err == nil && u.User == nil && strings.HasPrefix(target, own+"/reveal/")
}

func refusedConnect(r workflow.Refusal) notice {
	return notice{Status: http.StatusConflict, Title: "Nothing was connected", Says: r.Reason,
		Next: "You can close this page."}
}

func endedConnect(c workflow.Connect) notice {
	if c.State == workflow.ConnectDone {
		return notice{Status: http.StatusGone, Title: c.Credential.Connection + " is connected already",
			Says: "This link was used. The key is collected with the button in the newest message from Latchkey in Slack.",
			Next: "If it was not you who connected it, give the key back there at once and tell an admin."}
	}
	return notice{Status: http.StatusGone, Title: "This link is over",
		Says: "It was not used in time, or the request came to an end.",
		Next: "If you still need it, ask again in Slack."}
}
