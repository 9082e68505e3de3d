package personio

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/secret"
)

// verify proves that the delivery was sent to the address that only Personio
// was told: ?token=<secret>, or, where a relay can set a header,
// Authorization: Bearer <secret>. One of the two, and once.
func verify(hook secret.Value, r *http.Request) error {
	headers := r.Header.Values("Authorization")
	query, err := url.ParseQuery(r.URL.RawQuery)
	tokens := query["token"]
	delete(query, "token")
	switch {
	case err != nil || len(query) > 0:
		return unverified("want no other query parameter than one token")
	case len(headers)+len(tokens) != 1:
		return unverified("want the secret once, as token in the query or as bearer in the Authorization header")
	}
	given := ""
	if len(tokens) == 1 {
		given = tokens[0]
	} else if scheme, value, _ := strings.Cut(headers[0], " "); strings.EqualFold(scheme, "Bearer") {
		given = value
	}
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(hook.Expose()))
	if !hmac.Equal(got[:], want[:]) {
		return unverified("the secret is wrong")
	}
	return nil
}

func unverified(why string) error { return fmt.Errorf("%w: %s", connectors.ErrUnverified, why) }
