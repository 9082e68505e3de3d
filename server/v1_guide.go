package server

import (
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// guide is the document as people read it.
type guide struct {
	Title string
	Says  template.HTML
	Tags  []guideTag
}

type guideTag struct {
	Name, Says string
	Operations []guideOperation
}

type guideOperation struct {
	ID, Method, Path, Summary string
	Says                      template.HTML
	Parameters                []guideField
	Body                      []guideField
	Send                      string // an example of the body
	Answers                   []guideAnswer
	Gets                      string // an example of the answer
}

type guideField struct {
	Name, In, Kind, Says string
	Needed               bool
}

type guideAnswer struct{ Status, Says string }

func guideOf(api *huma.OpenAPI) guide {
	out := guide{Title: api.Info.Title, Says: inWords(api.Info.Description)}
	for _, tag := range api.Tags {
		t := guideTag{Name: tag.Name, Says: tag.Description}
		for _, op := range operationsOf(api) {
			if op.Tags[0] == tag.Name {
				t.Operations = append(t.Operations, guideTo(api, op))
			}
		}
		out.Tags = append(out.Tags, t)
	}
	return out
}

// operationsOf lists what the document has, by address and then by method.
func operationsOf(api *huma.OpenAPI) []*huma.Operation {
	var out []*huma.Operation
	for _, item := range api.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch} {
			if op != nil {
				out = append(out, op)
			}
		}
	}
	slices.SortFunc(out, func(a, b *huma.Operation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return out
}

func guideTo(api *huma.OpenAPI, op *huma.Operation) guideOperation {
	out := guideOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Says: inWords(op.Description)}
	registry := api.Components.Schemas
	for _, p := range op.Parameters {
		out.Parameters = append(out.Parameters, guideField{p.Name, p.In, kindOf(registry, p.Schema), p.Description, p.Required})
	}
	if op.RequestBody != nil {
		schema := op.RequestBody.Content["application/json"].Schema
		out.Body, out.Send = fieldsOf(registry, schema), pretty(exampleOf(registry, schema))
	}
	for status, r := range op.Responses {
		out.Answers = append(out.Answers, guideAnswer{status, r.Description})
		if kind := r.Content["application/json"]; kind != nil && status == "200" {
			out.Gets = pretty(exampleOf(registry, kind.Schema))
		}
	}
	slices.SortFunc(out.Answers, func(a, b guideAnswer) int { return strings.Compare(a.Status, b.Status) })
	return out
}

func fieldsOf(registry huma.Registry, s *huma.Schema) []guideField {
	if s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	var out []guideField
	for name, p := range s.Properties {
		out = append(out, guideField{name, "", kindOf(registry, p), p.Description, slices.Contains(s.Required, name)})
	}
	slices.SortFunc(out, func(a, b guideField) int {
		if a.Needed != b.Needed {
			return map[bool]int{true: -1, false: 1}[a.Needed]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// kindOf is a schema in a few words.
func kindOf(registry huma.Registry, s *huma.Schema) string {
	if s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	out := s.Type
	switch {
	case len(s.Enum) > 0:
		var all []string
		for _, v := range s.Enum {
			all = append(all, fmt.Sprint(v))
		}
		return "one of " + strings.Join(all, ", ")
	case s.Format != "" && s.Type == huma.TypeString:
		out = s.Format
	case s.Type == huma.TypeArray:
		out = "list of " + kindOf(registry, s.Items)
	}
	if s.MinLength != nil && *s.MinLength > 1 {
		out += fmt.Sprintf(", at least %d characters", *s.MinLength)
	}
	if s.MaxLength != nil {
		out += fmt.Sprintf(", at most %d characters", *s.MaxLength)
	}
	if s.Minimum != nil && s.Maximum != nil {
		out += fmt.Sprintf(" from %g to %g", *s.Minimum, *s.Maximum)
	}
	return out
}

func pretty(v any) string {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(raw)
}

// The marks that our own texts use; nobody else's text gets here.
var (
	boldMark = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	softMark = regexp.MustCompile(`\*([^*]+)\*`)
	codeMark = regexp.MustCompile("`([^`]+)`")
)

// inWords turns the little Markdown of the document into HTML.
func inWords(text string) template.HTML {
	var out strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		p = template.HTMLEscapeString(p)
		p = boldMark.ReplaceAllString(p, "<strong>$1</strong>")
		p = softMark.ReplaceAllString(p, "<em>$1</em>")
		p = codeMark.ReplaceAllString(p, "<code>$1</code>")
		out.WriteString("<p>" + p + "</p>\n")
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above; the marks are ours
}
