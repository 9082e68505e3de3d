package atlassian_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/secret"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func fixedNow() time.Time { return start }

type bundle struct {
	*atlassiantest.Double
	c            *atlassian.Connector
	base         string
	admin        secret.Value
	alice, frank string
}

// setup opens the connector over the plain transport, so that no retries hide
// what the vendor does. Pages have two rows.
func setup(t *testing.T) bundle {
	t.Helper()
	d, base := atlassiantest.Start(t, atlassiantest.Config{PageCap: 2, Now: fixedNow})
	b := bundle{Double: d, base: base, admin: d.AddOrgKey(atlassiantest.OrgKey{Label: "Latchkey"}).Secret}
	b.alice = d.AddPerson(atlassiantest.Person{Name: "Alice Ames", Email: "alice@example.com"})
	b.frank = d.AddPerson(atlassiantest.Person{Name: "Frank Fox", Email: "frank@example.com"})
	b.c = b.open(t, b.admin)
	return b
}

func (b bundle) open(t *testing.T, key secret.Value) *atlassian.Connector {
	t.Helper()
	c, err := atlassian.Open(b.settings(key), http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(fixedNow)
	return c
}

func (b bundle) settings(key secret.Value) connectors.Settings {
	return connectors.Settings{
		Name: "jira", Kind: "atlassian", BaseURL: b.base, AllowPrivate: true, OrgID: b.OrgID(), APIKey: key,
	}
}

// token makes one token of Frank's and its Ref, as the connector writes it.
func (b bundle) token(label string) (connectors.Ref, secret.Value) {
	made := b.AddUserToken(atlassiantest.Token{
		Owner: b.frank, Label: label, Scopes: []string{"read:jira-work"}, ExpiresAt: start.AddDate(0, 1, 0),
	})
	return connectors.Ref{ID: "user-token/" + b.frank + "/" + made.ID}, made.Secret
}

func (b bundle) list(t *testing.T) (rows []connectors.Credential, errs []error) {
	t.Helper()
	for c, err := range b.c.Credentials(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rows = append(rows, c)
	}
	return rows, errs
}

// ambiguous is an error after which work goes on trying.
func ambiguous(err error) bool {
	var limited *connectors.RateLimitedError
	return err != nil && !errors.Is(err, connectors.ErrUnrecoverable) && !errors.Is(err, connectors.ErrUnsupported) &&
		!errors.As(err, &limited)
}
