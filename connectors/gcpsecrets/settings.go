package gcpsecrets

import (
	"cmp"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	defaultBase = "https://secretmanager.googleapis.com"
	maxProject  = 64
)

func checkSettings(s connectors.Settings) (base string, key serviceKey, problems []error) {
	report := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	at, err := rest.CheckBase("base_url", cmp.Or(s.BaseURL, defaultBase), s.AllowPrivate)
	report(err)
	if err == nil {
		base = strings.TrimSuffix(at.String(), "/") + "/"
	}
	switch {
	case s.Project == "":
		report(fmt.Errorf("%w: project, the ID of the Google Cloud project", connectors.ErrMissing))
	case len(s.Project) > maxProject || s.Project[0] == '.' || strings.ContainsFunc(s.Project, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-.:", r) // example.com:old-style
	}):
		report(errors.New("project is not the ID of a Google Cloud project, such as acme-prod"))
	}
	key, err = readKeyFile(s)
	report(err)
	return base, key, problems
}

// serviceKey is a service account's key file.
type serviceKey struct {
	id, email, tokenURL string
	private             *rsa.PrivateKey
}

// readKeyFile says what is wrong with a key file without quoting it.
func readKeyFile(s connectors.Settings) (serviceKey, error) {
	if s.Credentials.Empty() {
		return serviceKey{}, fmt.Errorf("%w: credentials, the service account's key file in JSON", connectors.ErrMissing)
	}
	var file struct {
		Type         string `json:"type"`
		ClientEmail  string `json:"client_email"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		TokenURI     string `json:"token_uri"`
	}
	if json.Unmarshal([]byte(s.Credentials.Expose()), &file) != nil || file.Type != "service_account" || file.ClientEmail == "" {
		return serviceKey{}, errors.New("credentials are not the JSON key file of a service account")
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(file.PrivateKey))
	if err != nil {
		return serviceKey{}, errors.New("credentials hold no private_key that is an RSA key in PEM")
	}
	if _, err := rest.CheckBase("token_uri of the credentials", file.TokenURI, s.AllowPrivate); err != nil {
		return serviceKey{}, err
	}
	return serviceKey{id: file.PrivateKeyID, email: file.ClientEmail, tokenURL: file.TokenURI, private: private}, nil
}
