// Package bamboohr is the event source of a BambooHR account: it verifies a
// webhook's delivery, and asks the API what the employee's state is now,
// because the vendor has no event about terminations.
//
// It owns what a status and a termination date mean for access. It does not
// own the door, order and repeats, nor setting up the webhook. Facts are from
// the vendor's pages on webhooks; "unverified" marks what they do not say.
package bamboohr
