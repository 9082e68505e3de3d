package server

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"latchkey/secret"
	"latchkey/workflow"
)

// connectCookie, with the connection behind it, ties the vendor's answer to
// the browser that began; it lives as long as a person needs at the vendor.
const (
	connectCookie = "latchkey_connect_"
	connectFor    = 30 * time.Minute
)

// connectWithin bounds the calls to the vendor once its answer is here.
const connectWithin = time.Minute

// maxReturn is the longest answer of a vendor that is looked at. The longest
// codes in use are about 2 KiB.
const maxReturn = 8 << 10

// connectPage asks a person to go to the vendor, and leads there.
type connectPage struct {
	Title     string
	ID        string
	System    string
	Owner     string // who asked, and will hold the key
	Scopes    []scopeLine
	LeftUntil moment
	Location  string // the vendor's page, once the button was pressed
}

// lookAtConnect shows what is about to be connected, and for whom: a link can
// be passed on, and whoever allows it at the vendor lends the owner of the key
// their own rights. It begins nothing.
func (s *Server) lookAtConnect(w http.ResponseWriter, r *http.Request) {
	c, ok := s.openConnect(w, r)
	if !ok {
		return
	}
	view, err := s.workflow.LookAtCredential(r.Context(), c.Credential.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	system := c.Credential.Connection
	page := connectPage{Title: "Connect " + system, ID: c.Credential.ID.String(), System: system, Owner: view.Owner.Name,
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
	c, ok := s.openConnect(w, r)
	if !ok {
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
	system := c.Credential.Connection
	cookie := s.connectCookie(system) //nolint:gosec // its flags are set there
	cookie.Value, cookie.MaxAge = browser.Expose(), int(connectFor/time.Second)
	http.SetCookie(w, cookie)
	s.write(w, r, http.StatusOK, "leave.html", connectPage{Title: "Going to " + system, System: system, Location: location})
}

// openConnect finds the link of a request, which must be good for something
// still and stand below its own connection; or answers and is false.
func (s *Server) openConnect(w http.ResponseWriter, r *http.Request) (workflow.Connect, bool) {
	if s.tooManyGuesses(w, r) {
		return workflow.Connect{}, false
	}
	c, err := s.workflow.OpenConnect(r.Context(), r.PathValue("link"))
	if err == nil && c.Credential.Connection != r.PathValue("connection") {
		err = workflow.Refusal{Rule: workflow.RuleUnknown}
	}
	if err != nil {
		s.failTicket(w, r, err)
		return c, false
	}
	if c.State != workflow.ConnectReady {
		s.show(w, r, endedConnect(c))
		return c, false
	}
	return c, true
}

// connectCookie has no value yet. Over https the prefix of its name keeps
// other hosts of our domain from planting one (RFC 6265bis, 4.1.3.2), and with
// it their own round trip in somebody else's browser.
func (s *Server) connectCookie(connection string) *http.Cookie {
	name := connectCookie + connection
	if s.secure {
		name = "__Host-" + name
	}
	//nolint:gosec // Secure wherever people come by https
	return &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
}

// finishConnect takes the vendor's answer. Nothing of it is logged or shown:
// the code in the address is worth a grant until it is used.
func (s *Server) finishConnect(w http.ResponseWriter, r *http.Request) {
	if s.comesAhead(w, r) || s.tooManyGuesses(w, r) {
		return
	}
	answer, ok := s.readReturn(r)
	if !ok {
		s.guesses.wrong(r)
		s.show(w, r, strangeReturn())
		return
	}
	// A person who leaves the page now must not leave tokens that nobody keeps.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), connectWithin)
	defer cancel()
	r = r.WithContext(ctx)
	reveal, err := s.workflow.FinishConnect(ctx, answer)
	refusal, refused := workflow.AsRefusal(err)
	if refused && refusal.Rule == workflow.RuleUnknown {
		// Another site can send a browser here: that does not end the round
		// trip under way.
		s.guesses.wrong(r)
		s.show(w, r, strangeReturn())
		return
	}
	over := s.connectCookie(answer.Connection) //nolint:gosec // its flags are set there
	over.MaxAge = -1
	http.SetCookie(w, over)
	if refused {
		s.show(w, r, refusedConnect(refusal))
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	to, err := url.Parse(reveal)
	if err != nil || reveal == "" {
		s.show(w, r, notice{Status: http.StatusOK, Title: answer.Connection + " is connected",
			Says: "Your key for it is waiting.", Next: "Collect it with the button in the newest message from Latchkey in Slack."})
		return
	}
	// The path alone: this answer can't lead to another host. And no page of
	// ours stays at this address, which holds the code.
	http.Redirect(w, r, to.EscapedPath(), http.StatusSeeOther) //nolint:gosec // a path of ours
}

// readReturn reads the vendor's answer and the cookie. It is false for one
// that can't be of a round trip that this browser began. No name may be there
// twice (RFC 6749, 3.1).
func (s *Server) readReturn(r *http.Request) (workflow.Return, bool) {
	out := workflow.Return{Connection: r.PathValue("connection"), Ref: "http:" + refOf(r)}
	cookie, err := r.Cookie(s.connectCookie(out.Connection).Name)
	if err != nil || cookie.Value == "" || len(r.URL.RawQuery) > maxReturn {
		return out, false
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || q.Get("state") == "" || len(q["state"]) > 1 || len(q["code"]) > 1 || len(q["error"]) > 1 {
		return out, false
	}
	out.State, out.Browser, out.Code, out.Error = q.Get("state"), cookie.Value, secret.New(q.Get("code")), q.Get("error")
	return out, true
}

// strangeReturn is the one answer to every return that is not the one this
// browser waits for.
func strangeReturn() notice {
	return notice{Status: http.StatusBadRequest, Title: "Nothing was connected",
		Says: "This answer does not belong to a connection that this browser began, or it came too late.",
		Next: "Begin again with the button in the newest message from Latchkey in Slack, and stay in the same browser."}
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
