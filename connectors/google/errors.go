package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"

	"latchkey/connectors/rest"
)

// maxWord is the longest of Google's codes that reaches a log.
const maxWord = 40

// errOddAnswer is a success with a body that is not the documented one. It
// quotes nothing of it.
var errOddAnswer = errors.New("the answer is not the JSON expected")

// failed turns what Google's client says into the errors of the contract. Of
// the vendor's words only the code is kept: messages may quote anything.
func (c *Connector) failed(method, path string, err error) error {
	cause := errOddAnswer // what decoding fails with
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return fmt.Errorf("%s: %w", c.name, refusal(method, path, answer))
	}
	if lost, ok := errors.AsType[*url.Error](err); ok { // quotes the whole URL
		cause = lost.Err
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, rest.ErrTooLarge} {
		if errors.Is(err, known) {
			cause = known
		}
	}
	return fmt.Errorf("%s: %s %s: %w", c.name, method, path, cause)
}

// refusal knows the quotas that Google reports as 403; that it does is from
// its guides on limits, and unverified for this API.
func refusal(method, path string, answer *googleapi.Error) error {
	reason := ""
	if len(answer.Errors) > 0 {
		reason = answer.Errors[0].Reason
	}
	limited := answer.Code == http.StatusTooManyRequests
	switch reason {
	case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded":
		limited = limited || answer.Code == http.StatusForbidden
	}
	if limited {
		return fmt.Errorf("%s %s: %w", method, path, rateLimited(answer.Header))
	}
	return &rest.Error{Method: method, Path: path, Status: answer.Code, Detail: word(reason)}
}

// word is a code of the vendor's, or nothing if it is anything but a word.
func word(s string) string {
	odd := func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if len(s) > maxWord || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}
