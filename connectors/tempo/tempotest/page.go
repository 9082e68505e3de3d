package tempotest

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// pagesText is the consent page and the page of what went wrong before it: no
// script, and nothing from elsewhere.
const pagesText = `{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.}}</title><style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #172b4d; background: #fff }
fieldset { border: 1px solid #6b778c; margin: 1.5rem 0 } label { display: block; padding: .4rem 0 }
button { font: inherit; padding: .5rem 1.5rem; margin-right: .5rem; border: 1px solid #172b4d; background: #fff; color: #172b4d }
button[value=allow] { background: #172b4d; color: #fff }
</style></head><body><main>{{end}}
{{define "consent"}}{{template "head" "Tempo (simulated): allow access"}}
<h1>Allow {{.App}} to use Tempo as you?</h1>
<p>Tempo (simulated). {{.App}} asks to:</p>
<ul>{{range .Wishes}}<li>{{.}}</li>{{end}}</ul>
<form method="post">
<fieldset><legend>Who are you?</legend>
{{range .People}}<label><input type="radio" name="person" value="{{.ID}}" required> {{.Name}}</label>
{{end}}</fieldset>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button>
</form></main></body></html>{{end}}
{{define "error"}}{{template "head" "Tempo (simulated): error"}}
<h1>This can't go on</h1><p>{{.Text}}</p><p><code>{{.Code}}</code></p></main></body></html>{{end}}`

func parsePages() *template.Template { return template.Must(template.New("").Parse(pagesText)) }

func (d *Double) consentPage(w http.ResponseWriter, q question, people []Person) {
	var wishes []string
	for _, s := range q.scopes {
		wishes = append(wishes, wish(s))
	}
	d.showPage(w, http.StatusOK, "consent", struct {
		App    string
		Wishes []string
		People []Person
	}{q.app.Name, wishes, people})
}

// errorPage is for whoever sits before the browser: the app is not told.
func (d *Double) errorPage(w http.ResponseWriter, code, text string) {
	d.showPage(w, http.StatusBadRequest, "error", struct{ Code, Text string }{code, text})
}

func (d *Double) showPage(w http.ResponseWriter, status int, name string, page any) {
	var b bytes.Buffer
	if err := d.pages.ExecuteTemplate(&b, name, page); err != nil {
		htmlError(w, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// wish is a scope for people: "worklogs:manage" is "see and change worklogs".
func wish(scope string) string {
	resource, verb, _ := strings.Cut(scope, ":")
	if resource == "audit" {
		resource = "the audit log"
	}
	switch verb {
	case "view":
		return "see " + resource
	case "manage":
		return "see and change " + resource
	case "produce":
		return "report " + resource
	}
	return scope
}
