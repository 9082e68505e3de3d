package awssecretstest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	service = "secretsmanager"
	maxAge  = 15 * time.Minute // of a signature, either way
)

// signer is whose key signed a request, or the refusal. The signature is made
// again, from the headers that it says it covers.
func (d *Double) signer(r *http.Request, body []byte) (id string, bad *reply) {
	no := func(code, message string) (string, *reply) {
		a := refuse(code, message)
		return "", &a
	}
	given := r.Header.Get("Authorization")
	if given == "" {
		return no("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	form := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/([0-9]{8})/([^/,]+)/([^/,]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$`)
	parts := form.FindStringSubmatch(given)
	if parts == nil {
		return no("IncompleteSignatureException", "Authorization header is not of the form expected")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), parts[2]) {
		return no("IncompleteSignatureException", "Date in Credential scope does not match X-Amz-Date")
	}
	if age := d.now().Sub(at); age > maxAge || age < -maxAge {
		return no("InvalidSignatureException", "Signature expired")
	}
	if parts[3] != d.region || parts[4] != service {
		return no("InvalidSignatureException", "Credential should be scoped to a valid region and correct service")
	}
	k, known := d.keys[parts[1]]
	if !known {
		return no("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	covered := strings.Split(parts[5], ";")
	again := r.Clone(r.Context())
	again.Header = http.Header{}
	needed := map[string]bool{"host": true, "x-amz-date": true, "x-amz-target": true, "content-type": true}
	for _, name := range covered {
		delete(needed, name)
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if len(needed) > 0 {
		return no("IncompleteSignatureException", "a header that must be signed is not")
	}
	again.URL.Host = r.Host
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: parts[1], SecretAccessKey: k.secret.Expose()},
		again, hex.EncodeToString(sum[:]), service, d.region, at)
	if err != nil || again.Header.Get("Authorization") != given {
		return no("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
	}
	return parts[1], nil
}
