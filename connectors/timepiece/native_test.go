package timepiece_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/timepiece"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

// unsigned is a JWT with the given claims and no signature worth the name.
func unsigned(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("x"))
}

// alwaysTaken is a vendor that takes every token.
type alwaysTaken struct{}

func (alwaysTaken) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Body: http.NoBody, Header: http.Header{}}, nil
}

func TestTokensSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	s := connectors.Settings{Name: "time", Kind: "timepiece", Token: secret.New("a-token-of-an-unknown-form"), Import: []secret.Value{
		secret.New(unsigned(`{"aud":["a","b"],"sub":"557058:0d90377f-13ee","clientKey":"18e5ebcc","iss":"x","exp":4102444740,"iat":1583308330}`) + "\n"),
		secret.New("18E5EBCC-3d2d-3789-a180-c497809c5e7e"),
		secret.New(unsigned(`{}`)),
		secret.New(unsigned(`{}`)),
	}}
	c, err := timepiece.Open(s, alwaysTaken{})
	if err != nil {
		t.Fatal(err)
	}
	row := func(i int, class, owner string, created, expires time.Time) connectors.Credential {
		value := s.Token
		if i >= 0 {
			value = secret.New(strings.TrimSpace(s.Import[i].Expose()))
		}
		account := connectors.AccountRef{ID: owner, Service: i < 0} // the one that Latchkey works with
		return connectors.Credential{
			Ref: connectors.Ref{ID: fingerprint(value), Owner: account}, Kind: connectors.APIKey, Class: class, Owner: account,
			Scopes: []string{connectors.FullAccess}, Access: connectors.Admin, CreatedAt: created, ExpiresAt: expires,
		}
	}
	want := []connectors.Credential{
		row(-1, "API token", "", time.Time{}, time.Time{}),
		row(0, "API token (JWT)", "557058:0d90377f-13ee", time.Date(2020, 3, 4, 7, 52, 10, 0, time.UTC), time.Date(2099, 12, 31, 23, 59, 0, 0, time.UTC)),
		row(1, "API token", "", time.Time{}, time.Time{}),
		row(2, "API token (JWT)", "", time.Time{}, time.Time{}),
	}
	if diff := cmp.Diff(want, list(t, c)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestListShowsWhatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	live, off := b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0)), b.Make(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
	late, gone := b.Make(timepiecetest.Frank, "", b.now().AddDate(0, 0, -1)), b.MakeID(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
	other := b.MakeID(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0)) // says as little as the one that is gone
	b.Deactivate(off)
	b.Delete(gone)
	c := b.open(t, b.upstream, live, off, late, gone, other, b.upstream, live)
	suspended := func() []bool {
		var out []bool
		for _, cred := range list(t, c) {
			out = append(out, cred.Suspended)
		}
		return out
	}
	if diff := cmp.Diff([]bool{false, false, true, true, true, false}, suspended()); diff != "" {
		t.Errorf("upstream, live, deactivated, expired, deleted, another (-want +got)\n%s", diff)
	}
	b.Activate(off)
	b.Expire(live, b.now()) // its own exp still says next year
	if diff := cmp.Diff([]bool{false, true, false, true, true, false}, suspended()); diff != "" {
		t.Errorf("later (-want +got)\n%s", diff)
	}
	if len(b.Faults()) != 0 {
		t.Errorf("faults: %v", b.Faults())
	}
}

// A walk that can't ask further ends with one error, and looks partial.
func TestListEndsWithAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail func(*bundle)
		is   func(error) bool
	}{
		"429": {func(b *bundle) { b.LimitNext(time.Minute) }, func(err error) bool {
			var limited *connectors.RateLimitedError
			return errors.As(err, &limited) && limited.After == time.Minute
		}},
		"403":  {func(b *bundle) { b.RefuseNext() }, func(err error) bool { return errors.Is(err, connectors.ErrUnrecoverable) }},
		"down": {func(b *bundle) { b.Set(timepiecetest.Knobs{Down: true}) }, func(err error) bool { return !errors.Is(err, connectors.ErrUnrecoverable) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token := b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0))
			c, err := timepiece.Open(b.settings(b.upstream, token), http.DefaultTransport) // no retries
			if err != nil {
				t.Fatal(err)
			}
			var rows, failures int
			for _, err := range c.Credentials(t.Context()) {
				if err == nil {
					rows++
					tt.fail(b) // after the first row
					continue
				}
				failures++
				if !tt.is(err) {
					t.Errorf("err = %v", err)
				}
				wantNoSecret(t, err, b.upstream, token)
			}
			if rows != 1 || failures != 1 {
				t.Errorf("%d rows and %d errors", rows, failures)
			}
		})
	}
}

