package kubernetes

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

// maxToken is far above a service account's token with all its claims.
const maxToken = 16 << 10

// Open checks the settings, reporting every problem at once, and does not
// dial. Required are base_url, which is the API server's, token, a service
// account's, and namespace, which is where a place without one is.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	return &Connector{
		namespace: s.Namespace,
		api:       newClient(base, s.Token, rt, nil),
		merge:     newClient(base, s.Token, rt, map[string]string{"Content-Type": "application/merge-patch+json"}),
	}, nil
}

func newClient(base *url.URL, token secret.Value, rt http.RoundTripper, extra map[string]string) *rest.Client {
	return rest.New(rest.Config{
		Base: base, Header: "Authorization", Credential: secret.New("Bearer " + token.Expose()), Extra: extra, Transport: rt,
	})
}

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	for _, need := range []struct {
		key    string
		absent bool
	}{
		{"base_url", s.BaseURL == ""},
		{"token", s.Token.Empty()},
		{"namespace", s.Namespace == ""},
	} {
		if need.absent {
			problems = append(problems, fmt.Errorf("%w: %s", connectors.ErrMissing, need.key))
		}
	}
	if !s.Token.Empty() && !fitsHeader(s.Token.Expose()) {
		problems = append(problems, errors.New("token is too long, or holds a space or a character no header can carry"))
	}
	if s.Namespace != "" && !isLabel(s.Namespace) {
		problems = append(problems, fmt.Errorf("namespace %q is not the name of a namespace", s.Namespace))
	}
	if s.Certificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(s.Certificate)) {
		problems = append(problems, errors.New("certificate holds no certificate in PEM"))
	}
	if s.BaseURL == "" {
		return nil, problems
	}
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	if err != nil {
		problems = append(problems, err)
	}
	return base, problems
}

func fitsHeader(s string) bool {
	return len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
