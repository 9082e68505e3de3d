package kubernetestest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const maxBody = 3 << 20 // of a request, as a server has it by default

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", applicationJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// fail answers a Status of meta/v1.
func fail(w http.ResponseWriter, status int, reason, message string) {
	reply(w, status, map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure",
		"message": message, "reason": reason, "code": status,
	})
}

func unprocessable(w http.ResponseWriter, secretName, problem string) {
	fail(w, http.StatusUnprocessableEntity, "Invalid", fmt.Sprintf("Secret %q is invalid: %s", secretName, problem))
}

// read decodes a body of JSON, or answers and is false.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if r.Header.Get("Content-Type") != applicationJSON {
		fail(w, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body of the request was in an unknown format")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || strict(body, into) != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "the body is not the object expected: strict decoding error")
		return false
	}
	return true
}

func strict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}
