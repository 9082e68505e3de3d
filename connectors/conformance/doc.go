// Package conformance is the one test suite every connector passes against its
// double: the promises in the comments of package connectors, checked for the
// verbs a connector really has.
//
// It does not own doubles (connectors/<kind>test) nor what a single vendor does
// beyond the contract: that is for the connector's own tests.
package conformance
