package hibob_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/hibob"
	"latchkey/connectors/hibob/hibobtest"
	"latchkey/secret"
)

const (
	token   = "service-user-token-nobody-may-see"
	hook    = "webhook-secret-of-the-tests"
	address = "http://latchkey.example/hooks/hr"
)

var (
	now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at  = now.Add(-time.Minute)
)

type bundle struct {
	*hibob.Connector
	*hibobtest.Double
}

func setup(t testing.TB) bundle {
	t.Helper()
	d, base := hibobtest.Start(t, hibobtest.Config{ServiceUser: "SERVICE-1", Token: secret.New(token), Secret: secret.New(hook)})
	wire := &http.Transport{} // retries would hide injected faults
	t.Cleanup(wire.CloseIdleConnections)
	c, err := hibob.Open(settings(base), wire)
	if err != nil {
		t.Fatal(err)
	}
	c.SetNow(func() time.Time { return now })
	d.Set(hibobtest.Person{ID: "7", Email: "frank@example.com", DisplayName: "Frank Ott"})
	return bundle{c, d}
}

func settings(base string) connectors.Settings {
	return connectors.Settings{
		Name: "hr", BaseURL: base, AllowPrivate: true,
		ClientID: "SERVICE-1", Token: secret.New(token), SigningSecret: secret.New(hook),
	}
}

