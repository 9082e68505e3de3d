package gateway

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// keyText takes the key out of the Authorization header or, where there is
// none, out of the one in which GitLab's own clients send it. Vendors' clients
// have schemes of their own for a token, and some send it as a password.
func keyText(h http.Header) string {
	values := h["Authorization"]
	if len(values) == 0 && len(h["Private-Token"]) == 1 {
		return h["Private-Token"][0]
	}
	if len(values) != 1 {
		return ""
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	switch {
	case !ok:
		return ""
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "Token"), strings.EqualFold(scheme, "TISJWT"):
		return text
	case strings.EqualFold(scheme, "Basic"):
		pair, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return ""
		}
		_, password, _ := strings.Cut(string(pair), ":")
		return password
	}
	return ""
}

var errUpgrade = refuse(http.StatusBadRequest, "upgrade",
	"The gateway changes protocols to WebSocket only, by the handshake of RFC 6455 over HTTP/1.1, and only where a scope has a rule for it.")

// checkHeaders refuses headers that ask for another protocol or another
// method, or that would have the proxy drop headers at the client's wish.
func checkHeaders(h http.Header, upgrade bool) *refusal {
	if h["Upgrade"] != nil && !upgrade {
		return errUpgrade
	}
	for _, value := range h["Connection"] {
		if upgrade {
			break // it says that and no more
		}
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

// goesOn reports whether a client's header goes on to the vendor. Who the
// client is, was or wants to be is said by the gateway's own credential alone,
// the path by the request line alone, and what belongs to one connection ends
// with it. A name with an underscore is dropped because CGI and its heirs read
// it as the one with a hyphen; Accept-Encoding because answers are searched
// for the vendor's secret, which compression would hide.
func goesOn(name string) bool {
	switch name {
	case "Authorization", "Cookie", "Forwarded", "Via", "Expect", "Max-Forwards", "Accept-Encoding",
		"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
		"Api-Key", "Apikey", "X-Api-Key", "X-Access-Token", "X-Csrf-Token", "Private-Token", "Job-Token", "Deploy-Token", "Sudo",
		"Client-Ip", "X-Client-Ip", "True-Client-Ip", "X-Cluster-Client-Ip", "Fastly-Client-Ip", "X-Client-Cert", "X-Client-Dn",
		"Remote-User", "Remote-Groups", "X-User", "X-Username", "X-Email",
		"X-Host", "X-Url", "X-Request-Uri", "X-Proxy-Url", "X-Http-Destinationurl", "X-Scheme", "X-Url-Scheme", "X-Ssl", "Front-End-Https":
		return false
	}
	if strings.IndexByte(name, '_') >= 0 {
		return false
	}
	switch name[0] {
	case 'X', 'I', 'C', 'P', 'S', 'L':
		return !hasDroppedPrefix(name)
	}
	return true
}

func hasDroppedPrefix(name string) bool {
	for _, prefix := range []string{
		"X-Forwarded", "X-Original", "X-Rewrite", "X-Real-", "X-Auth-", "X-Authenticated", "X-Remote-", "X-User-", "X-Ssl-", "X-Token",
		"X-Goog-Authenticated", "X-Goog-Iap", "X-Ms-Client-Principal", "X-Envoy-", "X-Webauth-", "X-Impersonate", "Impersonate-",
		"Cf-", "Proxy-", "Ssl-", "Latchkey-",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// comesBack reports whether a vendor's header goes back to the client. Its
// session does not, nor what it says about its own host to browsers and to
// clients that authenticate themselves, nor what belongs to one connection.
func comesBack(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Www-Authenticate", "Authentication-Info", "Alt-Svc", "Strict-Transport-Security",
		"Public-Key-Pins", "Clear-Site-Data", "Nel", "Report-To", "Reporting-Endpoints",
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return false
	}
	return true
}
