package server

import (
	"crypto/subtle"
	"net/http"
	"net/url"

	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// sessionCookie holds what a browser proves its session with.
const sessionCookie = "latchkey_session"

// admin is who asks for a page of the console.
type admin struct {
	actor   workflow.Actor
	session storage.Session
	token   secret.Value // of the browser
	form    string       // what every form of this session holds
}

// consoleHandler answers an admin who is signed in.
type consoleHandler func(http.ResponseWriter, *http.Request, admin)

func (s *Server) sessionToken(r *http.Request) (secret.Value, bool) {
	cookies := r.CookiesNamed(s.cookie(sessionCookie).Name)
	if len(cookies) != 1 || cookies[0].Value == "" || len(cookies[0].Value) > 100 {
		return secret.Value{}, false
	}
	return secret.New(cookies[0].Value), true
}

// forAdmin lets only admins who are signed in through, and asks everybody else
// to sign in.
func (s *Server) forAdmin(next consoleHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := s.sessionToken(r)
		if !ok {
			s.toSignIn(w, r)
			return
		}
		session, actor, err := s.workflow.Session(r.Context(), token, s.ref(r))
		if refusal, refused := workflow.AsRefusal(err); refused {
			s.refuseSession(w, r, refusal)
			return
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next(w, r, admin{actor, session, token, s.workflow.FormToken(token).Expose()})
	}
}

func (s *Server) refuseSession(w http.ResponseWriter, r *http.Request, refusal workflow.Refusal) {
	switch refusal.Rule {
	case workflow.RuleSignedOut:
		s.dropCookie(w, sessionCookie)
		s.toSignIn(w, r)
	case workflow.RuleGroupUnknown:
		s.show(w, r, notice{Status: http.StatusServiceUnavailable, Title: "Not now", Says: refusal.Reason, Next: "Load this page again in a minute."})
	default:
		s.dropCookie(w, sessionCookie)
		s.show(w, r, notice{Status: http.StatusForbidden, Title: "The console is for admins", Says: refusal.Reason,
			Next: "You were signed out. Everything of your own is in Slack: open the app Latchkey there."})
	}
}

// toSignIn leads to the page that asks to sign in, and from there back to
// where somebody wanted to go.
func (s *Server) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := signInRoute
	if r.Method == http.MethodGet && r.URL.Path != consoleRoot {
		if next := knownPath(r.URL.RequestURI()); next != consoleRoot {
			to += "?next=" + url.QueryEscape(next)
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// maxForm bounds what a form of the console holds.
const maxForm = 64 << 10

// formOf lets only forms of the session's own pages through: the browser says
// that it was sent from a page of ours, and the form holds what only such a
// page has.
func (s *Server) formOf(next consoleHandler) http.Handler {
	const refused = "Nothing was done"
	return s.fromOurPage(s.forAdmin(func(w http.ResponseWriter, r *http.Request, c admin) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.show(w, r, notice{Status: http.StatusBadRequest, Title: refused, Says: "The form could not be read.", Next: "Go back, load the page again and try once more."})
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("form")), []byte(c.form)) != 1 {
			s.show(w, r, notice{Status: http.StatusForbidden, Title: refused,
				Says: "The form does not belong to this session. You may have signed in again since it was opened.",
				Next: "Go back, load the page again and try once more."})
			return
		}
		next(w, r, c)
	}), refused)
}
