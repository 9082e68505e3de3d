package server

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// v1Scheme is the name of how programs authenticate, in the document.
const v1Scheme = "latchkey"

// openV1 opens the admin API and its document.
func (s *Server) openV1(mux *http.ServeMux) {
	d := &v1Door{Server: s, mux: mux, ops: map[string]v1Operation{}}
	api := d.describe()
	allowed := map[string][]string{}
	for _, o := range d.operations() {
		d.ops[o.id] = o
		o.serve(api, o.described())
		d.finish(o)
		allowed[o.path] = append(allowed[o.path], o.method)
	}
	for _, of := range []string{"ErrorModel", "ErrorDetail"} { // huma's own, which asProblem replaces
		delete(d.schemas().Map(), of)
	}
	for path, methods := range allowed {
		mux.HandleFunc(path, s.wrongVerb(strings.Join(methods, ", ")))
	}
	s.openDocument(mux, d.api)
}

// describe begins the document.
func (d *v1Door) describe() huma.API {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	d.api = &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "Latchkey admin API",
			Version: "1",
			Description: "What admins can do with credentials, requests, people and the audit log in Slack, for programs, under the same rules.\n\n" +
				"**Keys.** Ask for one in Slack with `/tokens request latchkey`, choose its scopes, and send it as `Authorization: Bearer lk_live_...`. It acts as an admin within its scopes, and as nothing else.\n\n" +
				"**Writes** need an `Idempotency-Key`: the same request under the same one is done once, and answered alike for 24 hours.\n\n" +
				"**Lists** come a page at a time; `next` is the `cursor` of the next page.\n\n" +
				"**Problems** are `application/problem+json` (RFC 9457). Whatever is refused with a status below 500 changed nothing.",
			License: &huma.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0.html"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "The Latchkey that this document comes from."}},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{v1Scheme: {Type: "http", Scheme: "bearer", BearerFormat: "lk_live_...",
				Description: "A key of Latchkey's own. The scopes of each operation name what it has to have been granted."}},
		},
		Tags: []*huma.Tag{
			{Name: tagCredentials, Description: "Whatever gives API access to a system."},
			{Name: tagRequests, Description: "What people ask for. Reviews happen in Slack only."},
			{Name: tagSystems, Description: "The configured systems."},
			{Name: tagPeople, Description: "People, and what becomes of what they hold when they leave."},
			{Name: tagAudit, Description: "What was done, and what keys were used for."},
			{Name: tagLeaks, Description: "Tokens that were found where they must not be."},
		},
	}
	return huma.NewAPI(huma.Config{
		OpenAPI:       d.api,
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}, // the latter for what ends with +json
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{asProblem},
	}, d)
}

func (d *v1Door) schemas() huma.Registry { return d.api.Components.Schemas }

// schemaName is a type's name in the document, without what only we need.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if of, ok := strings.CutPrefix(name, "V1List"); ok {
		name = of + "List"
	}
	if of, ok := strings.CutPrefix(name, "V1Every"); ok {
		name = of + "All"
	}
	if of, ok := strings.CutSuffix(name, "InBody"); ok {
		name = of + "Body"
	}
	return strings.ReplaceAll(name, "V1", "")
}

// described is an operation as the document begins with it.
func (o v1Operation) described() huma.Operation {
	op := huma.Operation{OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary,
		Description: o.says + "\n\nScope: `" + o.scope + "`.", Security: []map[string][]string{{v1Scheme: {o.scope}}},
		SkipValidateBody: o.derived} // parseRotation reads that more strictly
	if o.method == http.MethodPost {
		op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyHeader, In: "header", Required: true, Schema: shortText(maxIdempotencyKey),
			Example:     "6f1c1b9e-5a77-4c53-8d3a-revoke-TK-7F3K",
			Description: "Names this request: sent again under the same one it is done once. Another request under it is refused with 422, one at the same time with 409."})
	}
	return op
}

func shortText(most int) *huma.Schema {
	least := 1
	return &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most}
}

// finish adds to a documented operation what all of them have: the problems it
// can answer with, and the headers about pace.
func (d *v1Door) finish(o v1Operation) {
	op := d.documented(o)
	delete(op.Responses, "default")
	problems := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if strings.Contains(o.path, "{") {
		problems = append(problems, http.StatusNotFound)
	}
	if len(op.Parameters) > 0 || op.RequestBody != nil {
		problems = append(problems, http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	if op.RequestBody != nil {
		op.RequestBody.Required = true
		problems = append(problems, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if o.method == http.MethodPatch && !o.derived {
		problems = append(problems, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	if o.derived {
		problems = append(problems, http.StatusBadGateway)
	}
	for status, r := range op.Responses {
		r.Description = "It worked."
		if r.Headers == nil {
			r.Headers = map[string]*huma.Header{}
		}
		r.Headers["RateLimit"] = &huma.Header{Schema: &huma.Schema{Type: huma.TypeString}, Example: `"key";r=19;t=1`,
			Description: "How many more calls this key may make at once, and in how many seconds there are more."}
		if o.accepts && status == "200" {
			later := *r
			later.Description = "It is under way. Send the same request again after Retry-After."
			op.Responses["202"] = &later
		}
	}
	schema := d.schemas().Schema(reflect.TypeFor[problem](), true, "")
	for _, status := range problems {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status) + ". " + whyProblem(status),
			Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
	}
}

// whyProblem says what a status means here.
func whyProblem(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The request is not well formed."
	case http.StatusUnauthorized:
		return "There is no key, or it does not work any more."
	case http.StatusForbidden:
		return "The key does not have the scope, or only a person may do this."
	case http.StatusNotFound:
		return "There is no such thing."
	case http.StatusConflict:
		return "Its state does not allow it, or the same request is under way."
	case http.StatusPreconditionFailed:
		return "It changed since you read it."
	case http.StatusPreconditionRequired:
		return "If-Match is missing."
	case http.StatusUnprocessableEntity:
		return "A field or parameter is unknown or wrong, or the Idempotency-Key was used for another request."
	case http.StatusTooManyRequests:
		return "The key calls too often."
	case http.StatusBadGateway:
		return "The system made no new key. The old one works as before."
	case http.StatusServiceUnavailable:
		return "Latchkey is busy or restarting. Send the same request again."
	}
	return "Nothing was done that is not said here."
}

// documented finds an operation in the document.
func (d *v1Door) documented(o v1Operation) *huma.Operation {
	item := d.api.Paths[o.path]
	switch o.method {
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	}
	return item.Get
}
