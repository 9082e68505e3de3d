package server

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"latchkey/workflow"
)

// maxSCIMBody bounds the body of one request, in bytes.
const maxSCIMBody = 1 << 20

// readSCIM reads the body of a request, whole.
func readSCIM(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != scimType && kind != "application/json" {
		return nil, scimRefuse(http.StatusUnsupportedMediaType, "", "Send JSON, with Content-Type: %s.", scimType)
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, scimRefuse(http.StatusUnsupportedMediaType, "", "Send the body as it is, not compressed.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSCIMBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, scimRefuse(http.StatusRequestEntityTooLarge, "", "The body is larger than %d KiB.", maxSCIMBody>>10)
	}
	if err != nil {
		return nil, scimRefuse(http.StatusBadRequest, workflow.SCIMInvalidSyntax, "The body did not arrive whole.")
	}
	return workflow.DecodeSCIM(raw)
}

// scimQuery is what a request asks to see.
type scimQuery struct {
	workflow.SCIMQuery
	projection workflow.SCIMProjection
	chosen     bool // it names attributes
}

// readQuery reads the parameters of an address.
func readQuery(r *http.Request) (scimQuery, error) {
	q := scimQuery{SCIMQuery: workflow.SCIMQuery{Start: 1, Count: workflow.SCIMDefaultPage}}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, badQuery("The query of the address can't be read.")
	}
	for _, name := range []string{"filter", "startIndex", "count"} {
		if len(params[name]) > 1 {
			return q, badQuery("The parameter %s is there twice.", name)
		}
	}
	q.Filter = params.Get("filter")
	for name, into := range map[string]*int{"startIndex": &q.Start, "count": &q.Count} {
		if !params.Has(name) {
			continue
		}
		if *into, err = number(params.Get(name)); err != nil {
			return q, badQuery("%s has to be a whole number.", name)
		}
	}
	return q.choose(params["attributes"], params["excludedAttributes"])
}

// number reads a whole number. One that is too large is the largest.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if errors.Is(err, strconv.ErrRange) {
		return n, nil
	}
	return n, err
}

func badQuery(format string, args ...any) scimProblem {
	return scimRefuse(http.StatusBadRequest, workflow.SCIMInvalidValue, format, args...)
}

func (q scimQuery) choose(only, without []string) (scimQuery, error) {
	nonEmpty := func(list []string) (out []string) {
		for _, s := range list {
			if strings.TrimSpace(s) != "" {
				out = append(out, s)
			}
		}
		return out
	}
	var err error
	only, without = nonEmpty(only), nonEmpty(without)
	q.projection, err = workflow.ParseSCIMProjection(only, without)
	q.chosen = len(only) > 0
	q.LeaveMembers = q.projection.Leaves("members")
	return q, err
}

// readSearch reads the body of a search (RFC 7644, 3.4.3).
func readSearch(body map[string]any) (scimQuery, error) {
	q := scimQuery{SCIMQuery: workflow.SCIMQuery{Start: 1, Count: workflow.SCIMDefaultPage}}
	lists := map[string][]string{}
	for name, v := range body {
		var err error
		switch strings.ToLower(name) {
		case "filter":
			s, ok := v.(string)
			if !ok {
				return q, badQuery("filter has to be a string.")
			}
			q.Filter = s
		case "startindex":
			q.Start, err = number(numeral(v))
		case "count":
			q.Count, err = number(numeral(v))
		case "attributes", "excludedattributes":
			list, ok := v.([]any)
			if !ok {
				return q, badQuery("%s has to be a list.", cutName(name))
			}
			for _, one := range list {
				s, _ := one.(string)
				lists[strings.ToLower(name)] = append(lists[strings.ToLower(name)], s)
			}
		}
		if err != nil {
			return q, badQuery("%s has to be a whole number.", cutName(name))
		}
	}
	return q.choose(lists["attributes"], lists["excludedattributes"])
}

func numeral(v any) string {
	n, _ := v.(json.Number)
	return n.String()
}

// versions reads If-Match: the versions that a change may be made to. Nil is
// any.
func versions(r *http.Request) workflow.SCIMVersions {
	return tags(r.Header.Values("If-Match"))
}

func tags(headers []string) workflow.SCIMVersions {
	if len(headers) == 0 {
		return nil
	}
	out := workflow.SCIMVersions{}
	for tag := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil
		}
		tag = strings.TrimPrefix(tag, "W/")
		if n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// knows tells whether the client has this version already.
func knows(r *http.Request, version int64) bool {
	headers := r.Header.Values("If-None-Match")
	if len(headers) == 0 {
		return false
	}
	known := tags(headers)
	if known == nil {
		return true
	}
	return slices.Contains(known, version)
}
