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

// ErrTaken means that a sink has something in the place that we did not put
// there, or that it changed since. It is final until a person looks.
var ErrTaken = fmt.Errorf("something else is in that place: %w", ErrUnrecoverable)

// ErrUnverified means that an event can't be proven to come from its source:
// a signature, a token or a time is wrong.
var ErrUnverified = errors.New("the event is not proven to come from its source")

// ErrMalformed means that an event is proven to come from its source and can't
// be understood; sending it again is useless.
var ErrMalformed = errors.New("the event can't be understood")
