// Package hibob is the event source of a HiBob company: it verifies a
// webhook's delivery of the lifecycle events, version 2, and asks the API for
// the person's address, which they leave out.
//
// It does not own the door, order and repeats, nor setting up the webhook:
// subscribe it to employee.access.revoked.immediately too, because
// employee.left waits for midnight. Facts are from the vendor's pages;
// "unverified" marks what they do not say.
package hibob
