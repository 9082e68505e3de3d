// Package vaulttest is a strict double of the part of Vault that a writer of
// secrets meets: KV engines of version 2 with check-and-set, deletion and
// destruction, tokens with policies and an end, and the question what a mount
// is, for tests and the demo.
//
// It does not own anything a client should copy. Its answers are those of
// OpenBao's sources, which share Vault's API; query keys and fields that an
// operation does not know, which a server passes over, are refused here.
package vaulttest
