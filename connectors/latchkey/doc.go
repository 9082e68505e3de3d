// Package latchkey connects Latchkey to itself: the keys of its own API are
// asked for, approved, rotated and revoked like those of any other system.
//
// It owns the names of what such a key may do. It does not own the keys (our
// rows are the list of them, so it is no Lister) nor the doors at which they
// are honoured (server).
package latchkey
