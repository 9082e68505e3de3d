package vaulttest

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
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

// envelope is what every answer of Vault's is wrapped in.
func envelope(data object, mountType string) object {
	return object{
		"request_id": "00000000-0000-4000-8000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": mountType,
	}
}

func ok(data object, mountType string) reply {
	return reply{status: http.StatusOK, body: envelope(data, mountType)}
}

func refuse(status int, said ...string) reply {
	if said == nil {
		said = []string{} // a 404 has an empty list
	}
	return reply{status: status, body: object{"errors": said}}
}

// readBody refuses a body where a call has none.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, fine bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, false
	case len(body) > maxBody:
		refuse(http.StatusRequestEntityTooLarge, "http: request body too large").write(w)
		return nil, false
	case r.Method == http.MethodGet && len(body) > 0:
		refuse(http.StatusBadRequest, "the double takes no body here").write(w)
		return nil, false
	}
	return body, true
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
