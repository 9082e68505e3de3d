package awssecretstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

const (
	maxBody      = 1 << 20
	badParameter = "InvalidParameterException"
	badState     = "InvalidRequestException"
)

type object map[string]any

// reply is an answer before it is sent.
type reply struct {
	status int
	body   object // nil for none
}

func (a reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(a.status)
	if a.body != nil {
		_ = json.NewEncoder(w).Encode(a.body)
	}
}

func ok(body object) reply { return reply{status: http.StatusOK, body: body} }

// refuse is 400 for every code that is not a fault of AWS's.
func refuse(code, message string) reply {
	return reply{status: http.StatusBadRequest, body: object{"__type": code, "Message": message}}
}

func notFound() reply {
	return refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// operationOf is what a request asks for, or what it said instead.
func operationOf(r *http.Request) string {
	target := r.Header.Get("X-Amz-Target")
	operation, found := strings.CutPrefix(target, "secretsmanager.")
	if !found {
		return "unknown target " + target
	}
	return operation
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
