package gcpsecrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// maxWord is the longest of Google's codes that reaches a log.
const maxWord = 40

// errOddAnswer is a success with a body that is not the documented one. It
// quotes nothing of it.
var errOddAnswer = errors.New("the answer is not the JSON expected")

// errMoved is a write that Google did not make, because the secret was changed
// after we looked at it. The next try looks again.
var errMoved = errors.New("somebody changed the secret at the same time")

// failed turns what Google's client says into the errors of the contract. Of
// the vendor's words only the code is kept: messages may quote anything.
func (c *Connector) failed(method, path string, err error) error {
	cause := errOddAnswer // what decoding fails with
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			cause = known
		}
	}
	if lost, ok := errors.AsType[*rest.LostCall](err); ok {
		cause = lost
	}
	if none, ok := errors.AsType[*noToken](err); ok {
		cause = none
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return fmt.Errorf("%s: %w", c.name, refusal(method, path, answer))
	}
	return fmt.Errorf("%s: %s %s: %w", c.name, method, path, cause)
}

// refusal knows the quotas that Google's older APIs report as 403, too; that
// this one does is unverified.
func refusal(method, path string, answer *googleapi.Error) error {
	said := code(answer)
	switch said {
	case "RESOURCE_EXHAUSTED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded":
		return fmt.Errorf("%s %s: %w", method, path, &connectors.RateLimitedError{After: rest.DefaultRetryAfter})
	}
	return &rest.Error{Method: method, Path: path, Status: answer.Code, Detail: said}
}

// code is Google's own, if it is a word: of google.rpc.Code, or of the older
// lists of errors.
func code(answer *googleapi.Error) string {
	var body struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	if json.Unmarshal([]byte(answer.Body), &body) == nil && body.Error.Status != "" {
		return word(body.Error.Status)
	}
	if len(answer.Errors) > 0 {
		return word(answer.Errors[0].Reason)
	}
	return ""
}

// moved says that an etag was not the current one. Which of these Google
// answers is unverified.
func moved(err error) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return false
	}
	switch code(answer) {
	case "FAILED_PRECONDITION", "ABORTED":
		return true
	}
	return answer.Code == http.StatusConflict || answer.Code == http.StatusPreconditionFailed
}

func status(err error) int {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code
	}
	return 0
}

// word is a code of the vendor's, or nothing if it is anything but a word.
func word(s string) string {
	odd := func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if len(s) > maxWord || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}
