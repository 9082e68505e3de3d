package azurekeyvault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// refusal is what a vault says with a status outside 2xx.
type refusal struct {
	err   *rest.Error
	inner string // "ObjectIsDeletedButRecoverable", or empty
}

// Error implements error.
func (e *refusal) Error() string { return e.err.Error() }

// Unwrap implements the errors package's interface.
func (e *refusal) Unwrap() error { return e.err }

// failure turns what the client returned into an error of the contract. The
// client's own errors are not wrapped: they print whole answers. Of a refusal
// the codes are quoted, and never the sentence, which can quote the request.
func failure(call string, err error) error {
	answered, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || answered.RawResponse == nil {
		return noAnswer(call, err)
	}
	if answered.StatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%s: %w", call, &connectors.RateLimitedError{After: pauseOf(answered.RawResponse.Header, time.Now())})
	}
	method, path, _ := strings.Cut(call, " ")
	code, inner := codes(answered)
	return &refusal{inner: inner, err: &rest.Error{
		Method: method, Path: path, Status: answered.StatusCode, Detail: strings.TrimSpace(code + " " + inner),
	}}
}

// isMissing says that the vault has no secret of that name, or a deleted one.
func isMissing(err error) bool {
	answered, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || answered.StatusCode != http.StatusNotFound || answered.RawResponse == nil {
		return false
	}
	code, _ := codes(answered)
	return code == "SecretNotFound"
}

// codes are those of the answer's body that look like codes.
func codes(answered *azcore.ResponseError) (code, inner string) {
	var said struct {
		Error struct {
			Code  string `json:"code"`
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	body, err := runtime.Payload(answered.RawResponse)
	if err != nil || json.Unmarshal(body, &said) != nil {
		return "", ""
	}
	word := regexp.MustCompile(`^[A-Za-z]{1,64}$`)
	return word.FindString(said.Error.Code), word.FindString(said.Error.Inner.Code)
}

// noAnswer is for a call that got none that can be understood, or was not made
// for want of a token.
func noAnswer(call string, err error) error {
	if e, ok := errors.AsType[*tokenError](err); ok {
		return fmt.Errorf("%s: %w", call, e)
	}
	if e, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
		return fmt.Errorf("%s: %w", call, e)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &unanswered{text: call + ": " + rest.Clean(err.Error()), err: err}
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
