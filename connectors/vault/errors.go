package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"latchkey/connectors/rest"
)

// Sentences of Vault's that we act on.
const (
	casMismatch = "check-and-set parameter did not match the current version"
	upgrading   = "Upgrading from non-versioned to versioned data"
)

// errOddAnswer is a success with a body that is not the documented one. It
// quotes nothing of it.
var errOddAnswer = errors.New("the answer is not the JSON expected")

// failed turns what Vault's client says into the errors of the contract. Of
// Vault's words only sentences that we know are kept: others may quote what
// was sent.
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
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		return fmt.Errorf("%s: %w", c.name, refusal(method, path, answer))
	}
	return fmt.Errorf("%s: %s %s: %w", c.name, method, path, cause)
}

func refusal(method, path string, answer *api.ResponseError) error {
	refused := &rest.Error{Method: method, Path: path, Status: answer.StatusCode, Detail: sentence(answer.Errors)}
	if refused.Detail == upgrading { // is over soon, and answered as a fault of ours
		return errors.New(refused.Error())
	}
	return refused
}

func sentence(said []string) string {
	for _, known := range []string{
		casMismatch, upgrading,
		"permission denied", "preflight capability check returned 403", "no handler for route", "namespace not found",
		"Vault is sealed", "check-and-set parameter required for this call", "request body too large",
	} {
		if slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, known) }) {
			return known
		}
	}
	return ""
}

// mismatched says that Vault wrote nothing, because its current version is
// another than the one named.
func mismatched(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusBadRequest && sentence(answer.Errors) == casMismatch
}
