package server

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"latchkey/secret"
	"latchkey/workflow"
)

// act is one thing that an admin does to a credential.
type act struct {
	title  string // with the ID behind it
	button string
	danger bool
	says   func(workflow.CredentialView) []string
	do     func(*Server, *http.Request, workflow.Actor, workflow.CredentialView) error
}

// actions are what the console does to credentials. Who may is decided in
// workflow, again when the button is pressed.
var actions = map[string]act{
	"revoke": {"Revoke", "Revoke it", true, revokeSays, func(s *Server, r *http.Request, a workflow.Actor, v workflow.CredentialView) error {
		_, err := s.workflow.Revoke(r.Context(), a, v.Credential.ID, r.PostForm.Get("reason"))
		return err
	}},
	"suspend": {"Suspend", "Suspend it", false, suspendSays, func(s *Server, r *http.Request, a workflow.Actor, v workflow.CredentialView) error {
		_, err := s.workflow.Suspend(r.Context(), a, v.Credential.ID, r.PostForm.Get("reason"))
		return err
	}},
	"resume": {"Resume", "Resume it", false, resumeSays, func(s *Server, r *http.Request, a workflow.Actor, v workflow.CredentialView) error {
		_, err := s.workflow.Resume(r.Context(), a, v.Credential.ID, r.PostForm.Get("reason"))
		return err
	}},
	"edit": {"Edit", "Save", false, editSays, (*Server).edit},
}

func revokeSays(v workflow.CredentialView) []string {
	c := v.Credential
	out := []string{"It stops working for good. This can't be undone."}
	switch {
	case c.Brokered:
		out = append(out, "The gateway refuses it within a second.")
	case v.Can.ByHand:
		out = append(out, c.Connection+" lets only a person end it: the next page says where and how, and the case stays open until it is gone there.")
	default:
		out = append(out, c.Connection+" is asked to end it, and its answer is kept as a receipt.")
	}
	return append(out, toldWords(v))
}

func suspendSays(v workflow.CredentialView) []string {
	where := v.Credential.Connection + " stops it as soon as it answers."
	if v.Credential.Brokered {
		where = "The gateway refuses it within a second."
	}
	return []string{where, "Resume lets it work again. Its end stays the same.", toldWords(v)}
}

func resumeSays(v workflow.CredentialView) []string {
	return []string{"It works again, for the same scopes and until the same end.", toldWords(v)}
}

func editSays(v workflow.CredentialView) []string {
	out := []string{"What changes, from what to what, and your reason are kept in the audit log."}
	if !v.Credential.Managed {
		out = append(out, "Its name and its end are "+v.Credential.Connection+"'s to change: nobody asked for it here. A note can be written.")
	}
	return out
}

func toldWords(v workflow.CredentialView) string {
	if v.Owner.Name == "" {
		return "Nobody we know owns it, so nobody is told but those who answer for its system."
	}
	return shown(v.Owner.Name) + " owns it, is told, and reads your reason."
}

// actionPage says what will happen, and asks.
type actionPage struct {
	frame
	credentialRow

	Action  string
	Button  string
	Danger  bool
	Says    []string
	Problem string // why it was not done
	Key     string // of this form
	Seen    string // the version of the credential that it shows
	Reason  string
	Note    string
	EndsAt  string // in the form of the field, UTC; empty where it can't be changed
	Rename  bool
}

// formKey marks a form, so that what is sent twice is done once.
var formKey = regexp.MustCompile(`^[0-9A-Za-z]{24}$`)

// endForm is how a browser sends a date with its time.
const endForm = "2006-01-02T15:04"

