package ssf_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/ssf"
	"latchkey/connectors/ssf/ssftest"
	"latchkey/secret"
)

const (
	audience = "https://latchkey.example/streams/1"
	bearer   = "bearer-token-nobody-may-see"
	address  = "http://latchkey.example/hooks/idp"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type bundle struct {
	*ssf.Connector
	*ssftest.Transmitter

	kid   string // of an ES256 key
	clock *atomic.Int64
}

func (b bundle) now() time.Time { return time.Unix(0, b.clock.Load()).UTC() }

func (b bundle) pass(d time.Duration) { b.clock.Add(int64(d)) }

func setup(t testing.TB) bundle {
	t.Helper()
	return setupAt(t, "")
}

func setupAt(t testing.TB, path string) bundle {
	t.Helper()
	b := bundle{clock: &atomic.Int64{}}
	b.clock.Store(start.UnixNano())
	b.Transmitter = ssftest.Start(t, ssftest.Config{Audience: audience, Now: b.now}, path)
	b.kid = b.AddKey("ES256")
	wire := &http.Transport{} // retries would hide injected faults
	t.Cleanup(wire.CloseIdleConnections)
	c, err := ssf.Open(settings(b.Issuer()), wire)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(b.now)
	b.Connector = c
	return b
}

func settings(issuer string) connectors.Settings {
	return connectors.Settings{Name: "idp", Issuer: issuer, Audience: audience, AllowPrivate: true, SigningSecret: secret.New(bearer)}
}

func (b bundle) send(t testing.TB, token []byte) ([]connectors.PersonEvent, error) {
	t.Helper()
	r, err := ssftest.Deliver(t.Context(), address, secret.New(bearer), token)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Events(r, token)
	if err != nil && (strings.Contains(err.Error(), bearer) || len(token) > 40 && strings.Contains(err.Error(), string(token[:40]))) {
		t.Errorf("the error shows a secret: %v", err)
	}
	return got, err
}

type object = map[string]any

var email = object{"format": "email", "email": "frank@example.com"}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	frank := connectors.AccountRef{Email: "frank@example.com"}
	at := start.Add(-time.Minute)
	for uri, want := range map[string]connectors.PersonEvent{
		ssftest.AccountDisabled: {ID: "j1", Account: frank, At: start, Reason: "account-disabled"},
		ssftest.AccountPurged:   {ID: "j1", Account: frank, At: start, Reason: "account-purged"},
		ssftest.AccountEnabled:  {ID: "j1", Account: frank, Active: true, At: start, Reason: "account-enabled"},
	} {
		claims := b.Claims(uri, email)
		claims["jti"] = "j1"
		token := b.Sign(b.kid, claims, nil)
		for range 2 { // a repeat has the same ID
			got, err := b.send(t, token)
			if diff := cmp.Diff([]connectors.PersonEvent{want}, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", uri, err, diff)
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(object)
		want   connectors.PersonEvent
	}{
		"when it happened": {
			func(c object) { c["toe"] = at.Unix() },
			connectors.PersonEvent{At: at, Reason: "account-disabled"},
		},
		"a clock ahead": {
			func(c object) { c["toe"], c["iat"] = start.Add(time.Hour).Unix(), start.Add(5*time.Minute).Unix() },
			connectors.PersonEvent{At: start, Reason: "account-disabled"},
		},
		"six days late": {
			func(c object) { c["iat"] = start.AddDate(0, 0, -6).Unix() },
			connectors.PersonEvent{At: start.AddDate(0, 0, -6), Reason: "account-disabled"},
		},
		"several audiences, and an end": {
			func(c object) { c["aud"], c["exp"] = []string{"x", audience}, start.Add(time.Second).Unix() },
			connectors.PersonEvent{At: start, Reason: "account-disabled"},
		},
		"a reason, and the subject as in drafts": {
			func(c object) {
				delete(c, "sub_id")
				c["events"] = object{ssftest.AccountDisabled: object{"subject": object{"subject_type": "email", "email": "frank@example.com"}, "reason": "hijacking"}}
			},
			connectors.PersonEvent{At: start, Reason: "account-disabled: hijacking"},
		},
		"two events, and another": {
			func(c object) {
				c["events"] = object{ssftest.AccountPurged: object{}, ssftest.AccountDisabled: nil, "https://x.example/y": object{}}
			},
			connectors.PersonEvent{At: start, Reason: "account-disabled"},
		},
	} {
		claims := b.Claims(ssftest.AccountDisabled, email)
		tt.change(claims)
		tt.want.ID, _ = claims["jti"].(string)
		tt.want.Account = frank
		got, err := b.send(t, b.Sign(b.kid, claims, nil))
		if diff := cmp.Diff([]connectors.PersonEvent{tt.want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, alg := range []string{"RS256", "PS256"} { // before the first look at the keys
		kid := b.AddKey(alg)
		for _, typ := range []string{"secevent+jwt", "application/secevent+jwt", "SecEvent+JWT"} {
			got, err := b.send(t, b.Sign(kid, b.Claims(ssftest.AccountDisabled, email), object{"typ": typ}))
			if err != nil || len(got) != 1 {
				t.Errorf("%s, %s: %v, %v", alg, typ, got, err)
			}
		}
		b.pass(time.Minute)
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := object{"format": "iss_sub", "iss": b.Issuer() + "/", "sub": "u7"}
	for name, tt := range map[string]struct {
		subject object
		want    connectors.AccountRef
	}{
		"email":              {email, connectors.AccountRef{Email: "frank@example.com"}},
		"account":            {object{"format": "account", "uri": "acct:frank%2Bx@example.com"}, connectors.AccountRef{Email: "frank+x@example.com"}},
		"opaque":             {object{"format": "opaque", "id": "u7"}, connectors.AccountRef{ID: "u7"}},
		"iss_sub":            {own, connectors.AccountRef{ID: "u7"}},
		"of another":         {object{"format": "iss_sub", "iss": "https://x.example", "sub": "u7"}, connectors.AccountRef{ID: "https://x.example#u7"}},
		"as in drafts":       {object{"subject_type": "iss-sub", "iss": b.Issuer(), "sub": "u7"}, connectors.AccountRef{ID: "u7"}},
		"complex":            {object{"format": "complex", "user": email, "device": object{"format": "opaque", "id": "d1"}}, connectors.AccountRef{Email: "frank@example.com"}},
		"complex of drafts":  {object{"user": own, "tenant": object{"format": "opaque", "id": "t1"}}, connectors.AccountRef{ID: "u7"}},
		"aliases":            {object{"format": "aliases", "identifiers": []object{{"format": "phone_number"}, own, email}}, connectors.AccountRef{ID: "u7", Email: "frank@example.com"}},
		"aliases in complex": {object{"format": "complex", "user": object{"format": "aliases", "identifiers": []object{email, own}}}, connectors.AccountRef{ID: "u7", Email: "frank@example.com"}},
	} {
		got, err := b.send(t, b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, tt.subject), nil))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got[0].Account); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Tokens that mean nothing for people are accepted.
func TestNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	device := object{"format": "complex", "device": object{"format": "opaque", "id": "d1"}}
	for uri, subject := range map[string]object{
		"https://schemas.openid.net/secevent/ssf/event-type/verification":             {"format": "opaque", "id": "stream-1"},
		"https://schemas.openid.net/secevent/ssf/event-type/stream-updated":           {"format": "opaque", "id": "stream-1"},
		"https://schemas.openid.net/secevent/caep/event-type/session-revoked":         email,
		"https://schemas.openid.net/secevent/caep/event-type/credential-change":       email,
		"https://schemas.openid.net/secevent/risc/event-type/credential-compromise":   email,
		"https://schemas.openid.net/secevent/risc/event-type/identifier-changed":      email,
		"https://schemas.openid.net/secevent/risc/event-type/account-disabled/future": email,
		ssftest.AccountDisabled: device,
	} {
		got, err := b.send(t, b.Sign(b.kid, b.Claims(uri, subject), nil))
		if err != nil || got != nil {
			t.Errorf("%s: %v, %v", uri, got, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(object){
		"no jti":           func(c object) { delete(c, "jti") },
		"a long jti":       func(c object) { c["jti"] = strings.Repeat("j", 257) },
		"no events":        func(c object) { delete(c, "events") },
		"an empty event":   func(c object) { c["events"] = object{} },
		"an event of text": func(c object) { c["events"] = object{ssftest.AccountDisabled: "x"} },
		"opposite events": func(c object) {
			c["events"] = object{ssftest.AccountDisabled: object{}, ssftest.AccountEnabled: object{}}
		},
		"no subject":        func(c object) { delete(c, "sub_id") },
		"a null subject":    func(c object) { c["sub_id"] = nil },
		"a subject of text": func(c object) { c["sub_id"] = "frank" },
		"a phone":           func(c object) { c["sub_id"] = object{"format": "phone_number", "phone_number": "+12065550100"} },
		"no address":        func(c object) { c["sub_id"] = object{"format": "email", "email": "frank"} },
		"an address of two": func(c object) { c["sub_id"] = object{"format": "email", "email": "a@b@c"} },
		"a control sign":    func(c object) { c["sub_id"] = object{"format": "opaque", "id": "a\nb"} },
		"a long ID":         func(c object) { c["sub_id"] = object{"format": "opaque", "id": strings.Repeat("i", 513)} },
		"no account":        func(c object) { c["sub_id"] = object{"format": "account", "uri": "mailto:frank@example.com"} },
		"empty aliases":     func(c object) { c["sub_id"] = object{"format": "aliases"} },
		"aliases in aliases": func(c object) {
			c["sub_id"] = object{"format": "aliases", "identifiers": []object{{"format": "aliases", "identifiers": []object{email}}}}
		},
	} {
		claims := b.Claims(ssftest.AccountDisabled, email)
		change(claims)
		got, err := b.send(t, b.Sign(b.kid, claims, nil))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	token := b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), nil)
	for _, kind := range []string{"", "application/json", "application/jwt"} {
		r, _ := ssftest.Deliver(t.Context(), address, secret.New(bearer), token)
		r.Header.Set("Content-Type", kind)
		if _, err := b.Events(r, token); !errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("type %q: %v", kind, err)
		}
	}
}
