package hibob

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"latchkey/connectors"
)

const signatureHeader = "Bob-Signature"

// verify proves that the webhook's secret signed the body. No time is signed,
// so a delivery that somebody recorded stays valid: what it says is then old,
// or known.
func verify(key []byte, h http.Header, body []byte) error {
	signatures := h.Values(signatureHeader)
	if len(signatures) != 1 {
		return fmt.Errorf("%w: want one %s header", connectors.ErrUnverified, signatureHeader)
	}
	given, err := base64.StdEncoding.Strict().DecodeString(signatures[0])
	if err != nil || strings.ContainsAny(signatures[0], "\r\n") {
		return fmt.Errorf("%w: %s is not in base64", connectors.ErrUnverified, signatureHeader)
	}
	mac := hmac.New(sha512.New, key)
	mac.Write(body)
	if !hmac.Equal(given, mac.Sum(nil)) {
		return fmt.Errorf("%w: the signature is wrong", connectors.ErrUnverified)
	}
	return nil
}

// Handshake answers the ping with which a webhook is set up. Whether it is
// signed is unverified; being there is no secret.
func (*Connector) Handshake(r *http.Request, body []byte) (connectors.Answer, bool) {
	if r.Method != http.MethodPost || !isPing(body) {
		return connectors.Answer{}, false
	}
	return connectors.Answer{ContentType: "text/plain; charset=utf-8", Body: []byte("ok\n")}, true
}
