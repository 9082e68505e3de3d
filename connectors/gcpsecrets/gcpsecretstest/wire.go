package gcpsecretstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

const maxBody = 1 << 20

type object map[string]any

// reply is an answer before it is sent.
type reply struct {
	status int
	body   object
}

func (a reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func ok(body object) reply { return reply{status: http.StatusOK, body: body} }

// fail answers a google.rpc.Status.
func fail(status int, code, message string) reply {
	return reply{status: status, body: object{"error": object{"code": status, "message": message, "status": code}}}
}

func notFound(what string) reply {
	return fail(http.StatusNotFound, "NOT_FOUND", "Secret [projects/"+projectNumber+"/secrets/"+what+"] not found or has no versions.")
}

func denied(permission string) reply {
	return fail(http.StatusForbidden, "PERMISSION_DENIED", "Permission '"+permission+"' denied for resource (or it may not exist).")
}

func readBody(r *http.Request) (body []byte, fine bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	return body, err == nil && len(body) < maxBody
}

func decode(body []byte, into any) bool {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(into) != nil {
		return false
	}
	_, err := decoder.Token()
	return errors.Is(err, io.EOF)
}
