package awssecrets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// maxWord is the longest of AWS's codes that reaches a log.
const maxWord = 64

// The codes of AWS's that we act on.
const (
	codeExists   = "ResourceExistsException"
	codeNotFound = "ResourceNotFoundException"
	codeState    = "InvalidRequestException"   // not in the secret's present state
	codeStage    = "InvalidParameterException" // a stage that is not where we said, among others
)

// errOddAnswer is a success with a body that is not the documented one. It
// quotes nothing of it.
var errOddAnswer = errors.New("the answer is not the JSON expected")

// code is AWS's own for an error, or empty.
func code(err error) string {
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorCode()
	}
	return ""
}

// failed turns what AWS's client says into the errors of the contract. Of
// AWS's words only the code is kept: messages may quote anything.
func (c *Connector) failed(operation string, err error) error {
	cause := errOddAnswer // what decoding fails with
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			cause = known
		}
	}
	if lost, ok := errors.AsType[*rest.LostCall](err); ok {
		cause = lost
	}
	if none, ok := errors.AsType[*noCredentials](err); ok {
		cause = none
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		cause = refusal(operation, answer.HTTPStatusCode(), code(err), cause)
	}
	return fmt.Errorf("%s: %s: %w", c.name, operation, cause)
}

// refusal is what an answer with a status means. A success that could not be
// read has one too.
func refusal(operation string, status int, said string, cause error) error {
	refused := &rest.Error{Method: http.MethodPost, Path: operation, Status: status, Detail: word(said)}
	switch said {
	case "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "RequestLimitExceeded":
		return &connectors.RateLimitedError{After: rest.DefaultRetryAfter}
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired": // the next try has fresh ones
		return errors.New(refused.Error())
	}
	if status < 400 {
		return cause
	}
	return refused
}

// word is a code of AWS's, or nothing if it is anything but a word.
func word(s string) string {
	odd := func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }
	if len(s) > maxWord || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}
