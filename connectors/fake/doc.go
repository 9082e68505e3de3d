// Package fake is a vendor that can do everything: a native connector with the
// full set of verbs over real HTTP, one (Guided) for the same vendor where only
// people make keys, and the in-process Vendor they talk to, with a ledger of
// the truth and faults to inject. Tests use it to prove that the
// workflow survives vendors; the demo uses it as one.
//
// It does not own a real vendor's shapes, and serves as the pattern for
// writing a connector.
package fake
