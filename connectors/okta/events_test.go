package okta

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

const (
	hookSecret = "the value the hook is configured with"
	hookURL    = "http://latchkey.example/hooks/okta"
)

var hookNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func openHook(t testing.TB) (*Connector, *oktatest.Double) {
	t.Helper()
	clock := func() time.Time { return hookNow }
	c, err := Open(connectors.Settings{
		Name: "okta-prod", BaseURL: "https://acme.okta.example", Token: secret.New("00token"), SigningSecret: secret.New(hookSecret),
	}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.now = clock
	return c, oktatest.New(oktatest.Config{Token: secret.New("00token"), Now: clock})
}

func hooked(t testing.TB, c *Connector, body []byte) ([]connectors.PersonEvent, error) {
	t.Helper()
	r, err := oktatest.Deliver(t.Context(), hookURL, secret.New(hookSecret), body)
	if err != nil {
		t.Fatal(err)
	}
	return c.Events(r, body)
}

func TestHookEvents(t *testing.T) {
	t.Parallel()
	c, d := openHook(t)
	frank := d.AddPerson(oktatest.Person{Email: "frank@example.com", Name: "Frank"})
	odd := d.AddPerson(oktatest.Person{Email: "odd-login", Name: "Odd"})
	account := connectors.AccountRef{ID: frank, Email: "frank@example.com", Name: "Frank"}
	for eventType, active := range map[string]bool{
		"user.lifecycle.deactivate": false, "user.lifecycle.suspend": false, "user.lifecycle.delete.initiated": false,
		"user.lifecycle.activate": true, "user.lifecycle.reactivate": true, "user.lifecycle.unsuspend": true,
	} {
		body := d.HookBody(oktatest.LogEvent{UUID: "u1", Type: eventType, Person: frank, At: hookNow.Add(-time.Minute)})
		want := []connectors.PersonEvent{{ID: "u1", Account: account, Active: active, At: hookNow.Add(-time.Minute), Reason: eventType}}
		for range 2 { // a repeat has the same ID
			got, err := hooked(t, c, body)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", eventType, err, diff)
			}
		}
	}

	// Events come in any order, with others among them.
	got, err := hooked(t, c, d.HookBody(
		oktatest.LogEvent{UUID: "u2", Type: "user.lifecycle.unsuspend", Person: frank, At: hookNow.Add(-time.Second)},
		oktatest.LogEvent{UUID: "u3", Type: "user.session.start", Person: frank},
		oktatest.LogEvent{UUID: "u4", Type: "user.lifecycle.create", Person: frank},
		oktatest.LogEvent{UUID: "u5", Type: "user.lifecycle.deactivate", Person: frank, Outcome: "FAILURE"},
		oktatest.LogEvent{UUID: "u6", Type: "group.user_membership.remove"},
		oktatest.LogEvent{UUID: "u7", Type: "user.lifecycle.suspend", Person: frank, At: hookNow.Add(-time.Minute)},
		oktatest.LogEvent{UUID: "u8", Type: "user.lifecycle.suspend", Person: odd, At: hookNow.Add(time.Hour)},
	))
	want := []connectors.PersonEvent{
		{ID: "u2", Account: account, Active: true, At: hookNow.Add(-time.Second), Reason: "user.lifecycle.unsuspend"},
		{ID: "u7", Account: account, At: hookNow.Add(-time.Minute), Reason: "user.lifecycle.suspend"},
		{ID: "u8", Account: connectors.AccountRef{ID: odd, Name: "Odd"}, At: hookNow, Reason: "user.lifecycle.suspend"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}

	got, err = hooked(t, c, d.HookBody(oktatest.LogEvent{Type: "user.session.start", Person: frank}))
	if err != nil || len(got) != 0 {
		t.Errorf("nobody came or went: %v, %v", got, err)
	}
}

func TestHookUnverified(t *testing.T) {
	t.Parallel()
	c, d := openHook(t)
	body := d.HookBody(oktatest.LogEvent{Type: "user.lifecycle.suspend", Person: d.Admin()})
	for name, change := range map[string]func(http.Header){
		"none":        func(h http.Header) { h.Del("Authorization") },
		"empty":       func(h http.Header) { h.Set("Authorization", "") },
		"two":         func(h http.Header) { h.Add("Authorization", hookSecret) },
		"another":     func(h http.Header) { h.Set("Authorization", "another value of nobody") },
		"with scheme": func(h http.Header) { h.Set("Authorization", "Bearer "+hookSecret) },
		"cut":         func(h http.Header) { h.Set("Authorization", hookSecret[1:]) },
		"longer":      func(h http.Header) { h.Set("Authorization", hookSecret+"x") },
		"upper case":  func(h http.Header) { h.Set("Authorization", strings.ToUpper(hookSecret)) },
	} {
		r, _ := oktatest.Deliver(t.Context(), hookURL, secret.New(hookSecret), body)
		change(r.Header)
		got, err := c.Events(r, body)
		if !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		if strings.Contains(err.Error(), hookSecret) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
	c.hook = secret.Value{} // not configured: nobody is believed, an empty header neither
	for _, value := range []string{"", hookSecret} {
		r, _ := oktatest.Deliver(t.Context(), hookURL, secret.New(value), body)
		if _, err := c.Events(r, body); !errors.Is(err, connectors.ErrUnverified) {
			t.Errorf("without signing_secret: %v", err)
		}
	}
}

func TestHookMalformed(t *testing.T) {
	t.Parallel()
	c, d := openHook(t)
	frank := d.AddPerson(oktatest.Person{Email: "frank@example.com"})
	good := string(d.HookBody(oktatest.LogEvent{UUID: "u1", Type: "user.lifecycle.suspend", Person: frank, At: hookNow}))
	with := func(pairs ...string) string {
		changed := strings.NewReplacer(pairs...).Replace(good)
		if changed == good {
			t.Fatalf("nothing to change in %s", good)
		}
		return changed
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "no JSON": "data=x", "something follows": good + "{}",
		"another type":    with("com.okta.event_hook", "com.okta.inline_hook"),
		"no events":       `{"eventType":"com.okta.event_hook","data":{"events":[]}}`,
		"no data":         `{"eventType":"com.okta.event_hook"}`,
		"too many":        `{"eventType":"com.okta.event_hook","data":{"events":[` + strings.Repeat("{},", 1000) + `{}]}}`,
		"no uuid":         with(`"uuid":"u1"`, `"uuid":""`),
		"no time":         with(`"published":`, `"printed":`),
		"a wrong time":    with(`"published":"2026-11-21T12:00:00.000Z"`, `"published":"yesterday"`),
		"no user":         with(`"type":"User"`, `"type":"Group"`),
		"user without ID": with(`"id":"`+frank+`"`, `"id":""`),
		"a path as ID":    with(`"id":"`+frank+`"`, `"id":"../x"`),
		"two users":       with(`"AppUser"`, `"User"`),
	} {
		got, err := hooked(t, c, []byte(body))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	c, _ := openHook(t)
	ask := func(change func(*http.Request)) (connectors.Answer, bool) {
		r, err := oktatest.Verification(t.Context(), hookURL, secret.New(hookSecret), `a"b<c`)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		return c.Handshake(r, nil)
	}
	answer, ok := ask(nil)
	var body map[string]string
	if err := json.Unmarshal(answer.Body, &body); err != nil || !ok || answer.ContentType != "application/json" {
		t.Fatalf("%+v, %t, %v", answer, ok, err)
	}
	if diff := cmp.Diff(map[string]string{"verification": `a"b<c`}, body); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*http.Request){
		"a delivery":     func(r *http.Request) { r.Method = http.MethodPost },
		"no challenge":   func(r *http.Request) { r.Header.Del(challengeHeader) },
		"an empty one":   func(r *http.Request) { r.Header.Set(challengeHeader, "") },
		"two challenges": func(r *http.Request) { r.Header.Add(challengeHeader, "x") },
		"a long one":     func(r *http.Request) { r.Header.Set(challengeHeader, strings.Repeat("x", 1025)) },
	} {
		if answer, ok := ask(change); ok || answer.Body != nil {
			t.Errorf("%s: %+v", name, answer)
		}
	}
	c.hook = secret.Value{}
	if _, ok := ask(nil); ok {
		t.Error("a connection that takes no events says it does")
	}
}

func TestHookSetting(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"": true, hookSecret: true, "fifteen-letters": false, " begins with a space": false, "has-a-line-break\n-in-it": false,
	} {
		_, err := Open(connectors.Settings{
			Name: "okta", BaseURL: "https://acme.okta.example", Token: secret.New("00token"), SigningSecret: secret.New(value),
		}, http.DefaultTransport)
		if (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "signing_secret") || strings.Contains(err.Error(), value)) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func FuzzHook(f *testing.F) {
	c, d := openHook(f)
	frank := d.AddPerson(oktatest.Person{Email: "frank@example.com"})
	f.Add(d.HookBody(oktatest.LogEvent{Type: "user.lifecycle.suspend", Person: frank}, oktatest.LogEvent{Type: "x"}))
	f.Add([]byte(`{"eventType":"com.okta.event_hook","data":{"events":[{}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := hooked(t, c, body)
		if err != nil && (!errors.Is(err, connectors.ErrMalformed) || got != nil) {
			t.Fatalf("%v, %v", got, err)
		}
		for _, e := range got {
			if e.ID == "" || e.Account.ID == "" || e.At.IsZero() || e.At.After(hookNow) {
				t.Errorf("event %+v", e)
			}
		}
	})
}
