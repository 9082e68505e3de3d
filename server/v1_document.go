package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// openDocument serves the document of the API, for programs and for people.
// Nobody needs a key for it: it says what there is and nothing of what is in
// it.
func (s *Server) openDocument(mux *http.ServeMux, api *huma.OpenAPI) {
	asJSON := sync.OnceValues(func() ([]byte, error) { return json.Marshal(api) })
	asYAML := sync.OnceValues(api.YAML)
	guide := sync.OnceValue(func() guide { return guideOf(api) })
	mux.HandleFunc("GET /v1/openapi.json", s.document("application/openapi+json", asJSON))
	mux.HandleFunc("GET /v1/openapi.yaml", s.document("application/openapi+yaml", asYAML))
	mux.HandleFunc("GET /v1/docs", func(w http.ResponseWriter, r *http.Request) { s.write(w, r, http.StatusOK, "api.html", guide()) })
}

func (s *Server) document(kind string, text func() ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := text()
		if err != nil {
			s.giveUp(w, r, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(raw) // a client that went away needs no answer
	}
}
