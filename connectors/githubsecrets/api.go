package githubsecrets

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

	"latchkey/connectors/rest"
)

const (
	timeout = 30 * time.Second // of one call with its retries
	maxBody = 1 << 20
)

// api is the vendor's client. Requests and error answers are the client's.
// Paths are written here, because the client knows an environment only by the
// number of its repository, and answers are decoded here, because the client
// caps no size and takes an answer without a body for an empty secret.
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
	query  string
	body   any // sent as JSON; nil sends none
}

// String names a request in errors.
func (r request) String() string { return r.method + " " + r.path }

// do makes the call and decodes the answer into out; nil is for answers that
// do not matter. The status is zero without an answer.
func (a *api) do(ctx context.Context, r request, out any) (status int, err error) {
	target := strings.TrimPrefix(r.path, "/")
	if r.query != "" {
		target += "?" + r.query
	}
	req, err := a.client.NewRequest(ctx, r.method, target, r.body)
	if err != nil {
		return 0, fmt.Errorf("%s: make request: %s", r, rest.Clean(err.Error()))
	}
	resp, err := a.client.BareDo(req)
	if resp != nil {
		status = resp.StatusCode
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		return status, failure(r, resp, err)
	}
	if out == nil {
		return status, nil
	}
	if err := decode(resp, out); err != nil {
		return status, fmt.Errorf("%s: %w", r, err)
	}
	return status, nil
}

// get is false where there is nothing of that path.
func (a *api) get(ctx context.Context, path string, out any) (bool, error) {
	status, err := a.do(ctx, request{method: http.MethodGet, path: path}, out)
	if status == http.StatusNotFound && rest.Status(err) == status {
		return false, nil
	}
	return err == nil, err
}

// decode says what went wrong without quoting the answer.
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
