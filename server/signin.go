package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/secret"
	"latchkey/workflow"
)

// The addresses of signing in. The one that Slack sends people back to is
// registered there, to the letter.
const (
	consoleRoot  = "/console"
	signInRoute  = consoleRoot + "/sign-in"
	startRoute   = signInRoute + "/start"
	returnRoute  = signInRoute + "/callback"
	signOutRoute = consoleRoot + "/sign-out"
)

// signInCookie ties Slack's answer to the browser that began, for as long as a
// person needs there.
const (
	signInCookie = "latchkey_sign_in"
	signInFor    = 10 * time.Minute
)

// roundTrip is what one sign-in takes to Slack and must bring back.
type roundTrip struct{ state, nonce, verifier string }

// tripOf derives a round trip from what the browser keeps. Nothing of it is
// stored here, and whoever changes the cookie changes the state.
func (s *Server) tripOf(cookie string) roundTrip {
	derive := func(part string) string { return s.workflow.Keys.Box.Derive("sign-in", part, cookie).Expose() }
	// A verifier has 43 characters at least (RFC 7636, 4.1).
	return roundTrip{state: derive("state"), nonce: derive("nonce"), verifier: derive("verifier") + derive("verifier, the rest")}
}

// signInPage asks a person to sign in.
type signInPage struct {
	Title string
	Start string
}

// askSignIn is the page with the button to Slack.
func (s *Server) askSignIn(w http.ResponseWriter, r *http.Request) {
	start := startRoute
	if next := knownPath(r.URL.Query().Get("next")); next != consoleRoot {
		start += "?next=" + url.QueryEscape(next)
	}
	s.write(w, r, http.StatusOK, "console_sign_in.html", signInPage{Title: "Sign in to the console", Start: start})
}