// An imported token that is refused, and of whose site no other is taken, is
// listed as it is: it may work again, and the others are no worse for it. With
// the upstream token it is the connection that does not work.
func TestListShowsWhatNobodyVouchesFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elsewhere := secret.New(unsigned(`{"clientKey":"another-site","sub":"557058:elsewhere"}`))
	strange := b.MakeID(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
	b.Delete(strange)
	c := b.open(t, b.upstream, elsewhere, strange, b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0)))
	rows := list(t, c)
	if len(rows) != 4 || slices.ContainsFunc(rows, func(r connectors.Credential) bool { return r.Suspended }) || rows[1].Owner.ID != "557058:elsewhere" {
		t.Errorf("rows %+v", rows)
	}
	b.Set(timepiecetest.Knobs{NoLicence: true})
	var failures []error
	for row, err := range c.Credentials(t.Context()) {
		if err == nil {
			t.Errorf("row %+v", row)
			continue
		}
		failures = append(failures, err)
	}
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "licence") {
		t.Errorf("without a licence: %v", failures)
	}
}

// The end that a token says is not the one that counts: an administrator moved
// it, and the token says nothing about the new one.
func TestATokenThatOutlivesItsOwnEnd(t *testing.T) {
	t.Parallel()
	past := secret.New(unsigned(`{"sub":"a","exp":1583308330,"iat":1483308330}`))
	s := connectors.Settings{Name: "time", Kind: "timepiece", Token: past, Import: []secret.Value{secret.New(unsigned(`{"exp":4102444740}`))}}
	c, err := timepiece.Open(s, alwaysTaken{})
	if err != nil {
		t.Fatal(err)
	}
	rows := list(t, c)
	if len(rows) != 2 || !rows[0].ExpiresAt.IsZero() || rows[0].Suspended || rows[1].ExpiresAt.IsZero() {
		t.Errorf("rows %+v", rows)
	}
	b := setup(t)
	over := b.Make(timepiecetest.Bob, "", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	rows = list(t, b.open(t, b.upstream, over))
	if len(rows) != 2 || rows[1].ExpiresAt.IsZero() || !rows[1].Suspended {
		t.Errorf("one that is over: %+v", rows)
	}
}

func TestListStopsEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.open(t, b.upstream, b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0)))
	for range c.Credentials(t.Context()) {
		break
	}
	if n := b.Calls()["GET /rest/calendar"]; n != 1 {
		t.Errorf("%d calls for one row", n)
	}
}

// A 401 proves that a token is dead only beside a token that is taken.
func TestVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(b *bundle, token secret.Value)
		want   connectors.Liveness
		fails  bool
	}{
		"live":            {func(*bundle, secret.Value) {}, connectors.Live, false},
		"deactivated":     {func(b *bundle, token secret.Value) { b.Deactivate(token) }, connectors.Dead, false},
		"deleted":         {func(b *bundle, token secret.Value) { b.Delete(token) }, connectors.Dead, false},
		"expired":         {func(b *bundle, token secret.Value) { b.Expire(token, b.now()) }, connectors.Dead, false},
		"no licence":      {func(b *bundle, _ secret.Value) { b.Set(timepiecetest.Knobs{NoLicence: true}) }, connectors.Unknown, true},
		"down":            {func(b *bundle, _ secret.Value) { b.Set(timepiecetest.Knobs{Down: true}) }, connectors.Unknown, true},
		"refused":         {func(b *bundle, _ secret.Value) { b.RefuseNext() }, connectors.Unknown, true},
		"rate limited":    {func(b *bundle, _ secret.Value) { b.LimitNext(time.Hour) }, connectors.Unknown, true},
		"nobody vouches":  {func(b *bundle, token secret.Value) { b.Deactivate(token); b.Delete(b.upstream) }, connectors.Unknown, true},
		"voucher refused": {func(b *bundle, token secret.Value) { b.Deactivate(token); b.answerSecond() }, connectors.Unknown, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token := b.Make(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
			c, err := timepiece.Open(b.settings(b.upstream, token), http.DefaultTransport)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(b, token)
			got, err := c.Verify(t.Context(), ref(token))
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("%s, %v", got, err)
			}
			wantNoSecret(t, err, b.upstream, token)
		})
	}
}

// answerSecond lets the first call be answered 401, as the deactivated token
// is, and refuses the one that should vouch.
func (b *bundle) answerSecond() {
	b.UnauthorizeNext()
	b.RefuseNext()
}

func TestVerifyAsksWithinTheSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elsewhere := secret.New(unsigned(`{"clientKey":"another-site"}`))
	silent := b.MakeID(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
	b.Delete(silent)
	silentToo := b.MakeID(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0))
	for name, tt := range map[string]struct {
		upstream, asked secret.Value
	}{
		"a token that names its site for one that names none":  {b.upstream, silent},
		"a token that names no site for one that names its":    {silentToo, elsewhere},
		"a token that names a site for one that names another": {b.upstream, elsewhere},
	} {
		if got, err := b.open(t, tt.upstream, tt.asked).Verify(t.Context(), ref(tt.asked)); got != connectors.Unknown || err == nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	c := b.open(t, silentToo, silent)
	if got, err := c.Verify(t.Context(), ref(silent)); got != connectors.Dead || err != nil {
		t.Errorf("a token that names no site is %s, %v: one like it vouches for it", got, err)
	}
	b.Deactivate(b.upstream)
	imported := b.Make(timepiecetest.Bob, "", b.now().AddDate(1, 0, 0))
	c = b.open(t, b.upstream, imported)
	if got, err := c.Verify(t.Context(), ref(b.upstream)); got != connectors.Dead || err != nil {
		t.Errorf("the upstream token is %s, %v: an imported one vouches for it", got, err)
	}
}

func TestVerifyOfRefsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.open(t, b.upstream)
	for id, fails := range map[string]bool{
		"jwt/": false, "jwt/x": false, "jwt/" + strings.Repeat("0", 30): false, strings.ToUpper(fingerprint(b.upstream)): false,
		"jwt/" + strings.Repeat("0", 32): true, // was imported once, perhaps
	} {
		if got, err := c.Verify(t.Context(), connectors.Ref{ID: id}); got != connectors.Unknown || (err != nil) != fails {
			t.Errorf("%s is %s, %v", id, got, err)
		}
	}
	if len(b.Calls()) != 0 {
		t.Errorf("the vendor was asked: %v", b.Calls())
	}
}

func TestRevokeNeedsAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.Make(timepiecetest.Frank, "", b.now().AddDate(1, 0, 0))
	c := b.open(t, b.upstream, token)
	r := ref(token)
	for what, err := range map[string]error{
		"revoke": c.Revoke(t.Context(), r), "suspend": c.Suspend(t.Context(), r), "resume": c.Resume(t.Context(), r),
		"revoke of one no longer imported": c.Revoke(t.Context(), connectors.Ref{ID: "jwt/" + strings.Repeat("0", 32)}),
	} {
		if !errors.Is(err, connectors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", what, err)
		}
	}
	if !b.Works(token) {
		t.Error("something ended the token")
	}
	b.Deactivate(token)
	if err := c.Revoke(t.Context(), r); err != nil {
		t.Errorf("revoke of one that is gone: %v", err)
	}
	b.Set(timepiecetest.Knobs{NoLicence: true})
	err := c.Revoke(t.Context(), r)
	if !errors.Is(err, connectors.ErrUnsupported) || !strings.Contains(err.Error(), "licence") {
		t.Errorf("revoke of one that nobody can ask about: %v", err)
	}
	if err := c.Revoke(t.Context(), connectors.Ref{ID: "jwt/x"}); err != nil {
		t.Errorf("revoke of one that can't exist: %v", err)
	}
}

func TestGuideRevoke(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, id := b.Make(timepiecetest.Frank, "", time.Date(2099, 12, 31, 23, 59, 0, 0, time.UTC)), b.MakeID(timepiecetest.Bob, "", b.now())
	c := b.open(t, b.upstream, token, id)
	tests := map[string]struct {
		ref   connectors.Ref
		steps int
		want  []string
	}{
		"imported": {ref(token), 4, []string{
			"administrator of Jira", "API Settings", timepiecetest.Frank, "created on 21 November 2026 at 12:00 UTC",
			"expiring on 31 December 2099 at 23:59 UTC", "Active off", "Leave import[0]",
		}},
		"says nothing": {ref(id), 4, []string{"does not say whose it is", "with import[1]"}},
		"upstream":     {ref(b.upstream), 5, []string{"the gateway itself uses", timepiecetest.Alice, "Leave token"}},
		"no longer imported": {
			connectors.Ref{ID: "jwt/" + strings.Repeat("0", 32), Owner: connectors.AccountRef{ID: "x", Name: "Frank Fisher"}}, 4,
			[]string{"whose User is Frank Fisher.", "can't prove"},
		},
	}
	for name, tt := range tests {
		task := c.GuideRevoke(tt.ref)
		text := strings.Join(task.Steps, "\n")
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the steps lack %q:\n%s", name, want, text)
			}
		}
		if len(task.Steps) != tt.steps || task.URL != "" || slices.ContainsFunc(task.Steps, func(s string) bool { return !strings.HasSuffix(s, ".") }) {
			t.Errorf("%s: %d steps from %q:\n%s", name, len(task.Steps), task.URL, text)
		}
		wantNoSecret(t, errors.New(text), token, id, b.upstream)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(unsigned(`{"sub":"a","exp":4102444740,"iat":1583308330.5}`))
	f.Add("18e5ebcc-3d2d-3789-a180-c497809c5e7e")
	f.Add(unsigned(`{"exp":1e300}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		s := connectors.Settings{Name: "time", Token: secret.New("x"), Import: []secret.Value{secret.New(text)}}
		c, err := timepiece.Open(s, alwaysTaken{})
		if err != nil {
			if len(text) > 40 && strings.Contains(fmt.Sprint(err), text) {
				t.Error("the error holds the token")
			}
			return
		}
		for cred, err := range c.Credentials(t.Context()) {
			if err != nil || cred.CreatedAt.Year() > 9999 || cred.ExpiresAt.Year() > 9999 || strings.Contains(cred.Ref.ID, text) {
				t.Errorf("%+v, %v", cred, err)
			}
		}
	})
}
