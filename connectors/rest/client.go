package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

// The caps of a client whose Config does not set them.
const (
	defaultMaxBody  = 8 << 20
	defaultMaxDepth = 64
	defaultTimeout  = 30 * time.Second
	maxErrorBody    = 16 << 10
)

// Config says where a client calls and with what. Base, Transport and, unless
// the vendor needs none, Header and Credential are required.
type Config struct {
	Base       *url.URL          // scheme, host and optional path prefix
	Header     string            // header of the credential: "Authorization"
	Credential secret.Value      // its whole value: "Bearer …"
	Extra      map[string]string // further fixed headers; they win over the client's own
	Transport  http.RoundTripper
	Now        func() time.Time // nil means time.Now
	MaxBody    int64            // bytes of one answer, after decompression; zero means 8 MiB
	MaxDepth   int              // nesting of one answer; zero means 64
	Timeout    time.Duration    // of one call with its retries; zero means 30 s
}

// Client calls one vendor. It is safe for concurrent use.
type Client struct {
	cfg    Config
	client *http.Client
}

// New makes a client. Redirects are answers to it, never followed: a vendor
// must not be able to send our credential to another host.
func New(cfg Config) *Client {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.MaxDepth == 0 {
		cfg.MaxDepth = defaultMaxDepth
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Client{cfg: cfg, client: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Request is one call. Path is escaped and begins with a slash; use Path to
// put a vendor's ids into it.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Body   any // sent as JSON; nil sends none
}

// Response is what an answer says besides its body.
type Response struct {
	Status int
	Header http.Header
}

// Do makes the call and decodes a 2xx answer into out. With a nil out the body
// is not looked at. A status outside 2xx is an *Error, except 429, which is a
// *connectors.RateLimitedError. The Response is valid with an *Error too.
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := c.request(ctx, r)
	if err != nil {
		return Response{}, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return Response{}, c.failure(r, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Response{Status: resp.StatusCode, Header: resp.Header}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return answer, c.rateLimited(r, resp)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return answer, c.refusal(r, resp)
	case out == nil:
		return answer, nil
	}
	if err := c.decode(resp, out); err != nil {
		return answer, c.failure(r, err)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	target, err := c.target(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Method, err)
	}
	var body io.Reader = http.NoBody
	if r.Body != nil {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return nil, c.failure(r, fmt.Errorf("%w: encode body", connectors.ErrUnrecoverable))
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), body)
	if err != nil {
		return nil, c.failure(r, fmt.Errorf("%w: make request", connectors.ErrUnrecoverable))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "latchkey")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.cfg.Extra {
		req.Header.Set(name, value)
	}
	if c.cfg.Header != "" {
		req.Header.Set(c.cfg.Header, c.cfg.Credential.Expose())
	}
	return req, nil
}

// target joins base and path. A path that another server could read as a
// different one is refused, because ids in it come from vendors.
func (c *Client) target(r Request) (*url.URL, error) {
	if err := checkPath(r.Path); err != nil {
		return nil, fmt.Errorf("%w: %w", connectors.ErrUnrecoverable, err)
	}
	decoded, err := url.PathUnescape(r.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: path is not escaped well", connectors.ErrUnrecoverable)
	}
	u := *c.cfg.Base
	u.RawPath = strings.TrimSuffix(c.cfg.Base.EscapedPath(), "/") + r.Path
	u.Path = strings.TrimSuffix(c.cfg.Base.Path, "/") + decoded
	u.RawQuery = r.Query.Encode()
	return &u, nil
}

// decode reads a whole JSON value within the caps. What went wrong is said
// without quoting the answer, which may hold a secret.
func (c *Client) decode(resp *http.Response, out any) error {
	if !isJSON(resp.Header) {
		return errors.New("the answer is not JSON")
	}
	body, err := ReadAll(resp.Body, c.cfg.MaxBody)
	if err != nil {
		return err
	}
	if !depthWithin(body, c.cfg.MaxDepth) {
		return fmt.Errorf("the answer is nested deeper than %d levels", c.cfg.MaxDepth)
	}
	err = json.Unmarshal(body, out)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		return fmt.Errorf("the answer has an unexpected type in field %q", mismatch.Field)
	}
	if err != nil {
		return errors.New("the answer is not the JSON expected")
	}
	return nil
}

// ErrTooLarge is returned by ReadAll.
var ErrTooLarge = errors.New("the answer is larger than allowed")

// ReadAll reads r to its end, or fails with ErrTooLarge when there is more
// than limit bytes.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)
	}
	return body, nil
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return false
	}
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// depthWithin scans brackets outside strings; json.Unmarshal judges the rest.
func depthWithin(body []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > limit {
				return false
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return true
}