func (b bundle) send(ctx context.Context, t testing.TB, body []byte) ([]connectors.PersonEvent, error) {
	t.Helper()
	r, err := b.Deliver(ctx, address, body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Events(r, body)
	if err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), hook)) {
		t.Errorf("the error shows a secret: %v", err)
	}
	return got, err
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Set(hibobtest.Person{ID: "8", Email: "grace@example.com", DisplayName: "Grace", Plain: true})
	b.Set(hibobtest.Person{ID: "9"})
	frank := connectors.AccountRef{ID: "7", Email: "frank@example.com", Name: "Frank Ott"}
	grace := connectors.AccountRef{ID: "8", Email: "grace@example.com", Name: "Grace"}
	for _, tt := range []struct {
		event, person string
		active        bool
		want          connectors.AccountRef
	}{
		{"employee.left", "7", false, frank},
		{"employee.inactivated", "7", false, frank},
		{"employee.access.revoked.immediately", "7", false, frank},
		{"employee.activated", "7", true, frank},
		{"employee.joined", "8", true, grace},
		{"employee.deleted", "7", false, connectors.AccountRef{ID: "7"}},
		{"employee.left", "9", false, connectors.AccountRef{ID: "9"}},   // what we may not read
		{"employee.left", "10", false, connectors.AccountRef{ID: "10"}}, // whom we may not read
	} {
		want := []connectors.PersonEvent{{
			ID: tt.event + "/" + tt.person + "/2026-11-21T11:59:00.000000Z", Account: tt.want, Active: tt.active, At: at, Reason: tt.event,
		}}
		for range 2 { // a repeat has the same ID
			got, err := b.send(t.Context(), t, hibobtest.Event(tt.event, tt.person, at))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", tt.event, err, diff)
			}
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tt := range map[string]struct {
		triggered, employee string
		want                time.Time
	}{
		"a zone":        {"2026-11-21T12:59:00+01:00", `"7"`, at},
		"without colon": {"2026-11-21T12:59:00+0100", `"7"`, at},
		"no zone":       {"2026-11-21T11:59:00.000001", `"7"`, at.Add(time.Microsecond)},
		"a number":      {"2026-11-21T11:59:00Z", `7`, at},
		"a clock ahead": {"2026-11-21T13:00:00Z", `"7"`, now},
	} {
		body := `{"companyId":1,"type":"employee.left","triggeredAt":"` + tt.triggered + `","version":"v2","data":{"employeeId":` + tt.employee + `,"more":1},"more":{}}`
		got, err := b.send(t.Context(), t, []byte(body))
		if err != nil || len(got) != 1 || !got[0].At.Equal(tt.want) || got[0].ID != "employee.left/7/"+tt.triggered || got[0].Account.Email == "" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, event := range []string{"employee.updated", "employee.created", "table.entry.created", "employee.temporaryLeave"} {
		got, err := b.send(t.Context(), t, hibobtest.Event(event, "7", at))
		if err != nil || got != nil {
			t.Errorf("%s: %v, %v", event, got, err)
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{"Ping test", `"Ping test"`, `{"text":"Ping test"}`, "Ping test\n", `{ "text": "Ping test" }`} {
		r, _ := http.NewRequest(http.MethodPost, address, http.NoBody)
		answer, ok := b.Handshake(r, []byte(body))
		if !ok || len(answer.Body) == 0 || answer.ContentType == "" {
			t.Errorf("%s: %+v, %t", body, answer, ok)
		}
		if got, err := b.send(t.Context(), t, []byte(body)); err != nil || got != nil {
			t.Errorf("%s as a delivery: %v, %v", body, got, err)
		}
	}
	for _, body := range []string{"", "ping test", `{"text":"Pong"}`, `{"text":"Ping test"}` + strings.Repeat(" ", 64), string(hibobtest.Event("employee.left", "7", at))} {
		r, _ := http.NewRequest(http.MethodPost, address, http.NoBody)
		if answer, ok := b.Handshake(r, []byte(body)); ok {
			t.Errorf("%q: %+v", body, answer)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, address, http.NoBody)
	if _, ok := b.Handshake(r, []byte("Ping test")); ok {
		t.Error("a GET is taken for a ping")
	}
}

// The signature was computed with openssl's command line.
func TestForeignSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"type":"employee.deleted","triggeredAt":"2026-11-21T11:59:00Z","version":"v2","data":{"employeeId":"7"}}`
	r, _ := http.NewRequest(http.MethodPost, address, http.NoBody)
	r.Header.Set("Bob-Signature", "M2Hnphdwfld3F6fpVlzJDGxUJB4n5DK6qdVAjqBJ0NIlTmdZMQSx7iuRGhA466U3F/K4iMiVkKvWnhDlqb5tbg==")
	if got, err := b.Events(r, []byte(body)); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUnverified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := hibobtest.Event("employee.left", "7", at)
	right := b.Sign(body)
	raw, _ := base64.StdEncoding.DecodeString(right)
	other := hibobtest.New(hibobtest.Config{Secret: secret.New("of another webhook")})
	const header = "Bob-Signature"
	set := func(s string) func(http.Header) { return func(h http.Header) { h.Set(header, s) } }
	for name, change := range map[string]func(http.Header){
		"none":           func(h http.Header) { h.Del(header) },
		"empty":          set(""),
		"two":            func(h http.Header) { h.Add(header, right) },
		"another secret": set(other.Sign(body)),
		"hex":            set(hex.EncodeToString(raw)),
		"URL alphabet":   set(base64.URLEncoding.EncodeToString(append(raw[:63:63], 0xff))),
		"no padding":     set(strings.TrimRight(right, "=")),
		"cut":            set(base64.StdEncoding.EncodeToString(raw[:32])),
		"lower case":     set(strings.ToLower(right)),
		"a line break":   set(right[:76] + "\n" + right[76:]),
		"with its name":  set("sha512=" + right),
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
		if strings.Contains(err.Error(), hook) || strings.Contains(err.Error(), right) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	r, _ := b.Deliver(t.Context(), address, body)
	if _, err := b.Events(r, append(body, ' ')); !errors.Is(err, connectors.ErrUnverified) {
		t.Errorf("a changed body: %v", err)
	}
	r, _ = http.NewRequest(http.MethodPost, address, http.NoBody)
	if _, err := b.Events(r, []byte("Ping test")); !errors.Is(err, connectors.ErrUnverified) {
		t.Errorf("an unsigned ping as a delivery: %v", err)
	}
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("the API was asked for a forger: %v", calls)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := string(hibobtest.Event("employee.left", "7", at))
	with := func(old, changed string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		return strings.Replace(good, old, changed, 1)
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "an object": "{}", "something follows": good + "{}",
		"a form":      "type=employee.left",
		"version 1":   with(`"v2"`, `"v1"`),
		"no version":  with(`"version":"v2"`, `"x":1`),
		"no employee": with(`"employeeId":"7"`, `"x":1`),
		"a path":      with(`"7"`, `"7/../8"`),
		"a fraction":  with(`"7"`, `7.5`),
		"long":        with(`"7"`, `"`+strings.Repeat("7", 41)+`"`),
		"no time":     with(`"triggeredAt"`, `"x"`),
		"a date":      with("2026-11-21T11:59:00.000000Z", "2026-11-21"),
		"a number":    with(`"employee.left"`, `1`),
	} {
		got, err := b.send(t.Context(), t, []byte(body))
		if !errors.Is(err, connectors.ErrMalformed) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// An answer that is none makes the sender try again, and never an event.
func TestAPIFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]hibobtest.Fault{
		"unauthorized":   {Status: http.StatusUnauthorized, Body: `{"error":"token ` + token + ` is unknown"}`},
		"forbidden":      {Status: http.StatusForbidden},
		"limited":        {Status: http.StatusTooManyRequests, RetryAfter: "7"},
		"failing":        {Status: http.StatusInternalServerError},
		"a redirect":     {Status: http.StatusFound},
		"garbage":        {Status: http.StatusOK, Body: "<html>"},
		"another person": {Status: http.StatusOK, Body: `{"/root/id":{"value":"8"},"/root/email":{"value":"grace@example.com"}}`},
		"nobody":         {Status: http.StatusOK, Body: `{"email":"grace@example.com"}`},
		"another type":   {Status: http.StatusOK, Body: `{"id":"7","email":["a"]}`},
	} {
		b := setup(t)
		b.Inject(fault)
		body := hibobtest.Event("employee.left", "7", at)
		got, err := b.send(t.Context(), t, body)
		if err == nil || got != nil || errors.Is(err, connectors.ErrUnverified) || errors.Is(err, connectors.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if limited, ok := errors.AsType[*connectors.RateLimitedError](err); name == "limited" && (!ok || limited.After != 7*time.Second) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := b.send(t.Context(), t, body); err != nil || len(got) != 1 {
			t.Errorf("%s, then again: %v, %v", name, got, err)
		}
	}
}

func TestAPIHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.send(ctx, t, hibobtest.Event("employee.left", "7", at))
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestCheckAndOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	b.Inject(hibobtest.Fault{Status: http.StatusUnauthorized})
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "service user was refused") {
		t.Errorf("refused: %v", err)
	}
	b.Inject(hibobtest.Fault{Status: http.StatusBadGateway})
	if err := b.Check(t.Context()); err == nil {
		t.Error("a failure passes for an answer")
	}

	good := settings("")
	if _, err := hibob.Open(good, http.DefaultTransport); err != nil {
		t.Errorf("without base_url: %v", err)
	}
	for word, change := range map[string]func(*connectors.Settings){
		"missing setting: client_id":      func(s *connectors.Settings) { s.ClientID = "" },
		"missing setting: token":          func(s *connectors.Settings) { s.Token = secret.Value{} },
		"missing setting: signing_secret": func(s *connectors.Settings) { s.SigningSecret = secret.Value{} },
		"client_id holds":                 func(s *connectors.Settings) { s.ClientID = "a:b" },
		"token holds":                     func(s *connectors.Settings) { s.Token = secret.New("a\nb") },
		"base_url must be https":          func(s *connectors.Settings) { s.BaseURL, s.AllowPrivate = "http://bob.example", false },
	} {
		s := good
		change(&s)
		if _, err := hibob.Open(s, http.DefaultTransport); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want one about %q", err, word)
		}
	}
	if _, err := hibob.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("without transport: %v", err)
	}
}
