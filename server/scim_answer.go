package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"latchkey/workflow"
)

// scimType is the media type of every answer.
const scimType = "application/scim+json"

// scimProblem is what went wrong, for a directory (RFC 7644, 3.12).
type scimProblem struct {
	Schemas  [1]string `json:"schemas"`
	Status   string    `json:"status"`
	SCIMType string    `json:"scimType,omitempty"`
	Detail   string    `json:"detail"`

	status    int
	challenge string        // WWW-Authenticate
	after     time.Duration // Retry-After
}

// Error implements error.
func (p scimProblem) Error() string { return p.Detail }

func scimRefuse(status int, sort, format string, args ...any) scimProblem {
	return scimProblem{Schemas: [1]string{"urn:ietf:params:scim:api:messages:2.0:Error"}, Status: strconv.Itoa(status), SCIMType: sort,
		Detail: fmt.Sprintf(format, args...), status: status}
}

// scimProblemOf maps an error to what directories are told.
func scimProblemOf(err error) scimProblem {
	if p, ok := errors.AsType[scimProblem](err); ok {
		return p
	}
	if e, ok := errors.AsType[workflow.SCIMError](err); ok {
		switch e.Type {
		case workflow.SCIMNotFound:
			return scimRefuse(http.StatusNotFound, "", "%s", e.Detail)
		case workflow.SCIMChanged:
			return scimRefuse(http.StatusPreconditionFailed, "", "%s", e.Detail)
		case workflow.SCIMUniqueness:
			return scimRefuse(http.StatusConflict, e.Type, "%s", e.Detail)
		}
		return scimRefuse(http.StatusBadRequest, e.Type, "%s", e.Detail)
	}
	general := problemOf(err)
	p := scimRefuse(general.Status, "", "%s", general.Detail)
	p.challenge, p.after = general.challenge, general.after
	return p
}

// giveUp answers a request that failed, once for all of them.
func (d *scim) giveUp(w http.ResponseWriter, r *http.Request, err error) {
	p := scimProblemOf(err)
	if p.status >= http.StatusInternalServerError && p.status != http.StatusNotImplemented {
		level := zerolog.ErrorLevel
		if r.Context().Err() != nil {
			level = zerolog.DebugLevel // the client went away, and that is the error
		}
		d.log.WithLevel(level).Err(err).Str("ref", refOf(r)).Str("route", route(r)).Msg("request failed")
		if p.status == http.StatusInternalServerError {
			p.Detail = "Something went wrong here. Tell an admin the reference " + refOf(r) + "."
		}
	}
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	if p.after > 0 {
		w.Header().Set("Retry-After", seconds(p.after))
	}
	writeSCIM(w, p.status, p)
}

// writeSCIM writes an answer. Text stays as it is: nobody puts it into a page.
func writeSCIM(w http.ResponseWriter, status int, body any) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		status = http.StatusInternalServerError
		out.Reset()
	}
	w.Header().Set("Content-Type", scimType)
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a client that went away needs no answer
}
