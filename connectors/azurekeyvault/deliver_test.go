package azurekeyvault_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/azurekeyvault/azurekeyvaulttest"
	"latchkey/secret"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.deliver(t, delivery("TK-1", ""))
	if first.Where != "secret tempo-token of payroll.vault.azure.net, version "+first.Version {
		t.Errorf("delivered %+v", first)
	}
	second := b.deliver(t, delivery("TK-2", first.Version))
	if second.Version == first.Version || b.d.Writes() != 2 {
		t.Errorf("delivered %+v after %+v with %d writes", second, first, b.d.Writes())
	}
}

func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := delivery("TK-1", "")
	one := b.deliver(t, first)
	if again := b.deliver(t, first); again != one {
		t.Errorf("%+v, then %+v", one, again)
	}
	second := delivery("TK-2", one.Version)
	two := b.deliver(t, second)
	if again := b.deliver(t, second); again != two {
		t.Errorf("%+v, then %+v", two, again)
	}
	if n := b.d.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
	}
}

func TestTagsFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := delivery("TK-1", "")
	d.Facts = map[string]string{"latchkey_label": "mine", "a": strings.Repeat("ä", 300)}
	for i := range 30 {
		d.Facts[fmt.Sprintf("fact_%02d", i)] = "x"
	}
	if _, err := b.Deliver(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	_, _, tags, _ := b.d.Current(place)
	if len(tags) != 15 || tags["latchkey_label"] != "TK-1" || tags["a"] != strings.Repeat("ä", 256) || tags["fact_12"] != "x" {
		t.Errorf("tags = %v", tags)
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	const hers = "somebody else's value"
	for name, tt := range map[string]struct {
		before func(bundle, *testing.T) (replaces string)
		keeps  string // empty for nothing there
		want   string
	}{
		"somebody's": {func(b bundle, _ *testing.T) string {
			b.d.Put(strings.ToUpper(place), hers, nil)
			return ""
		}, hers, "did not put it there"},
		"our other": {func(b bundle, t *testing.T) string {
			d := delivery("TK-0", "")
			d.Secret = secret.New(hers)
			b.deliver(t, d)
			return ""
		}, hers, "did not put it there"},
		"our tag": {func(b bundle, _ *testing.T) string {
			b.d.Put(place, hers, map[string]string{"latchkey_label": "TK-1"})
			return ""
		}, hers, "changed under the tag"},
		"changed": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Put(place, hers, nil)
			return v
		}, hers, "another version"},
		"changed after a lost answer": {func(b bundle, t *testing.T) string {
			b.d.LoseAnswer(http.MethodPut)
			if _, err := b.Deliver(t.Context(), delivery("TK-1", "")); err == nil {
				t.Error("the answer was not lost")
			}
			b.d.Put(place, hers, nil)
			return ""
		}, hers, "did not put it there"},
		"purged": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Purge(place)
			return v
		}, "", "not there any more"},
		"deleted before a later delivery": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Delete(place)
			return v
		}, "", "not there any more"},
		"deleted before a first delivery": {func(b bundle, _ *testing.T) string {
			b.d.Put(place, hers, nil)
			b.d.Delete(place)
			return ""
		}, "", "recover or purge it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			d := delivery("TK-1", tt.before(b, t))
			writes := b.d.Writes()
			_, err := b.Deliver(t.Context(), d)
			if !errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want ErrTaken and %q", err, tt.want)
			}
			clean(t, err, d.Secret, b.clientSecret, secret.New(hers))
			if b.d.Writes() != writes {
				t.Error("something was written")
			}
			if got, _, _, _ := b.d.Current(place); got.Expose() != tt.keeps {
				t.Error("what was there has changed")
			}
		})
	}
}

// A person may describe our secret without taking it from us.
func TestTagsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.deliver(t, delivery("TK-1", "")).Version
	b.d.Retag(place, map[string]string{"team": "payroll"})
	b.deliver(t, delivery("TK-2", v))
}

func TestRecoveryEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.deliver(t, delivery("TK-1", "")).Version
	b.d.Recover(place)
	d := delivery("TK-2", v)
	_, err := b.Deliver(t.Context(), d)
	if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "ObjectIsBeingRecovered") {
		t.Errorf("err = %v, want one that is worth a retry", err)
	}
	b.d.Recovered(place)
	b.deliver(t, d)
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replaces := ""
	for _, label := range []string{"TK-1", "TK-2"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			d := delivery(label+method, replaces)
			writes := b.d.Writes()
			if method == http.MethodPost {
				b.d.ForgetTokens()
			}
			b.d.LoseAnswer(method)
			_, err := b.Deliver(t.Context(), d)
			if method != http.MethodGet && err == nil || errors.Is(err, connectors.ErrUnrecoverable) { // net/http may repeat a GET
				t.Fatalf("%s: err = %v, want an ambiguous one", method, err)
			}
			clean(t, err, d.Secret, b.clientSecret)
			replaces = b.deliver(t, d).Version
			if n := b.d.Writes() - writes; n != 1 {
				t.Errorf("%s: %d writes, want 1", method, n)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	write := func(f func(*azurekeyvaulttest.Double)) func(bundle) {
		return func(b bundle) { b.d.Between(http.MethodPut, func() { f(b.d) }) }
	}
	const otherID = `"id":"https://payroll.vault.azure.net/secrets/tempo-token/0123"`
	for name, tt := range map[string]struct {
		harm    func(bundle)
		refused bool
		want    string
	}{
		"forbidden":       {func(b bundle) { b.d.RefuseNext() }, true, "ForbiddenByFirewall"},
		"disabled":        {func(b bundle) { b.d.Disable(place) }, true, "SecretDisabled"},
		"forbidden write": {write((*azurekeyvaulttest.Double).RefuseNext), true, "ForbiddenByFirewall"},
		"down":            {func(b bundle) { b.d.Down(true) }, false, "503"},
		"down while writing": {
			write(func(d *azurekeyvaulttest.Double) { d.Down(true) }), false, "503",
		},
		"no authority": {func(b bundle) {
			b.d.ForgetTokens()
			b.d.Between(http.MethodPost, func() { b.d.Down(true) })
		}, false, "get a token"},
		"another 404":     {func(b bundle) { b.d.AnswerNext(404, `{"error":{"code":"NotFound"}}`) }, true, "NotFound"},
		"echoed with 400": {write(func(d *azurekeyvaulttest.Double) { d.EchoNext(400) }), true, "400"},
		"echoed with 500": {write(func(d *azurekeyvaulttest.Double) { d.EchoNext(500) }), false, "500"},
		"echoed with 409": {write(func(d *azurekeyvaulttest.Double) { d.EchoNext(409) }), false, "try again later"},
		"echoed as a line": {
			write((*azurekeyvaulttest.Double).EchoStatusLine), false, "malformed",
		},
		"echoed by the authority": {func(b bundle) {
			b.d.ForgetTokens()
			b.d.Between(http.MethodPost, func() { b.d.EchoNext(400) })
		}, true, "get a token"},
		"redirect":        {write(func(d *azurekeyvaulttest.Double) { d.AnswerNext(307, `{}`) }), false, "307"},
		"read of nothing": {func(b bundle) { b.d.AnswerNext(200, `{}`) }, false, "not a secret"},
		"read of a list":  {func(b bundle) { b.d.AnswerNext(200, `[]`) }, false, ""},
		"read of another": {func(b bundle) {
			b.d.AnswerNext(200, `{"value":"x","id":"https://payroll.vault.azure.net/secrets/tempo-token"}`)
		}, false, "not a secret"},
		"write of nothing": {
			write(func(d *azurekeyvaulttest.Double) { d.AnswerNext(200, `{}`) }), false, "did not keep",
		},
		"write of another": {
			write(func(d *azurekeyvaulttest.Double) {
				d.AnswerNext(200, `{"value":"x",`+otherID+`,"tags":{"latchkey_label":"TK-2"}}`)
			}), false, "did not keep",
		},
		"write without the tag": {
			write(func(d *azurekeyvaulttest.Double) { d.AnswerNext(200, `{"value":"short0ne",`+otherID+`}`) }), false, "did not keep",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := delivery("TK-1", "")
			replaces := b.deliver(t, first).Version
			tt.harm(b)
			d := delivery("TK-2", replaces)
			d.Secret = secret.New("short0ne")
			_, err := b.Deliver(t.Context(), d)
			if err == nil || errors.Is(err, connectors.ErrTaken) || errors.Is(err, connectors.ErrUnrecoverable) != tt.refused || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, refused %t, want %q", err, tt.refused, tt.want)
			}
			clean(t, err, d.Secret, secret.New(base64.StdEncoding.EncodeToString([]byte(d.Secret.Expose()))), b.clientSecret)
			if got, _, _, _ := b.d.Current(place); got.Expose() != first.Secret.Expose() {
				t.Error("what was there has changed")
			}
		})
	}
}

func TestMayNotSet(t *testing.T) {
	t.Parallel()
	b := setupWith(t, azurekeyvaulttest.Config{NoSet: true})
	_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
	if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), "ForbiddenByRbac") {
		t.Errorf("err = %v, want ErrUnrecoverable", err)
	}
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		b := setup(t)
		v := b.deliver(t, delivery("TK-1", "")).Version
		if method == http.MethodPost {
			b.d.ForgetTokens()
		}
		b.d.Between(method, func() { b.d.LimitNext(42 * time.Second) })
		_, err := b.Deliver(t.Context(), delivery("TK-2", v))
		var limited *connectors.RateLimitedError
		if !errors.As(err, &limited) || limited.After != 42*time.Second || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("%s: err = %v, want RateLimitedError of 42s", method, err)
		}
	}
}

// Of two deliveries at once to an empty place one is told that it is taken.
func TestTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { _, errs[i] = b.Deliver(t.Context(), delivery(fmt.Sprintf("TK-%d", i), "")) })
	}
	wait.Wait()
	delivered := 0
	for _, err := range errs {
		if err == nil {
			delivered++
		} else if !errors.Is(err, connectors.ErrTaken) {
			t.Error(err)
		}
	}
	if delivered != 1 || b.d.Writes() != 1 {
		t.Errorf("%d delivered with %d writes, want one", delivered, b.d.Writes())
	}
}

func TestDeliverStopsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.d.Hold()
	defer release()
	held, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Deliver(held, delivery("TK-1", ""))
		done <- err
	}()
	<-arrived
	waiting, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Deliver(waiting, delivery("TK-2", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for its turn: err = %v, want context.Canceled", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for the vault: err = %v, want context.Canceled", err)
	}
}

func TestDeliverWantsLabelAndSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, d := range []connectors.Delivery{
		{Place: place, Secret: secret.NewKey()}, {Place: place, Label: "TK-1"},
		{Place: place, Secret: secret.NewKey(), Label: strings.Repeat("l", 257)},
	} {
		if _, err := b.Deliver(t.Context(), d); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("err = %v, want ErrUnrecoverable", err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls = %v", calls)
	}
}
