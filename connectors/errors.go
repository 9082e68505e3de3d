package connectors

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnsupported means the vendor can't do it, now or later.
var ErrUnsupported = errors.New("the system does not support this")

// ErrUnrecoverable means the vendor understood and refused; trying again
// unchanged is useless, and nothing was made.
var ErrUnrecoverable = errors.New("the system refused for good")

// ErrNoProof means that the vendor lists nothing at all, where a credential
// that is dead would be missing from the list: a permission that was lost
// looks the same. By itself it says nothing about any credential.
var ErrNoProof = errors.New("the listing is empty, which proves nothing")

// RateLimitedError means nothing was done and when to try again. Any error
// of Issue that is none of these three is ambiguous: look before repeating.
type RateLimitedError struct{ After time.Duration }

// Error implements error.
func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("rate limited by the system, try again in %s", e.After)
}
