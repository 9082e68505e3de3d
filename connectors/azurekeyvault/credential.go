package azurekeyvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// limitPause is for a limit that does not say when to come back.
const limitPause = 10 * time.Second

// credential gets tokens for our application (OAuth 2.0 client credentials).
// The client keeps them. azidentity is not used, because it asks for the
// authority's metadata at other addresses, and looks at the environment.
type credential struct {
	tenant string
	config clientcredentials.Config
	wire   *http.Client
	now    func() time.Time
}

// GetToken implements azcore.TokenCredential. Where to ask is never taken from
// the vault's challenge.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if o.TenantID != "" && !strings.EqualFold(o.TenantID, c.tenant) {
		return azcore.AccessToken{}, &tokenError{fmt.Errorf("%w: the vault belongs to another directory than tenant_id", connectors.ErrUnrecoverable)}
	}
	ask := c.config
	ask.Scopes = o.Scopes
	token, err := ask.Token(context.WithValue(ctx, oauth2.HTTPClient, c.wire))
	if err != nil {
		return azcore.AccessToken{}, &tokenError{c.refusal(err)}
	}
	if token.Expiry.IsZero() {
		return azcore.AccessToken{}, &tokenError{errors.New("the answer does not say how long the token lives")}
	}
	return azcore.AccessToken{Token: token.AccessToken, ExpiresOn: token.Expiry}, nil
}

// refusal quotes of the answer only the codes by which one looks up what is
// wrong: AADSTS7000215 is a wrong client secret.
func (c *credential) refusal(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return noAnswer("POST", err)
	}
	status := refused.Response.StatusCode
	said := regexp.MustCompile(`^AADSTS[0-9]{1,10}`).FindString(refused.ErrorDescription)
	if regexp.MustCompile(`^[a-z_]{1,40}$`).MatchString(refused.ErrorCode) {
		said = strings.TrimSpace(refused.ErrorCode + " " + said)
	}
	if status == http.StatusTooManyRequests {
		return &connectors.RateLimitedError{After: pauseOf(refused.Response.Header, c.now())}
	}
	return &rest.Error{Method: http.MethodPost, Path: refused.Response.Request.URL.EscapedPath(), Status: status, Detail: said}
}

func pauseOf(h http.Header, now time.Time) time.Duration {
	after, ok := connectors.RetryAfter(h, now)
	if !ok {
		return limitPause
	}
	return after
}

// tokenError says that a call was not made for want of a token. It hides the
// status, which is not the vault's.
type tokenError struct{ err error }

// Error implements error.
func (e *tokenError) Error() string { return fmt.Sprintf("get a token: %s", e.err) }

// Unwrap implements the errors package's interface.
func (e *tokenError) Unwrap() error {
	if errors.Is(e.err, connectors.ErrUnrecoverable) {
		return connectors.ErrUnrecoverable
	}
	return e.err
}
