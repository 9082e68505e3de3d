package google

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2/google"
	"golang.org/x/oauth2/jwt"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

func checkSettings(s connectors.Settings) (base string, conf *jwt.Config, problems []error) {
	report := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	base, err := checkBase(s)
	report(err)
	switch {
	case s.Subject == "":
		report(fmt.Errorf("%w: subject, the e-mail address of the administrator to act as", connectors.ErrMissing))
	case !strings.Contains(s.Subject, "@") || !validKey(s.Subject):
		report(errors.New("subject is not an e-mail address"))
	}
	conf, err = readKeyFile(s)
	report(err)
	return base, conf, problems
}

func checkBase(s connectors.Settings) (string, error) {
	base, err := rest.CheckBase("base_url", cmp.Or(s.BaseURL, defaultBase), s.AllowPrivate)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base.String(), "/") + "/", nil
}

// readKeyFile reads a service account's key file. What is wrong with it is
// said without quoting it.
func readKeyFile(s connectors.Settings) (*jwt.Config, error) {
	if s.Credentials.Empty() {
		return nil, fmt.Errorf("%w: credentials, the service account's key file in JSON", connectors.ErrMissing)
	}
	conf, err := google.JWTConfigFromJSON([]byte(s.Credentials.Expose()), delegated()...)
	if err != nil {
		return nil, errors.New("credentials are not the JSON key file of a service account")
	}
	if conf.Email == "" {
		return nil, errors.New("credentials name no client_email")
	}
	if err := checkKey(conf.PrivateKey); err != nil {
		return nil, err
	}
	if _, err := rest.CheckBase("token_uri of the credentials", conf.TokenURL, s.AllowPrivate); err != nil {
		return nil, err
	}
	conf.Subject = s.Subject
	return conf, nil
}

// checkKey makes a key that can't sign a fault of the configuration, and not
// of the first sync.
func checkKey(text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("credentials hold no private_key in PEM")
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if _, ok := key.(*rsa.PrivateKey); ok {
			return nil
		}
	} else if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return nil
	}
	return errors.New("credentials hold a private_key that is no RSA key")
}
