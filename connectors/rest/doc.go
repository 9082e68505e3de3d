// Package rest is the small JSON client under the connectors: it sets the
// credential, caps what a vendor may answer in size, depth and time, and turns
// statuses into the errors of package connectors.
//
// It does not own retries, rate limits or the choice of addresses (the
// RoundTripper it is given), nor any vendor's paths or shapes. No URL query,
// header or credential ever appears in its errors.
package rest
