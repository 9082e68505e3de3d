package gateway

import (
	"net/http"
	"strings"
)

// bearer takes the key out of the Authorization header.
func bearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return key
}

// checkHeaders refuses headers that ask for another protocol or another
// method, or that would have the proxy drop headers at the client's wish.
func checkHeaders(h http.Header) *refusal {
	if h["Upgrade"] != nil {
		return refuse(http.StatusBadRequest, "upgrade", "The gateway does not change protocols.")
	}
	for _, value := range h["Connection"] {
		for option := range strings.SplitSeq(value, ",") {
			switch strings.ToLower(strings.TrimSpace(option)) {
			case "", "close", "keep-alive", "te":
			default:
				return refuse(http.StatusBadRequest, "connection_header", "The Connection header may say close or keep-alive only.")
			}
		}
	}
	for name := range h {
		if isOverride(name) {
			return refuse(http.StatusBadRequest, "override", "A header asks for another method than the request line, which the gateway does not let through.")
		}
	}
	return nil
}

// isOverride reports whether a header, by its canonical name, is one by which
// frameworks let a request change its method.
func isOverride(name string) bool {
	if len(name) < 8 || name[0] != 'X' {
		return false
	}
	name = strings.ReplaceAll(name, "_", "-")
	return strings.EqualFold(name, "X-Http-Method") || strings.EqualFold(name, "X-Method") ||
		strings.HasSuffix(strings.ToLower(name), "method-override")
}

// Headers that do not go on to the vendor: who the client is, was or wants to
// be is said by the gateway's own credential alone, and the path by the
// request line alone.
var (
	droppedHeaders = map[string]bool{
		"Authorization": true, "Cookie": true, "Forwarded": true, "Via": true, "Expect": true, "Te": true, "Max-Forwards": true,
		"Accept-Encoding": true, // answers are searched for the vendor's secret, which compression would hide
		"Api-Key":         true, "Apikey": true, "Private-Token": true, "Job-Token": true, "Deploy-Token": true, "Sudo": true,
		"X-Api-Key": true, "X-Access-Token": true, "X-Csrf-Token": true,
		"Client-Ip": true, "True-Client-Ip": true, "X-Client-Ip": true, "X-Cluster-Client-Ip": true, "Fastly-Client-Ip": true,
		"Remote-User": true, "Remote-Groups": true, "X-User": true, "X-Username": true, "X-Email": true, "X-Host": true,
		"X-Url-Scheme": true, "X-Scheme": true, "X-Ssl": true, "Front-End-Https": true, "X-Request-Uri": true, "X-Url": true,
		"X-Http-Destinationurl": true, "X-Proxy-Url": true, "X-Client-Cert": true, "X-Client-Dn": true,
	}
	droppedPrefixes = []string{
		"X-Forwarded", "X-Original", "X-Rewrite", "X-Real-", "X-Auth-", "X-Authenticated", "X-Remote-", "X-User-", "X-Ssl-",
		"X-Goog-Authenticated", "X-Goog-Iap", "X-Ms-Client-Principal", "X-Envoy-", "X-Webauth-", "X-Token", "X-Impersonate",
		"Impersonate-", "Cf-", "Proxy-", "Ssl-", "Latchkey-",
	}
)

// dropHeaders takes out what must not reach the vendor. A name with an
// underscore goes too: CGI and its heirs read it as the one with a hyphen.
func dropHeaders(h http.Header) {
	for name := range h {
		if droppedHeaders[name] || strings.IndexByte(name, '_') >= 0 || hasDroppedPrefix(name) {
			delete(h, name)
		}
	}
}

func hasDroppedPrefix(name string) bool {
	switch name[0] {
	case 'X', 'I', 'C', 'P', 'S', 'L':
	default:
		return false
	}
	for _, prefix := range droppedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// answerDropped are the vendor's headers that must not reach the client: its
// session, and what it says about its own host to browsers and to clients
// that authenticate themselves.
var answerDropped = []string{
	"Set-Cookie", "Set-Cookie2", "Www-Authenticate", "Authentication-Info", "Alt-Svc", "Strict-Transport-Security",
	"Public-Key-Pins", "Clear-Site-Data", "Nel", "Report-To", "Reporting-Endpoints",
}
