package githubsecrets

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	limitWindow   = time.Hour   // of the primary limit: no reset is further away
	noHeaderPause = time.Minute // for a limit without a header; unverified
	headerReset   = "X-Ratelimit-Reset"
	headerLeft    = "X-Ratelimit-Remaining"
)

// failure turns what the client returned into an error of the contract. The
// client's own errors are not wrapped: they print URLs and whatever the vendor
// said. A redirect means that nothing was done, and that nothing will be while
// the place is written as it is.
func failure(r request, resp *github.Response, err error) error {
	if resp == nil {
		return noAnswer(r, err)
	}
	if after, ok := limited(resp, err); ok {
		return fmt.Errorf("%s: %w", r, &connectors.RateLimitedError{After: after})
	}
	if resp.StatusCode == http.StatusAccepted {
		return fmt.Errorf("%s: accepted, but not done yet", r)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return fmt.Errorf("%s: answered %d: %w: the repository was renamed or moved, or base_url is not the API's", r, resp.StatusCode, connectors.ErrUnrecoverable)
	}
	e := &rest.Error{Method: r.method, Path: r.path, Status: resp.StatusCode}
	if refused, ok := errors.AsType[*github.ErrorResponse](err); ok {
		e.Detail = rest.Clean(refused.Message)
	}
	return e
}

// limited reads the vendor's headers in the order its documentation gives
// them: retry-after, then the reset of an exhausted primary limit. A limit is
// answered 403 as well as 429, and 403 alone is a refusal.
func limited(resp *github.Response, err error) (after time.Duration, ok bool) {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	now, dateErr := http.ParseTime(resp.Header.Get("Date")) // the vendor's clock, by which its reset is meant
	if dateErr != nil {
		now = time.Now()
	}
	if after, ok := connectors.RetryAfter(resp.Header, now); ok {
		return after, true
	}
	if resp.Header.Get(headerLeft) == "0" {
		reset, err := strconv.ParseInt(resp.Header.Get(headerReset), 10, 64)
		if err == nil {
			return min(max(time.Unix(reset, 0).Sub(now), time.Second), limitWindow), true
		}
	}
	_, secondary := errors.AsType[*github.AbuseRateLimitError](err)
	return noHeaderPause, secondary || resp.StatusCode == http.StatusTooManyRequests
}

// noAnswer is for a call that got none, or was not made for lack of an
// installation token.
func noAnswer(r request, err error) error {
	if e, ok := errors.AsType[*tokenError](err); ok {
		return fmt.Errorf("%s: %w", r, e)
	}
	if e, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
		return fmt.Errorf("%s: %w", r, e)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &unanswered{text: r.String() + ": " + rest.Clean(err.Error()), err: err}
}

// unanswered keeps the cause for errors.Is and prints a text that holds no
// secret.
type unanswered struct {
	text string
	err  error
}

// Error implements error.
func (e *unanswered) Error() string { return e.text }

// Unwrap implements the errors package's interface.
func (e *unanswered) Unwrap() error { return e.err }
