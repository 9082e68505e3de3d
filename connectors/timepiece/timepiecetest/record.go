package timepiecetest

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/secret"
)

// queryToken is the other place where the vendor takes tokens.
const queryToken = "tisjwt"

// Record is a token as the API Settings page shows it.
type Record struct {
	Active    bool
	User      string // Atlassian account id; fixed
	CreatedAt time.Time
	ExpiresAt time.Time // may be changed, which the token itself does not show
	Notes     string
}

// Make makes a JWT for a user. The claims are those a token in the vendor's
// documentation decodes to; its audience was masked there.
func (d *Double) Make(user, notes string, expiresAt time.Time) secret.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	created := d.now().UTC().Truncate(time.Second)
	for {
		text := d.sign(user, created, expiresAt)
		if _, taken := d.records[text]; taken { // two of one second would be the same text
			created = created.Add(-time.Second)
			continue
		}
		d.records[text] = Record{Active: true, User: user, CreatedAt: created, ExpiresAt: expiresAt, Notes: notes}
		return secret.New(text)
	}
}

func (d *Double) sign(user string, created, expires time.Time) string {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"aud": "com.obss.plugin.time-in-status", "iss": "com.obss.plugin.time-in-status",
		"sub": user, "clientKey": d.site, "iat": created.Unix(), "exp": expires.Unix(),
	}).SignedString(d.key)
	if err != nil {
		return "unsigned" // a key of bytes and claims of strings and numbers can't fail
	}
	return text
}

// MakeID makes a token of the other form, a UUID, which says nothing.
func (d *Double) MakeID(user, notes string, expiresAt time.Time) secret.Value {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	digits := hex.EncodeToString(b[:])
	text := digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[text] = Record{Active: true, User: user, CreatedAt: d.now().UTC(), ExpiresAt: expiresAt, Notes: notes}
	return secret.New(text)
}

// Deactivate switches a token's Active off.
func (d *Double) Deactivate(token secret.Value) {
	d.change(token, func(r *Record) { r.Active = false })
}

// Activate switches it on again.
func (d *Double) Activate(token secret.Value) { d.change(token, func(r *Record) { r.Active = true }) }

// Expire moves the record's expiry; the token's own exp stays as it is.
func (d *Double) Expire(token secret.Value, at time.Time) {
	d.change(token, func(r *Record) { r.ExpiresAt = at })
}

func (d *Double) change(token secret.Value, change func(*Record)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.records[token.Expose()]
	if ok {
		change(&r)
		d.records[token.Expose()] = r
	}
}

// Delete removes a token for good.
func (d *Double) Delete(token secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, token.Expose())
}

// Works says whether the API takes a token now.
func (d *Double) Works(token secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.records[token.Expose()]
	return ok && r.Active && d.now().Before(r.ExpiresAt) && !d.knobs.NoLicence
}
