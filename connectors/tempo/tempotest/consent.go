package tempotest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLife is how long an authorization code waits for its exchange. The
// vendor says that it "expires quickly".
const codeLife = time.Minute

// code is a consent that was given and not yet exchanged.
type code struct {
	clientID    string
	redirectURL string
	person      string
	scopes      []string
	challenge   string // of PKCE; empty when none was sent
	until       time.Time
}

// question is what an app asks a person for.
type question struct {
	app       App
	redirect  string
	state     string
	challenge string
	scopes    []string
}

// showConsent is where the app sends the browser.
func (d *Double) showConsent(w http.ResponseWriter, r *http.Request) {
	q, ok := d.question(w, r)
	if !ok {
		return
	}
	d.consentPage(w, q, people())
}

// takeConsent is the page's own form, posted to the address of the page, so
// that the question is judged again and nothing of it hides in the form.
func (d *Double) takeConsent(w http.ResponseWriter, r *http.Request) {
	q, ok := d.question(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		d.errorPage(w, invalidRequest, "The form can't be read.")
		return
	}
	person := r.PostForm.Get("person")
	switch r.PostForm.Get("decision") {
	case "deny":
		d.goBack(w, r, q, url.Values{"error": {accessDenied}})
	case "allow":
		if !slices.ContainsFunc(people(), func(p Person) bool { return p.ID == person }) {
			d.errorPage(w, invalidRequest, "Go back and choose who you are.")
			return
		}
		d.goBack(w, r, q, url.Values{"code": {d.newCode(q, person)}})
	default:
		d.errorPage(w, invalidRequest, "Go back and choose Allow or Deny.")
	}
}

// question judges an authorize URL, or answers it and is false. As long as it
// is not sure where the browser may be sent back to, the answer is a page.
func (d *Double) question(w http.ResponseWriter, r *http.Request) (question, bool) {
	// redirect_uri, client_id and jira_url are documented; response_type, state
	// and scope were seen in use; that PKCE is looked at is unverified.
	query := r.URL.Query()
	problem := fieldProblem(query, []string{"client_id", "redirect_uri", "jira_url"},
		[]string{"response_type", "state", "scope", "code_challenge", "code_challenge_method"})
	if problem != "" {
		d.errorPage(w, invalidRequest, problem)
		return question{}, false
	}
	d.mu.Lock()
	app, known := d.apps[query.Get("client_id")]
	d.mu.Unlock()
	if !known || query.Get("jira_url") != d.jiraURL {
		d.errorPage(w, invalidClient, "Invalid client id")
		return question{}, false
	}
	q := question{app: app, redirect: query.Get("redirect_uri"), state: query.Get("state"), challenge: query.Get("code_challenge")}
	if !slices.Contains(app.RedirectURLs, q.redirect) {
		d.errorPage(w, invalidRequest, "redirect_uri is not one of the app's")
		return question{}, false
	}
	refused := ""
	if t := query.Get("response_type"); t != "" && t != "code" {
		refused = unsupportedResponse
	}
	if q.challenge != "" && query.Get("code_challenge_method") != "S256" {
		refused = invalidRequest
	}
	scopes, ok := app.granted(query.Get("scope"))
	if !ok {
		refused = invalidScope
	}
	if refused != "" {
		d.goBack(w, r, q, url.Values{"error": {refused}})
		return question{}, false
	}
	q.scopes = scopes
	return q, true
}

func (d *Double) newCode(q question, person string) string {
	text := "code-" + rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.codes[text] = code{
		clientID: q.app.ClientID, redirectURL: q.redirect, person: person, scopes: q.scopes, challenge: q.challenge,
		until: d.now().Add(codeLife),
	}
	return text
}

// goBack sends the browser to the app. That the state travels back is not
// documented.
func (d *Double) goBack(w http.ResponseWriter, r *http.Request, q question, answer url.Values) {
	d.mu.Lock()
	drop := d.knobs.DropState
	d.mu.Unlock()
	if q.state != "" && !drop {
		answer.Set("state", q.state)
	}
	separator := "?"
	if strings.Contains(q.redirect, "?") {
		separator = "&"
	}
	http.Redirect(w, r, q.redirect+separator+answer.Encode(), http.StatusSeeOther)
}
