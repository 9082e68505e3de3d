package workflow

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage/auditlog"
)

// AuditWebhook is a receiver of the live log.
type AuditWebhook struct {
	Name         string
	URL          string
	Secrets      []secret.Value  // all of them sign, so that one can be replaced
	Format       auditlog.Format // FormatJSONL or FormatOCSF; empty is FormatJSONL
	AllowPrivate bool            // lets it be on this machine or a private network
}

// receiver is who gets posts, over one transport.
type receiver struct {
	AuditWebhook
	client *http.Client
	within time.Duration // one post
	most   int           // bytes of a post, unless it is one event
}

func newReceiver(w AuditWebhook) *receiver {
	return &receiver{AuditWebhook: w, within: deliverWithin, most: deliverBytes, client: &http.Client{
		Transport:     connectors.NewTransport(connectors.Settings{Name: w.Name, AllowPrivate: w.AllowPrivate}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// parcel is what is posted.
type parcel struct {
	id   string // which part of the log it is
	log  string // of which log it is
	kind string // media type
	body []byte
}

// maxReceiverWords bounds what is kept of a receiver's answer.
const maxReceiverWords = 200

// post sends a parcel. Nil means that the receiver has it: it answered 2xx.
func (w *receiver) post(ctx context.Context, p parcel) error {
	ctx, cancel := context.WithTimeout(ctx, w.within)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(p.body))
	if err != nil {
		return fmt.Errorf("post to %s: %w", w.Name, err)
	}
	r.Header.Set("Content-Type", p.kind)
	r.Header.Set("User-Agent", "Latchkey")
	sum := sha256.Sum256(p.body)
	r.Header.Set("Idempotency-Key", p.log+"/"+p.id+"/"+hex.EncodeToString(sum[:8]))
	r.Header.Set("Latchkey-Log", p.log)
	r.Header.Set("Latchkey-Signature", signature(time.Now(), p.body, w.Secrets))
	answer, err := w.client.Do(r)
	if err != nil {
		return fmt.Errorf("post to %s: %w", w.Name, withoutURL(err))
	}
	defer func() { _ = answer.Body.Close() }() // it was read as far as it matters
	words, _ := io.ReadAll(io.LimitReader(answer.Body, maxReceiverWords))
	if answer.StatusCode/100 != 2 {
		err := fmt.Errorf("post to %s: it answers %s: %s", w.Name, readable(answer.Status), readable(string(words)))
		if answer.StatusCode == http.StatusRequestEntityTooLarge {
			err = errors.Join(errTooLarge, err)
		}
		return err
	}
	return nil
}

// errTooLarge is a receiver's answer that it takes less at once.
var errTooLarge = errors.New("the receiver takes less at once")

// readable is a receiver's text as the database can store it.
func readable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}

// signature is the header that proves a post to be ours: the time, and an
// HMAC-SHA-256 in hex for each secret over the time, a dot and the body.
func signature(at time.Time, body []byte, secrets []secret.Value) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	out := "t=" + stamp
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s.Expose()))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		out += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return out
}

// withoutURL takes the address out of an error of the HTTP client: it may hold
// a token of the receiver's.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
