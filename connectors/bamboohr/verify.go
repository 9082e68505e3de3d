package bamboohr

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	timestampHeader = "X-BambooHR-Timestamp"
	signatureHeader = "X-BambooHR-Signature"

	window = 5 * time.Minute // between the vendor's clock and ours, either way
)

// verify proves that the webhook's key signed the body, and says when. The
// signature is over the body and then the timestamp, with nothing between.
// That the timestamp is in Unix seconds is unverified: a delivery recorded by
// others has it so.
func verify(key []byte, h http.Header, body []byte, now time.Time) (time.Time, error) {
	timestamp, ok := only(h, timestampHeader)
	if !ok {
		return time.Time{}, unverified("want one " + timestampHeader + " header")
	}
	signature, ok := only(h, signatureHeader)
	if !ok {
		return time.Time{}, unverified("want one " + signatureHeader + " header")
	}
	given, err := hex.DecodeString(signature)
	if err != nil || strings.ToLower(signature) != signature {
		return time.Time{}, unverified(signatureHeader + " is not in lower case hex")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	mac.Write([]byte(timestamp))
	if !hmac.Equal(given, mac.Sum(nil)) {
		return time.Time{}, unverified("the signature is wrong")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return time.Time{}, unverified(timestampHeader + " is no time in Unix seconds")
	}
	sent := time.Unix(seconds, 0).UTC()
	if sent.Before(now.Add(-window)) || sent.After(now.Add(window)) {
		return time.Time{}, unverified(timestampHeader + " is more than 5 minutes from our clock")
	}
	return sent, nil
}

// only is the value of a header that is there once.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
