package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkQuery refuses a query that can't be decoded, that carries a
// credential, or that asks the vendor for another method or another person's
// rights. Whatever else it says is the vendor's business.
func checkQuery(query string) *refusal {
	if query == "" {
		return nil
	}
	if !decodable(query) {
		return refuse(http.StatusBadRequest, "malformed_query", "The query holds a broken percent-encoding or a NUL.")
	}
	for rest, more := query, true; more; {
		var pair string
		i := strings.IndexAny(rest, "&;") // some servers split at both
		if more = i >= 0; more {
			pair, rest = rest[:i], rest[i+1:]
		} else {
			pair = rest
		}
		name, _, _ := strings.Cut(pair, "=")
		switch name = parameterName(name); {
		case slices.Contains(credentialParameters, name):
			return keyInURL()
		case slices.Contains(overrideParameters, name):
			return refuse(http.StatusBadRequest, "override", "The query asks for another method or another person's rights, which the gateway does not let through.")
		}
	}
	return nil
}

var (
	credentialParameters = []string{"access_token", "private_token", "job_token", "oauth_token", "bearer_token", "jwt", "os_username", "os_password"}
	overrideParameters   = []string{"_method", "method_override", "x-http-method-override", "x-http-method", "x-method-override", "sudo"}
)

// parameterName reads a name as the most liberal servers do: decoded, without
// its subscript, in lower case.
func parameterName(s string) string {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			return ""
		}
		s = strings.TrimSpace(decoded)
	}
	s, _, _ = strings.Cut(s, "[")
	return strings.ToLower(s)
}

func decodable(query string) bool {
	for i := 0; i < len(query); i++ {
		if query[i] != '%' {
			continue
		}
		if i+2 >= len(query) || !isHex(query[i+1]) || !isHex(query[i+2]) || query[i+1:i+3] == "00" {
			return false
		}
		i += 2
	}
	return true
}

func keyInURL() *refusal {
	return refuse(http.StatusBadRequest, "key_in_url",
		"Credentials in an address end up in logs and histories. Send the key as a header: Authorization: Bearer <key>. If this was a live key, rotate it.")
}
