package googletest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

type object map[string]any

func reply(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	encode(w, body)
}

func encode(w io.Writer, body object) { _ = json.NewEncoder(w).Encode(body) }

// fail answers an error object.
func fail(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	encode(w, object{"error": object{
		"code": status, "message": message,
		"errors": []object{{"domain": "global", "reason": reason, "message": message}},
	}})
}

func notFound(w http.ResponseWriter, what string) {
	fail(w, http.StatusNotFound, "notFound", "Resource Not Found: "+what)
}

func invalid(w http.ResponseWriter, what string) {
	fail(w, http.StatusBadRequest, "invalid", "Invalid Input: "+what)
}

// acceptable refuses parameters that an operation does not document; alt and
// prettyPrint are every operation's.
func acceptable(w http.ResponseWriter, r *http.Request, keys []string) bool {
	for key, values := range r.URL.Query() {
		if !slices.Contains(keys, key) && key != "alt" && key != "prettyPrint" || len(values) != 1 || key == "alt" && values[0] != "json" {
			invalid(w, key)
			return false
		}
	}
	return true
}

// noBody is for operations whose request has none.
func noBody(w http.ResponseWriter, r *http.Request) bool {
	if body, _ := io.ReadAll(io.LimitReader(r.Body, 1)); len(body) > 0 {
		invalid(w, "body")
		return false
	}
	return true
}
