// Package gcpsecrets is a sink: it keeps approved keys in Google Cloud Secret
// Manager, over Google's own REST client.
//
// It owns the marks by which a delivery is known again, because the vendor has
// neither a check-and-set nor an idempotent write of versions. It does not
// list, and takes nothing away. Facts are from the API's discovery document
// (secretmanager_v1); what was not found there says "unverified".
package gcpsecrets
