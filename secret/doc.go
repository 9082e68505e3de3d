// Package secret owns what must not be printed: a value that redacts itself,
// the sealing of values at rest and for a receiver, the keyed hash of our own
// keys, and the format of those keys.
//
// It does not own where secrets are stored or who may see them.
package secret