// startSignIn sends the browser to Slack.
func (s *Server) startSignIn(w http.ResponseWriter, r *http.Request) {
	if s.comesAhead(w, r) || s.tooManyGuesses(w, r) {
		return
	}
	now, err := s.workflow.DB.Now(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	next := knownPath(r.URL.Query().Get("next"))
	kept := strings.Join([]string{secret.Token(43).Expose(), strconv.FormatInt(now.Unix(), 10), url.QueryEscape(next)}, "~")
	location, err := s.slack.location(r.Context(), s.returnURL(), s.tripOf(kept))
	if err != nil {
		s.slackAway(w, r, err)
		return
	}
	cookie := s.cookie(signInCookie) //nolint:gosec // its flags are set there
	cookie.Value, cookie.MaxAge = kept, int(signInFor/time.Second)
	http.SetCookie(w, cookie)
	http.Redirect(w, r, location, http.StatusSeeOther)
}

// slackAway says that it is Slack, and not the person, that keeps a sign-in
// from going on.
func (s *Server) slackAway(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error().Err(err).Str("ref", refOf(r)).Msg("slack's sign-in can't be reached")
	s.show(w, r, notice{Status: http.StatusBadGateway, Title: "Slack does not answer", Ref: refOf(r),
		Says: "Signing in needs Slack, and Slack can't be reached right now.", Next: "Try again in a minute."})
}

// returnURL is where Slack sends people back to.
func (s *Server) returnURL() string { return s.workflow.PublicURL + returnRoute }

// cookie has no value yet. Over https the prefix of its name keeps other hosts
// of our domain from planting one (RFC 6265bis, 4.1.3.2).
func (s *Server) cookie(name string) *http.Cookie {
	if s.secure {
		name = "__Host-" + name
	}
	//nolint:gosec // Secure wherever people come by https
	return &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
}

func (s *Server) dropCookie(w http.ResponseWriter, name string) {
	over := s.cookie(name) //nolint:gosec // its flags are set there
	over.MaxAge = -1
	http.SetCookie(w, over)
}

// finishSignIn takes Slack's answer. Whatever session the browser had before
// ends, and a new one begins: nobody can prepare one for somebody else.
func (s *Server) finishSignIn(w http.ResponseWriter, r *http.Request) {
	if s.comesAhead(w, r) || s.tooManyGuesses(w, r) {
		return
	}
	// Who leaves the page now has signed in or has not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), connectWithin)
	defer cancel()
	r = r.WithContext(ctx)
	now, err := s.workflow.DB.Now(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	code, next, trip, ok := s.readSignIn(r, now)
	if !ok {
		s.guesses.wrong(r)
		s.show(w, r, strangeSignIn())
		return
	}
	s.dropCookie(w, signInCookie)
	if code == "" {
		s.show(w, r, notice{Status: http.StatusForbidden, Title: "You are not signed in", Says: "Slack says that you did not allow it.", Next: "Open the console again if you want to."})
		return
	}
	who, err := s.slack.vouched(ctx, s.returnURL(), code, trip, now)
	if errors.Is(err, errNotVouched) {
		s.guesses.wrong(r)
		s.log.Warn().Err(err).Str("ref", refOf(r)).Msg("sign-in refused")
		s.show(w, r, strangeSignIn())
		return
	}
	if err != nil {
		s.slackAway(w, r, err)
		return
	}
	s.beginSession(w, r, who, next)
}

// beginSession signs an admin in, and nobody else.
func (s *Server) beginSession(w http.ResponseWriter, r *http.Request, who identity, next string) {
	token, _, err := s.workflow.SignIn(r.Context(), who.team, who.user, r.UserAgent(), s.ref(r))
	if refusal, ok := workflow.AsRefusal(err); ok {
		s.show(w, r, notice{Status: http.StatusForbidden, Title: "The console is for admins", Says: refusal.Reason,
			Next: "Everything of your own is in Slack: open the app Latchkey there."})
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if old, ok := s.sessionToken(r); ok {
		if err := s.workflow.SignOut(r.Context(), old, s.ref(r)); err != nil {
			s.log.Error().Err(err).Str("ref", refOf(r)).Msg("earlier session not ended")
		}
	}
	cookie := s.cookie(sessionCookie) //nolint:gosec // its flags are set there
	cookie.Value, cookie.MaxAge = token.Expose(), int(workflow.SessionLimits.Longest/time.Second)
	http.SetCookie(w, cookie)
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // a path that knownPath let pass
}

// ref marks what a request does in the audit log.
func (s *Server) ref(r *http.Request) string { return "http:" + refOf(r) }

// readSignIn reads Slack's answer and the cookie. It is false for an answer
// that is not the one this browser waits for, or came too late. An empty code
// means that the person said no. No name may be there twice (RFC 6749, 3.1).
func (s *Server) readSignIn(r *http.Request, now time.Time) (code, next string, trip roundTrip, ok bool) {
	cookie, err := r.Cookie(s.cookie(signInCookie).Name)
	if err != nil || len(r.URL.RawQuery) > maxReturn {
		return "", "", trip, false
	}
	parts := strings.SplitN(cookie.Value, "~", 3) // an address may have more of them
	if len(parts) != 3 {
		return "", "", trip, false
	}
	began, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || now.Before(time.Unix(began, 0)) || !now.Before(time.Unix(began, 0).Add(signInFor)) {
		return "", "", trip, false
	}
	trip = s.tripOf(cookie.Value)
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q["state"]) != 1 || len(q["code"])+len(q["error"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(trip.state)) != 1 {
		return "", "", trip, false
	}
	path, err := url.QueryUnescape(parts[2])
	if err != nil {
		return "", "", trip, false
	}
	return q.Get("code"), knownPath(path), trip, true
}

// strangeSignIn is the one answer to every return that proves nothing.
func strangeSignIn() notice {
	return notice{Status: http.StatusBadRequest, Title: "You are not signed in",
		Says: "This answer does not belong to a sign-in that this browser began, or it came too late.",
		Next: "Open the console again, and stay in the same browser."}
}

// signOut ends the session of the browser.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, c admin) {
	if err := s.workflow.SignOut(r.Context(), c.token, s.ref(r)); err != nil {
		s.fail(w, r, err)
		return
	}
	s.dropCookie(w, sessionCookie)
	http.Redirect(w, r, signInRoute, http.StatusSeeOther)
}

// knownPath lets pass the addresses of the console's pages and no other, so
// that a link to us can't lead elsewhere.
func knownPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil || u.Fragment != "" || len(path) > 1000 || strings.ContainsAny(path, "\\\r\n\t\x00") {
		return consoleRoot
	}
	if u.Path != consoleRoot && !strings.HasPrefix(u.Path, consoleRoot+"/") || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") ||
		strings.HasPrefix(u.Path, signInRoute) || u.Path == signOutRoute {
		return consoleRoot
	}
	return u.RequestURI()
}
