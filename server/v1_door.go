package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"latchkey/workflow"
)

// maxV1Body bounds the body of a request, in bytes.
const maxV1Body = 1 << 20

// v1Door lets programs in to the operations of the API: each by its address,
// for keys that have its scope, at the pace of a key. It is a huma.Adapter:
// what huma is given to serve passes here first.
type v1Door struct {
	*Server

	mux *http.ServeMux
	ops map[string]v1Operation // by ID
	api *huma.OpenAPI          // the document
}

var _ huma.Adapter = (*v1Door)(nil)

// v1Call is who calls, and with what.
type v1Call struct {
	workflow.Actor

	request *http.Request
	body    []byte
	source  string // makes it harmless to send a write twice; empty for reads
}

type v1CallKey struct{}

// Handle implements huma.Adapter.
func (d *v1Door) Handle(op *huma.Operation, handle func(huma.Context)) {
	o := d.ops[op.OperationID]
	if o.raw != nil {
		d.mux.HandleFunc(op.Method+" "+op.Path, d.keyed(o.scope, o.raw))
		return
	}
	d.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		if err := d.admit(w, r, o, op, handle); err != nil {
			d.giveUp(w, r, err)
		}
	})
}

// admit serves a call, or says why it is not served. What is wrong with the
// caller comes before what is wrong with the call.
func (d *v1Door) admit(w http.ResponseWriter, r *http.Request, o v1Operation, op *huma.Operation, handle func(huma.Context)) error {
	a, err := d.caller(w, r, o.scope)
	if err != nil {
		return err
	}
	if err := checkQuery(r, op); err != nil {
		return err
	}
	c := v1Call{Actor: a, request: r}
	if op.RequestBody == nil {
		handle(humago.NewContext(op, withCall(r, c), w))
		return nil
	}
	if c.body, err = d.readBody(w, r, op); err != nil {
		return err
	}
	if o.method != http.MethodPost {
		handle(humago.NewContext(op, withCall(r, c), w))
		return nil
	}
	return d.once(w, r, o, c, func(w http.ResponseWriter, c v1Call) {
		handle(humago.NewContext(op, withCall(r, c), w))
	})
}

func withCall(r *http.Request, c v1Call) *http.Request {
	out := r.WithContext(context.WithValue(r.Context(), v1CallKey{}, c))
	out.Body = io.NopCloser(bytes.NewReader(c.body))
	return out
}

// ServeHTTP implements huma.Adapter.
func (d *v1Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// checkQuery refuses a parameter that the operation does not have: a misspelt
// filter would otherwise be none. Each may come once.
func checkQuery(r *http.Request, op *huma.Operation) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	known := map[string]bool{}
	for _, p := range op.Parameters {
		known[p.Name] = p.In == "query"
	}
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for name, values := range query {
		switch {
		case !known[name]:
			return refuse(http.StatusUnprocessableEntity, "unknown_parameter", "This address takes no such parameter. A key belongs into the Authorization header, never into an address.").on(cutName(name))
		case len(values) > 1:
			return refuse(http.StatusUnprocessableEntity, "invalid_field", "Send this parameter once.").on(name)
		case strings.ContainsRune(values[0], 0):
			return invalid("The text holds a zero byte.").on(name)
		}
	}
	return nil
}

// readBody reads a body whole, and refuses members that the operation does not
// have, whatever their case, or that are there twice.
func (d *v1Door) readBody(w http.ResponseWriter, r *http.Request, op *huma.Operation) ([]byte, error) {
	raw, err := readJSON(w, r, maxV1Body)
	if err != nil {
		return nil, err
	}
	schema := op.RequestBody.Content["application/json"].Schema
	if schema.Ref != "" {
		schema = d.schemas().SchemaFromRef(schema.Ref)
	}
	err = members(raw, func(name string, value json.RawMessage) error {
		if schema.Properties[name] == nil {
			return refuse(http.StatusUnprocessableEntity, "unknown_field", "The body has no member of this name.").on(cutName(name))
		}
		if bytes.Contains(value, []byte(`\u0000`)) {
			return invalid("The text holds a zero byte.").on(name)
		}
		return nil
	})
	return raw, err
}

// serve makes an operation of a function. What that returns as an error
// becomes a problem.
func serve[I, O any](d *v1Door, do func(context.Context, v1Call, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
			c, ok := ctx.Value(v1CallKey{}).(v1Call)
			if !ok {
				return nil, fmt.Errorf("serve %s: nobody let the call in", op.OperationID)
			}
			out, err := do(ctx, c, in)
			if err != nil {
				return nil, d.noted(c.request, err)
			}
			return out, nil
		})
	}
}

// documented only describes an operation: Handle has something else serve it.
func documented[I, O any]() func(huma.API, huma.Operation) {
	return func(api huma.API, op huma.Operation) {
		huma.Register(api, op, func(context.Context, *I) (*O, error) { return nil, fmt.Errorf("%s is not served here", op.OperationID) })
	}
}

// asProblem turns what huma finds wrong with a call into a problem of ours.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := refuse(found.Status, "invalid_field", "The request is not as this address takes it: %s.", found.Detail)
	if len(found.Errors) > 0 {
		p = problemAt(found.Status, found.Errors[0]) // one at a time is enough to go on by
	}
	ref, _ := ctx.Context().Value(refKey{}).(string)
	return p.about(ref), nil
}

// problemAt is what is wrong with one part of a call.
func problemAt(status int, e *huma.ErrorDetail) problem {
	in, name, _ := strings.Cut(e.Location, ".")
	if name == "" {
		name = in
	}
	if rest, lacks := strings.CutPrefix(e.Message, "expected required property "); lacks {
		return refuse(status, "missing_field", "The body lacks this member.").on(joinName(name, strings.TrimSuffix(rest, " to be present")))
	}
	if e.Message == "unexpected property" {
		return refuse(status, "unknown_field", "The body has no member of this name.").on(cutName(name))
	}
	return refuse(status, "invalid_field", "This is not as it has to be: %s.", e.Message).on(cutName(name))
}

// joinName is a member's place in the body.
func joinName(in, name string) string {
	if in == "body" {
		return name
	}
	return in + "." + name
}
