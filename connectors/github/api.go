package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	timeout = 30 * time.Second // of one call with its retries
	maxBody = 8 << 20
)

// api is the vendor's client under one identity. Its requests and error
// answers are the client's; answers are decoded here, because the client caps
// no size, and takes an answer without a body for an empty list.
type api struct{ client *github.Client }

// newAPI makes a client that follows no redirect and keeps no memory of rate
// limits: when to come back is told to the caller, who has a queue.
func newAPI(base *url.URL, rt http.RoundTripper) (*api, error) {
	at := base.String()
	client, err := github.NewClient(
		github.WithHTTPClient(&http.Client{
			Transport:     rt,
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		github.WithURLs(&at, nil),
		github.WithDisableRateLimitCheck(),
		github.WithUserAgent("latchkey"),
	)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return &api{client: client}, nil
}

// request is one call. Path begins with a slash and is escaped.
type request struct {
	method string
	path   string
	query  url.Values
	body   any // sent as JSON; nil sends none
}

// String names a request in errors, without its query.
func (r request) String() string { return r.method + " " + r.path }

// do makes the call and decodes the answer into out. A nil out is for calls
// that answer nothing; those may also be accepted now and done later (202).
func (a *api) do(ctx context.Context, r request, out any) (*github.Response, error) {
	target := strings.TrimPrefix(r.path, "/")
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := a.client.NewRequest(ctx, r.method, target, r.body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: make request", r, connectors.ErrUnrecoverable)
	}
	resp, err := a.client.BareDo(req)
	if resp != nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if _, accepted := errors.AsType[*github.AcceptedError](err); accepted {
		if out == nil {
			return resp, nil
		}
		return nil, fmt.Errorf("%s: accepted, but not answered yet", r)
	}
	if err != nil {
		return nil, failure(r, resp, err)
	}
	if out == nil {
		return resp, nil
	}
	if err := decode(resp, out); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return resp, nil
}

// decode says what went wrong without quoting the answer, which may hold a
// secret.
func decode(resp *github.Response, out any) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errors.New("the answer is not JSON")
	}
	body, err := rest.ReadAll(resp.Body, maxBody)
	if errors.Is(err, rest.ErrTooLarge) {
		return err
	}
	if err != nil {
		return &unanswered{text: "the answer broke off", err: err}
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) || json.Unmarshal(body, out) != nil {
		return errors.New("the answer is not the JSON expected")
	}
	return nil
}
