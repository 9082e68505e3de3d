package bamboohr_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/bamboohr"
	"latchkey/connectors/bamboohr/bamboohrtest"
	"latchkey/secret"
)

// The signature was computed with openssl's command line.
func TestForeignSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"type":"employee.deleted","timestamp":"2026-11-21T11:59:00+0000","data":{"companyId":"12345","employeeId":"7"}}`
	r, _ := http.NewRequest(http.MethodPost, address, http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-BambooHR-Timestamp", "1795262400")
	r.Header.Set("X-BambooHR-Signature", "c1b213bb788d3164fc01427324ea2b8860f902a389980c8beb83d4dc2dd2430f")
	got, err := b.Events(r, []byte(body))
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUnverified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(frank("Inactive", "", ""))
	body := bamboohrtest.Event("employee.updated", "7", at, "status")
	right := b.Sign(body, "1795262400")
	other := bamboohrtest.New(bamboohrtest.Config{PrivateKey: secret.New("of another webhook")})
	const timestamp, signature = "X-BambooHR-Timestamp", "X-BambooHR-Signature"
	signedAt := func(s string) func(http.Header) {
		return func(h http.Header) {
			h.Set(timestamp, s)
			h.Set(signature, b.Sign(body, s))
		}
	}
	signed := func(s string) func(http.Header) { return func(h http.Header) { h.Set(signature, s) } }
	unix := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for name, change := range map[string]func(http.Header){
		"no timestamp":        func(h http.Header) { h.Del(timestamp) },
		"two timestamps":      func(h http.Header) { h.Add(timestamp, "1795262400") },
		"no signature":        func(h http.Header) { h.Del(signature) },
		"two signatures":      func(h http.Header) { h.Add(signature, right) },
		"another time":        func(h http.Header) { h.Set(timestamp, "1795262401") },
		"too old":             signedAt(unix(-5*time.Minute - time.Second)),
		"too new":             signedAt(unix(5*time.Minute + time.Second)),
		"a date":              signedAt("2026-11-21T12:00:00Z"),
		"a leading zero":      signedAt("01795262400"),
		"another key":         signed(other.Sign(body, "1795262400")),
		"the time first":      signed(b.Sign(append([]byte("1795262400"), body...), "")),
		"with a dot":          signed(b.Sign([]byte(string(body)+"."), "1795262400")),
		"without the time":    signed(b.Sign(body, "")),
		"upper case":          signed(strings.ToUpper(right)),
		"no hex":              signed("zz"),
		"cut":                 signed(right[:62]),
		"with its name":       signed("sha256=" + right),
		"the digits together": signed("1795262400"),
	} {
		r, err := b.Deliver(t.Context(), address, body)
		if err != nil {
			t.Fatal(err)
		}
		change(r.Header)
		got, err := b.Events(r, body)
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if strings.Contains(err.Error(), privateKey) || strings.Contains(err.Error(), right) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	r, _ := b.Deliver(t.Context(), address, body)
	if _, err := b.Events(r, append(body, ' ')); !errors.Is(err, connectors.ErrUnverified) {
		t.Errorf("a changed body: %v", err)
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the API was asked for a forger: %v", calls)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, body := range map[string]string{
		"empty":           "",
		"null":            "null",
		"a list":          "[]",
		"an object":       "{}",
		"cut":             `{"type":`,
		"nobody":          `{"type":"employee.updated","data":{}}`,
		"a path":          `{"type":"employee.updated","data":{"employeeId":"7/../8"}}`,
		"a fraction":      `{"type":"employee.updated","data":{"employeeId":7.5}}`,
		"a long number":   `{"type":"employee.updated","data":{"employeeId":"123456789012345678901"}}`,
		"no time":         `{"type":"employee.updated","timestamp":"now","data":{"employeeId":"7"}}`,
		"another company": `{"type":"employee.updated","data":{"companyId":"globex","employeeId":"7"}}`,
		"both":            `{"type":"employee.updated","data":{"employeeId":"7"},"employees":[{"id":"7","action":"Updated"}]}`,
		"no action":       `{"employees":[{"id":"7"}]}`,
		"unknown action":  `{"employees":[{"id":"7","action":"Fired"}]}`,
		"a row of nobody": `{"employees":[{"id":"7","action":"Updated"},{"action":"Updated"}]}`,
		"too many":        `{"employees":[` + strings.Repeat(`{"id":"7","action":"Deleted"},`, 1000) + `{"id":"7","action":"Deleted"}]}`,
		"a form of rows":  `employees[7][id]=7`,
		"a doubled form":  `type=employee.updated&data[employeeId]=7&data[employeeId]=8`,
		"no form":         `type=%zz`,
	} {
		got, err := b.send(t.Context(), t, []byte(body))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	body := bamboohrtest.Event("employee.deleted", "7", at)
	for _, kind := range []string{"", "text/plain", "application/xml"} {
		r, _ := b.Deliver(t.Context(), address, body)
		r.Header.Set("Content-Type", kind)
		if _, err := b.Events(r, body); !errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("type %q: %v", kind, err)
		}
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the API was asked: %v", calls)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	good := settings("")
	if _, err := bamboohr.Open(good, http.DefaultTransport); err != nil {
		t.Errorf("without base_url: %v", err)
	}
	for word, change := range map[string]func(*connectors.Settings){
		"missing setting: company":        func(s *connectors.Settings) { s.Company = "" },
		"missing setting: api_key":        func(s *connectors.Settings) { s.APIKey = secret.Value{} },
		"missing setting: signing_secret": func(s *connectors.Settings) { s.SigningSecret = secret.Value{} },
		"the subdomain alone":             func(s *connectors.Settings) { s.Company = "acme.bamboohr.com" },
		"api_key holds":                   func(s *connectors.Settings) { s.APIKey = secret.New("a:b") },
		"base_url must be https": func(s *connectors.Settings) {
			s.BaseURL, s.AllowPrivate = "http://acme.bamboohr.com/api", false
		},
	} {
		s := good
		change(&s)
		if _, err := bamboohr.Open(s, http.DefaultTransport); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want one about %q", err, word)
		}
	}
	if _, err := bamboohr.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("without transport: %v", err)
	}
}
