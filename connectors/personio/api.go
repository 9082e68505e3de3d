package personio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

const (
	tokenPath          = "/v2/auth/token" //nolint:gosec // a path
	maxToken           = 64 << 10
	timeout            = 30 * time.Second
	defaultRetryAfter  = 10 * time.Second
	employmentsPerPage = "50"
)

// api is the API with an access token, which is asked for anew for each
// delivery: there are few of them, and a token that is never kept can't leak.
type api struct{ client *rest.Client }

func (c *Connector) signIn(ctx context.Context) (api, error) {
	token, err := c.token(ctx)
	if err != nil {
		return api{}, fmt.Errorf("ask for an access token: %w", err)
	}
	return api{rest.New(rest.Config{
		Base: c.base, Header: "Authorization", Credential: secret.New("Bearer " + token), Transport: c.wire,
	})}, nil
}

// token gets an access token for our credentials (RFC 6749, section 4.4). What
// the vendor answers besides is in no error: it may quote them.
func (c *Connector) token(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.id}, "client_secret": {c.secret.Expose()}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(tokenPath).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", errors.New("make request")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	resp, err := c.wire.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		after, ok := connectors.RetryAfter(resp.Header, c.now())
		if !ok {
			after = defaultRetryAfter
		}
		return "", &connectors.RateLimitedError{After: after}
	case resp.StatusCode != http.StatusOK:
		return "", &rest.Error{Method: http.MethodPost, Path: tokenPath, Status: resp.StatusCode}
	}
	body, err := rest.ReadAll(resp.Body, maxToken)
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Token == "" || strings.ContainsFunc(answer.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("the answer holds none")
	}
	return answer.Token, nil
}

type person struct {
	ID            rest.Identifier `json:"id"`
	Email         string          `json:"email"`
	FirstName     string          `json:"first_name"`
	LastName      string          `json:"last_name"`
	PreferredName string          `json:"preferred_name"`
	Status        string          `json:"status"`
}

func (p person) account() connectors.AccountRef {
	name := strings.TrimSpace(p.FirstName + " " + p.LastName)
	return connectors.AccountRef{ID: string(p.ID), Email: p.Email, Name: cmp.Or(name, p.PreferredName)}
}

func (a api) person(ctx context.Context, id string) (person, error) {
	var p person
	path := rest.Path("v2", "persons", id)
	if _, err := a.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: path}, &p); err != nil {
		return person{}, err
	}
	if string(p.ID) != id {
		return person{}, fmt.Errorf("GET %s: the answer is about another person", path)
	}
	return p, nil
}

type employment struct {
	Status      string `json:"status"`
	StartDate   string `json:"employment_start_date"`
	Termination struct {
		Date    string `json:"termination_date"`
		LastDay string `json:"last_working_date"`
	} `json:"termination"`
}

func (a api) employments(ctx context.Context, id string) ([]employment, error) {
	var page struct {
		Data []employment `json:"_data"`
		Meta struct {
			Links map[string]any `json:"links"`
		} `json:"_meta"`
	}
	path := rest.Path("v2", "persons", id, "employments")
	_, err := a.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: path, Query: url.Values{"limit": {employmentsPerPage}}}, &page)
	switch {
	case err != nil:
		return nil, err
	case page.Data == nil: // which is no list and must not look like an empty one
		return nil, fmt.Errorf("GET %s: the answer is no list", path)
	case page.Meta.Links["next"] != nil:
		return nil, fmt.Errorf("GET %s: more employments than a person has", path)
	}
	return page.Data, nil
}
