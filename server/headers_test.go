package server

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// noteHeaders writes down what is the same each time.
func noteHeaders(out *strings.Builder, title string, got reply) {
	fmt.Fprintf(out, "%s\n%d\n", title, got.status)
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		if name == "Date" || name == "Content-Length" {
			continue
		}
		for _, value := range got.header[name] {
			fmt.Fprintf(out, "%s: %s\n", name, value)
		}
	}
	out.WriteString("\n")
}

// TestHeadersGolden writes down every header of every kind of answer.
func TestHeadersGolden(t *testing.T) {
	t.Parallel()
	plain, secured := setup(t), setupWith(t, Deps{Secure: true})
	var out strings.Builder
	note := func(title string, got reply) { noteHeaders(&out, title, got) }
	_, path := plain.issueTempo(t)
	note("HEAD a ticket", plain.do(t, http.MethodHead, path))
	note("GET a ticket, ahead of the person", plain.do(t, http.MethodGet, path, "Sec-Purpose", "prefetch"))
	note("GET a ticket", plain.do(t, http.MethodGet, path))
	note("POST a ticket from elsewhere", plain.do(t, http.MethodPost, path, "Sec-Fetch-Site", "cross-site"))
	note("POST a ticket", plain.do(t, http.MethodPost, path))
	note("GET a spent ticket", plain.do(t, http.MethodGet, path))
	note("DELETE a ticket", plain.do(t, http.MethodDelete, path))
	note("GET an unknown ticket", plain.do(t, http.MethodGet, "/reveal/unknown"))
	note("GET a path that is not clean", plain.do(t, http.MethodGet, "//reveal/unknown"))
	note("GET the style", plain.do(t, http.MethodGet, "/assets/style.css"))
	note("GET the script", plain.do(t, http.MethodGet, "/assets/reveal.js"))
	note("GET an unknown asset", plain.do(t, http.MethodGet, "/assets/other.js"))
	note("GET an unknown page", plain.do(t, http.MethodGet, "/wp-login.php"))
	note("GET /", plain.do(t, http.MethodGet, "/"))
	note("GET /healthz", plain.do(t, http.MethodGet, "/healthz"))
	note("GET /readyz", plain.do(t, http.MethodGet, "/readyz"))
	note("GET / over https", secured.do(t, http.MethodGet, "/"))
	golden(t, "headers.txt", out.String())
}
