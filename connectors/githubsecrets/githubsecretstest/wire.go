package githubsecretstest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

const docs = "https://docs.github.com/rest"

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)})
}

func notFound(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not Found") }

// invalid is the vendor's 422.
func invalid(w http.ResponseWriter, field, message string) {
	reply(w, http.StatusUnprocessableEntity, map[string]any{
		"message": "Validation Failed", "documentation_url": docs, "status": "422",
		"errors": []map[string]string{{"resource": "Request", "field": field, "code": "custom", "message": message}},
	})
}

// read decodes a body, an object that has no field but in's, or answers and is
// false.
func read(w http.ResponseWriter, r *http.Request, in any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || !json.Valid(body) || body[0] != '{' {
		fail(w, http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(in); err != nil {
		invalid(w, "body", "a field is unknown or of another type")
		return false
	}
	return true
}
