package webhook_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/webhook"
	"latchkey/connectors/webhook/webhooktest"
	"latchkey/secret"
)

const signingSecret = "a-secret-of-the-tests-only"

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t testing.TB) (*webhook.Connector, webhooktest.Sender) {
	t.Helper()
	c, err := webhook.Open(connectors.Settings{Name: "hr", SigningSecret: secret.New(signingSecret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	c.SetNow(clock)
	return c, webhooktest.Sender{Secret: secret.New(signingSecret), Now: clock}
}

func deliver(t testing.TB, s webhooktest.Sender, body string) *http.Request {
	t.Helper()
	r, err := s.Deliver(t.Context(), "http://latchkey.example/hooks/hr", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const leaver = `{"id":"e1","type":"person.left","email":"frank@example.com","at":"2026-11-21T11:59:00Z"}`

func TestEvents(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 11, 59, 0, 0, time.UTC)
	frank := connectors.PersonEvent{ID: "e1", Account: connectors.AccountRef{Email: "frank@example.com"}, At: at, Reason: "person.left"}
	tests := []struct {
		name, body string
		want       []connectors.PersonEvent
	}{
		{"left", leaver, []connectors.PersonEvent{frank}},
		{"a list of one", `{"events":[` + leaver + `]}`, []connectors.PersonEvent{frank}},
		{
			"all fields, and two people",
			`{"events":[{"id":"e2","type":"person.left","email":"f@example.com","external_id":"17","name":"Frank Ör","at":"2026-11-21T13:00:00+02:00",
			"from":"2026-12-01T00:00:00+01:00","reason":"resigned"},{"id":"e3","type":"person.joined","external_id":"18","at":"2026-11-21T12:04:59.5Z"}]}`,
			[]connectors.PersonEvent{
				{
					ID: "e2", Account: connectors.AccountRef{ID: "17", Email: "f@example.com", Name: "Frank Ör"},
					At: now.Add(-time.Hour), From: time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC), Reason: "resigned",
				},
				{
					ID: "e3", Account: connectors.AccountRef{ID: "18"}, Active: true,
					At: now.Add(5*time.Minute - 500*time.Millisecond), Reason: "person.joined",
				},
			},
		},
	}
	for _, tt := range tests {
		c, s := open(t)
		for range 2 { // a repeat has the same ID: refusing it is the door's
			got, err := c.Events(deliver(t, s, tt.body), []byte(tt.body))
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
}

// The signature was computed with openssl's command line.
func TestForeignSignature(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	body := `{"id":"hr-2026-0042","type":"person.left","email":"frank@example.com","at":"2026-11-21T12:00:00Z"}`
	r, _ := http.NewRequest(http.MethodPost, "http://latchkey.example/hooks/hr", http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Latchkey-Timestamp", "1795262400")
	r.Header.Set("Latchkey-Signature", "v1=ca9d05d9b948266de811c7bea76e0965a529965e0bc377a060f77fe47a00d11c")
	got, err := c.Events(r, []byte(body))
	if err != nil || len(got) != 1 || got[0].ID != "hr-2026-0042" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUnverified(t *testing.T) {
	t.Parallel()
	c, s := open(t)
	right := s.Sign("1795262400", []byte(leaver))
	other := webhooktest.Sender{Secret: secret.New("another-secret-of-nobody")}
	signedAt := func(at string) func(http.Header) {
		return func(h http.Header) {
			h.Set("Latchkey-Timestamp", at)
			h.Set("Latchkey-Signature", "v1="+s.Sign(at, []byte(leaver)))
		}
	}
	unix := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	signature := func(v string) func(http.Header) {
		return func(h http.Header) { h.Set("Latchkey-Signature", v) }
	}
	refused := map[string]func(http.Header){
		"no timestamp":         func(h http.Header) { h.Del("Latchkey-Timestamp") },
		"two timestamps":       func(h http.Header) { h.Add("Latchkey-Timestamp", "1795262400") },
		"no signature":         func(h http.Header) { h.Del("Latchkey-Signature") },
		"two signatures":       func(h http.Header) { h.Add("Latchkey-Signature", "v1="+right) },
		"another time":         func(h http.Header) { h.Set("Latchkey-Timestamp", "1795262401") },
		"too old":              signedAt(unix(-5*time.Minute - time.Second)),
		"too new":              signedAt(unix(5*time.Minute + time.Second)),
		"no number":            signedAt("now"),
		"a fraction":           signedAt("1795262400.0"),
		"a sign":               signedAt("+1795262400"),
		"a leading zero":       signedAt("01795262400"),
		"milliseconds":         signedAt("1795262400000"),
		"beyond 64 bits":       signedAt("99999999999999999999"),
		"negative":             signedAt("-1795262400"),
		"another secret":       signature("v1=" + other.Sign("1795262400", []byte(leaver))),
		"one bit":              signature("v1=" + flip(right)),
		"bare":                 signature(right),
		"upper case":           signature("v1=" + strings.ToUpper(right)),
		"cut":                  signature("v1=" + right[:62]),
		"longer":               signature("v1=" + right + "00"),
		"odd":                  signature("v1=" + right[:63]),
		"empty":                signature("v1="),
		"only another version": signature("v2=" + right),
		"garbage beside it":    signature("v1=" + right + ",nonsense"),
		"an empty one":         signature("v1=" + right + ","),
		"too many":             signature(strings.Repeat("v1="+right+",", 8) + "v1=" + right),
	}
	for name, change := range refused {
		r := deliver(t, s, leaver)
		change(r.Header)
		got, err := c.Events(r, []byte(leaver))
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if strings.Contains(err.Error(), signingSecret) || strings.Contains(err.Error(), right) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	for _, changed := range []string{leaver + " ", strings.Replace(leaver, "frank", "grace", 1), ""} {
		if _, err := c.Events(deliver(t, s, leaver), []byte(changed)); !errors.Is(err, connectors.ErrUnverified) {
			t.Errorf("body %q: %v", changed, err)
		}
	}
}

func flip(digest string) string {
	if digest[0] == '0' {
		return "1" + digest[1:]
	}
	return "0" + digest[1:]
}

func TestVerifiedAtTheEdges(t *testing.T) {
	t.Parallel()
	c, s := open(t)
	for _, at := range []time.Time{now.Add(-5 * time.Minute), now.Add(5 * time.Minute)} {
		s.Now = func() time.Time { return at }
		if _, err := c.Events(deliver(t, s, leaver), []byte(leaver)); err != nil {
			t.Errorf("signed %s: %v", at, err)
		}
	}
	s.Now = func() time.Time { return now }
	old := webhooktest.Sender{Secret: secret.New("the-secret-before-this-one")}.Sign("1795262400", []byte(leaver))
	for name, header := range map[string]string{
		"old then new":       "v1=" + old + ", v1=" + s.Sign("1795262400", []byte(leaver)),
		"new then old":       "v1=" + s.Sign("1795262400", []byte(leaver)) + ",v1=" + old,
		"a version to come":  "v2=whatever,v1=" + s.Sign("1795262400", []byte(leaver)),
		"spaces around them": " v1=" + s.Sign("1795262400", []byte(leaver)) + " ",
	} {
		r := deliver(t, s, leaver)
		r.Header.Set("Latchkey-Signature", header)
		if _, err := c.Events(r, []byte(leaver)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	c, s := open(t)
	field := func(pairs ...string) string {
		return strings.NewReplacer(pairs...).Replace(leaver)
	}
	for name, body := range map[string]string{
		"empty":             "",
		"no JSON":           "type=person.left",
		"a list":            "[" + leaver + "]",
		"null":              "null",
		"an empty object":   "{}",
		"no events":         `{"events":[]}`,
		"null events":       `{"events":null}`,
		"a null event":      `{"events":[null]}`,
		"both":              `{"id":"e9","events":[` + leaver + `]}`,
		"too many":          `{"events":[` + strings.Repeat(leaver+",", 1000) + leaver + `]}`,
		"one ID twice":      `{"events":[` + leaver + "," + leaver + `]}`,
		"the second is bad": `{"events":[` + leaver + `,{"id":"e2"}]}`,
		"something follows": leaver + leaver,
		"unknown field":     field(`"id"`, `"extra":1,"id"`),
		"unknown inside":    `{"events":[` + field(`"id"`, `"extra":1,"id"`) + `]}`,
		"no id":             field(`"id":"e1",`, ``),
		"number as id":      field(`"e1"`, `1`),
		"no type":           field(`"type":"person.left",`, ``),
		"unknown type":      field("person.left", "person.fired"),
		"nobody":            field(`"email":"frank@example.com",`, ``),
		"no address":        field("frank@example.com", "frank"),
		"named address":     field("frank@example.com", "Frank <frank@example.com>"),
		"two addresses":     field("frank@example.com", "a@example.com, b@example.com"),
		"no at":             field(`,"at":"2026-11-21T11:59:00Z"`, ``),
		"at is a date":      field("2026-11-21T11:59:00Z", "2026-11-21"),
		"at to come":        field("2026-11-21T11:59:00Z", "2026-11-21T12:05:01Z"),
		"from is a date":    field(`"at"`, `"from":"2026-12-01","at"`),
		"a control sign":    field(`"at"`, `"name":"a\u0007b","at"`),
		"a turned text":     field(`"at"`, `"reason":"a\u202eb","at"`),
		"two lines":         field(`"e1"`, `"e\n1"`),
		"a long name":       field(`"at"`, `"name":"`+strings.Repeat("é", 255)+`","at"`),
		"no UTF-8":          field("e1", "e\xff"),
	} {
		got, err := c.Events(deliver(t, s, body), []byte(body))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, change := range map[string]func(http.Header){
		"no type":        func(h http.Header) { h.Del("Content-Type") },
		"a form":         func(h http.Header) { h.Set("Content-Type", "application/x-www-form-urlencoded") },
		"two types":      func(h http.Header) { h.Add("Content-Type", "text/plain") },
		"another coding": func(h http.Header) { h.Set("Content-Type", "application/json; charset=utf-16") },
		"compressed":     func(h http.Header) { h.Set("Content-Encoding", "gzip") },
	} {
		r := deliver(t, s, leaver)
		change(r.Header)
		if _, err := c.Events(r, []byte(leaver)); !errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, err := webhook.Open(connectors.Settings{Name: "hr"}, nil)
	if !errors.Is(err, connectors.ErrMissing) || !strings.Contains(err.Error(), "signing_secret") {
		t.Errorf("without a secret: %v", err)
	}
	for _, bad := range []string{"fifteen-letters", "with a space in the middle", "with-a-line-break-at-the-end\n"} {
		_, err := webhook.Open(connectors.Settings{Name: "hr", SigningSecret: secret.New(bad)}, nil)
		if err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	c, _ := open(t)
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}
