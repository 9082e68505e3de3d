// Package personio is the event source of a Personio company. How Personio
// signs webhook deliveries was not found, so a delivery proves itself by a
// secret of ours in the webhook's address or in a header, and is believed for
// one thing only: whom to ask the API about. The API's answer is the event.
//
// It does not own the door, order and repeats, nor setting up the webhook.
// Facts are from the vendor's pages on webhooks and from others' use of the
// API, version 2; "unverified" marks what no page of the vendor says.
package personio
