// Package azurekeyvault keeps secrets in a vault of Azure Key Vault, through
// the vendor's official client.
//
// It does not own retries, limits or addresses (the RoundTripper handed in;
// the client's own retries are switched off), nor who may put what where
// (workflow). Facts are from azsecrets v1.5.1 and the vendor's REST pages;
// what was not found there says "unverified".
package azurekeyvault
