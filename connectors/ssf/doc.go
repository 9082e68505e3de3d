// Package ssf receives security events of an identity provider over the
// OpenID Shared Signals Framework: signed tokens (RFC 8417) pushed over HTTP
// (RFC 8935), of the RISC profile. Accounts that are disabled, purged and
// enabled are people who leave and come back.
//
// It owns the proof of a token, the transmitter's keys, and what the subjects
// of RFC 9493 say about a person. It does not own the door, order and repeats,
// nor setting up the stream. CAEP's events about sessions and credentials are
// accepted and mean nothing here: none of them says that somebody left.
package ssf
