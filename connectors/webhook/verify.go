package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	timestampHeader = "Latchkey-Timestamp" // Unix seconds, when the request was signed
	signatureHeader = "Latchkey-Signature" // v1=<hex>, several separated by commas

	window        = 5 * time.Minute // between the sender's clock and ours, either way
	maxSignatures = 8
)

// verify proves that the body was signed with our secret and lately. While the
// sender changes its secret it signs with both, so one of several signatures
// is enough; there is only one secret on our side.
func verify(key []byte, h http.Header, body []byte, now time.Time) error {
	timestamp, ok := only(h, timestampHeader)
	if !ok {
		return unverified("want one " + timestampHeader + " header")
	}
	signatures, ok := only(h, signatureHeader)
	if !ok {
		return unverified("want one " + signatureHeader + " header")
	}
	signed, ok := unixTime(timestamp)
	if !ok {
		return unverified(timestampHeader + " is no time in Unix seconds")
	}
	if signed.Before(now.Add(-window)) || signed.After(now.Add(window)) {
		return unverified(timestampHeader + " is more than 5 minutes from our clock")
	}
	given, ok := v1(signatures)
	if !ok {
		return unverified(signatureHeader + " is not of the form v1=<64 lower case hex digits>")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	valid := false
	for _, s := range given {
		valid = hmac.Equal(s, want) || valid // all are compared, whichever is right
	}
	if !valid {
		return unverified("the signature is wrong")
	}
	return nil
}

// only is the value of a header that is there once.
func only(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

// unixTime reads whole seconds in their one decimal form: the text, and not
// only its value, is what was signed.
func unixTime(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// v1 reads the signatures of the version we know. Those of another version are
// passed over, so that a sender can sign for older and newer receivers.
func v1(header string) ([][]byte, bool) {
	all := strings.Split(header, ",")
	if len(all) > maxSignatures {
		return nil, false
	}
	var out [][]byte
	for _, s := range all {
		version, digest, ok := strings.Cut(strings.Trim(s, " "), "=")
		switch {
		case !ok || len(version) < 2 || version[0] != 'v':
			return nil, false
		case version != "v1":
			continue
		}
		raw, err := hex.DecodeString(digest)
		if err != nil || len(raw) != sha256.Size || strings.ToLower(digest) != digest {
			return nil, false
		}
		out = append(out, raw)
	}
	return out, len(out) > 0
}

func checkType(h http.Header) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/json" || len(h.Values("Content-Type")) != 1:
		return malformed("want Content-Type: application/json")
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return malformed("want the body in UTF-8")
	case h.Get("Content-Encoding") != "":
		return malformed("want the body without a Content-Encoding")
	}
	return nil
}