func (s *Server) confirmAction(w http.ResponseWriter, r *http.Request, c admin) {
	v, err := s.credentialOf(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	todo, ok := actions[r.PathValue("action")]
	if !ok {
		s.noPage(w, r, c)
		return
	}
	s.write(w, r, http.StatusOK, "console_action.html", s.actionPage(r, c, v, todo))
}

func (s *Server) actionPage(r *http.Request, c admin, v workflow.CredentialView, todo act) actionPage {
	id := v.Credential.ID.String()
	out := actionPage{frame: s.frame(r, c, "Credentials", todo.title+" "+id), credentialRow: credentialRowOf(v), Action: r.PathValue("action"),
		Button: todo.button, Danger: todo.danger, Says: todo.says(v), Key: secret.Token(24).Expose(), Seen: workflow.VersionOf(v.Credential),
		Note: v.Credential.Note, Rename: v.Credential.Managed}
	if v.Credential.Managed && (v.Can.Suspend || v.Can.Resume || v.Can.Extend) && !v.Credential.ExpiresAt.IsZero() {
		out.EndsAt = v.Credential.ExpiresAt.UTC().Format(endForm)
	}
	return out
}

// doAction does what a form says, once, and leads to the credential.
func (s *Server) doAction(w http.ResponseWriter, r *http.Request, c admin) {
	v, err := s.credentialOf(r, c)
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	name := r.PathValue("action")
	todo, ok := actions[name]
	if !ok {
		s.noPage(w, r, c)
		return
	}
	id := v.Credential.ID.String()
	actor, sent, err := s.once(r, c, name+":"+id)
	if err == nil && !sent {
		err = todo.do(s, r, actor, v)
	}
	if refusal, refused := workflow.AsRefusal(err); refused {
		// The same form may have been sent a moment before.
		if again, lookErr := s.workflow.Sent(r.Context(), actor.Ref); lookErr != nil || !again {
			page := s.actionPage(r, c, v, todo)
			page.Problem, page.Reason = refusal.Reason, r.PostForm.Get("reason")
			if name == "edit" {
				page.Label, page.Note = r.PostForm.Get("label"), r.PostForm.Get("note")
			}
			s.write(w, r, http.StatusConflict, "console_action.html", page)
			return
		}
		err = nil
	}
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	http.Redirect(w, r, consoleRoot+"/credentials/"+id+"?done="+name, http.StatusSeeOther) //nolint:gosec // an ID and an action of ours
}

// once is who sends a form, under a mark of its own that goes into the audit
// log with what it does; sent tells that it is there already.
func (s *Server) once(r *http.Request, c admin, what string) (a workflow.Actor, sent bool, err error) {
	key := r.PostForm.Get("key")
	if !formKey.MatchString(key) {
		return c.actor, false, workflow.Refusal{Rule: workflow.RuleNotPossible, Reason: "The form is not complete. Load the page again."}
	}
	a = c.actor
	a.Ref = "console:" + what + ":" + key
	sent, err = s.workflow.Sent(r.Context(), a.Ref)
	return a, sent, err
}

// edit reads the form's fields; those it does not have stay as they are.
func (s *Server) edit(r *http.Request, a workflow.Actor, v workflow.CredentialView) error {
	e := workflow.Edit{Reason: r.PostForm.Get("reason"), Seen: r.PostForm.Get("seen")}
	if label := r.PostForm.Get("label"); r.PostForm.Has("label") && label != shown(v.Credential.Label) {
		e.Label = &label
	}
	if r.PostForm.Has("note") {
		note := strings.ReplaceAll(r.PostForm.Get("note"), "\r\n", "\n") // as forms are sent
		e.Note = &note
	}
	if ends := r.PostForm.Get("ends"); ends != "" && ends != v.Credential.ExpiresAt.UTC().Format(endForm) {
		at, err := time.Parse(endForm, ends)
		if err != nil {
			return workflow.Refusal{Rule: workflow.RuleCeiling, Reason: "Write the end as a day and a time, like 2026-11-22T15:04."}
		}
		e.ExpiresAt = &at
	}
	_, err := s.workflow.Edit(r.Context(), a, v.Credential.ID, e)
	return err
}
