// Package catalog is the one map of the kinds of systems Latchkey connects to,
// and says what each can do.
//
// It does not own any kind (connectors/<kind>); adding one is one entry here.
package catalog
