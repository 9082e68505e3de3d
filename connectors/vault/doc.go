// Package vault is a sink: it keeps approved keys in HashiCorp Vault's KV
// engine, version 2, over Vault's own Go client. OpenBao answers the same.
//
// It owns the check-and-set that replaces exactly what we put there, and the
// renewal of our token. It does not list, and takes nothing away.
package vault
