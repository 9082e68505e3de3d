package githubsecrets_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/githubsecrets/githubsecretstest"
	"latchkey/secret"
)

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.deliver(t, delivery("TK-1", ""))
	if first.Where != "Actions secret TEMPO_TOKEN of octo-org/payroll" || b.marked(t) != "TK-1" {
		t.Errorf("delivered %+v, marked %q", first, b.marked(t))
	}
	second := b.deliver(t, delivery("TK-2", first.Version))
	if second.Version == first.Version || b.marked(t) != "TK-2" {
		t.Errorf("delivered %+v after %+v, marked %q", second, first, b.marked(t))
	}
	if n := b.d.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
	}
}

func TestDeliverToAnEnvironment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := delivery("TK-1", "")
	d.Place = repo + "/production/TEMPO_TOKEN"
	got, err := b.Deliver(t.Context(), d)
	if err != nil || got.Where != "secret TEMPO_TOKEN of environment production of octo-org/payroll" {
		t.Fatalf("%+v, %v", got, err)
	}
	if v, _ := b.d.Value(repo+"/production", "TEMPO_TOKEN"); v.Expose() != d.Secret.Expose() {
		t.Error("it is not there")
	}
	if _, ok := b.d.Value(repo, "TEMPO_TOKEN"); ok || b.d.Variable(repo, "TEMPO_TOKEN_LATCHKEY") != "" {
		t.Error("it is in the repository too")
	}
	if b.d.Variable(repo+"/production", "TEMPO_TOKEN_LATCHKEY") == "" {
		t.Error("no marker")
	}
}

func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := delivery("TK-1", "")
	one := b.deliver(t, first)
	second := delivery("TK-2", one.Version)
	two := b.deliver(t, second)
	if diff := cmp.Diff(two, b.deliver(t, second)); diff != "" {
		t.Error(diff)
	}
	if n := b.d.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
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
			b.d.Put(repo, "TEMPO_TOKEN", hers)
			return ""
		}, hers, "delete TEMPO_TOKEN in the repository's settings"},
		"our other": {func(b bundle, t *testing.T) string {
			d := delivery("TK-0", "")
			d.Secret = secret.New(hers)
			b.deliver(t, d)
			return ""
		}, hers, "did not put it there"},
		"somebody's variable": {func(b bundle, _ *testing.T) string {
			b.d.PutVariable(repo, "TEMPO_TOKEN_LATCHKEY", "https://latchkey.example")
			return ""
		}, "", "somebody else's"},
		"somebody's JSON": {func(b bundle, _ *testing.T) string {
			b.d.PutVariable(repo, "TEMPO_TOKEN_LATCHKEY", `{"url":"https://latchkey.example"}`)
			return ""
		}, "", "somebody else's"},
		"changed": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Put(repo, "TEMPO_TOKEN", hers)
			return v
		}, hers, "changed since it was delivered"},
		"deleted": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Delete(repo, "TEMPO_TOKEN")
			return v
		}, "", "not there any more"},
		"changed after a lost answer": {func(b bundle, t *testing.T) string {
			b.d.LoseAnswer(http.MethodPut)
			_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
			ambiguous(t, "lost answer", err)
			b.clock.Advance(10 * time.Minute)
			b.d.Put(repo, "TEMPO_TOKEN", hers)
			return ""
		}, hers, "did not put it there"},
		"changed before a lost call": {func(b bundle, t *testing.T) string {
			v := b.deliver(t, delivery("TK-0", "")).Version
			b.d.Between(http.MethodPatch, func() { b.d.Put(repo, "TEMPO_TOKEN", hers) })
			b.d.Drop(http.MethodPut)
			_, err := b.Deliver(t.Context(), delivery("TK-1", v))
			ambiguous(t, "lost call", err)
			return v
		}, hers, "changed since it was delivered"},
		"made after a lost call": {func(b bundle, t *testing.T) string {
			b.d.Drop(http.MethodPut)
			_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
			ambiguous(t, "lost call", err)
			b.clock.Advance(10 * time.Minute)
			b.d.Put(repo, "TEMPO_TOKEN", hers)
			return ""
		}, hers, "did not put it there"},
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
			clean(t, err, d.Secret, b.token)
			if b.d.Writes() != writes {
				t.Error("something was written")
			}
			if got, _ := b.d.Value(repo, "TEMPO_TOKEN"); got.Expose() != tt.keeps {
				t.Error("what was there has changed")
			}
		})
	}
}

// A secret that a person deleted leaves its place free, whatever marker stays.
func TestFirstAfterDeletion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery("TK-0", ""))
	b.d.Delete(repo, "TEMPO_TOKEN")
	b.deliver(t, delivery("TK-1", ""))
	if b.marked(t) != "TK-1" {
		t.Errorf("marked %q", b.marked(t))
	}
}

// Whichever call of a delivery is cut off, before it or after it was done, the
// next try ends it, with one write of the secret for each that was done.
func TestLostCalls(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut} {
		for name, cut := range map[string]func(*githubsecretstest.Double, string){
			"dropped": (*githubsecretstest.Double).Drop, "answer lost": (*githubsecretstest.Double).LoseAnswer,
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				replaces := ""
				if method == http.MethodPatch {
					replaces = b.deliver(t, delivery("TK-0", "")).Version
				}
				writes := b.d.Writes()
				d := delivery("TK-1", replaces)
				cut(b.d, method)
				_, err := b.Deliver(t.Context(), d)
				ambiguous(t, "cut off", err)
				clean(t, err, d.Secret, b.token)
				b.clock.Advance(10 * time.Minute)
				got := b.deliver(t, d)
				if b.marked(t) != "TK-1" || b.d.Writes()-writes != 1 {
					t.Errorf("marked %q, %d writes", b.marked(t), b.d.Writes()-writes)
				}
				b.deliver(t, delivery("TK-2", got.Version))
			})
		}
	}
}

// GitHub may show the old secret for a while.
func TestStaleAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replaces := ""
	for _, label := range []string{"TK-1", "TK-2"} {
		d := delivery(label, replaces)
		b.d.Between(http.MethodPut, func() { b.d.Stale(true) })
		_, err := b.Deliver(t.Context(), d)
		ambiguous(t, "stale", err)
		b.d.Stale(false)
		writes := b.d.Writes()
		replaces = b.deliver(t, d).Version
		if b.d.Writes() != writes {
			t.Errorf("%s was written again", label)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		harm    func(bundle)
		refused bool
	}{
		"forbidden":          {func(b bundle) { b.d.RefuseNext() }, true},
		"forbidden variable": {func(b bundle) { b.d.Between(http.MethodPatch, b.d.RefuseNext) }, true},
		"forbidden secret":   {func(b bundle) { b.d.Between(http.MethodPut, b.d.RefuseNext) }, true},
		"invalid":            {func(b bundle) { b.d.Between(http.MethodPut, func() { b.d.AnswerNext(422, `{"message":"no"}`) }) }, true},
		"renamed":            {func(b bundle) { b.d.RedirectNext("https://other.example/") }, true},
		"accepted":           {func(b bundle) { b.d.Between(http.MethodPut, func() { b.d.AnswerNext(202, `{}`) }) }, false},
		"down":               {func(b bundle) { b.d.Down(true) }, false},
		"down while writing": {func(b bundle) { b.d.Between(http.MethodPut, func() { b.d.Down(true) }) }, false},
		"variable changed":   {func(b bundle) { b.d.Between(http.MethodPatch, func() { b.d.AnswerNext(409, `{"message":"x"}`) }) }, false},
		"variable gone":      {func(b bundle) { b.d.Between(http.MethodPatch, func() { b.d.AnswerNext(404, `{"message":"x"}`) }) }, false},
		"no key":             {func(b bundle) { b.d.AnswerNext(200, `{"key_id":"1","key":"aGV5"}`) }, false},
		"no key id":          {func(b bundle) { b.d.AnswerNext(200, `{"key":"hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}`) }, false},
		"null":               {func(b bundle) { b.d.AnswerNext(200, `null`) }, false},
		"the key was of somebody": {func(b bundle) {
			b.d.AnswerNext(200, `{"key_id":"1","key":"hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}`)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := delivery("TK-1", "")
			replaces := b.deliver(t, first).Version
			tt.harm(b)
			d := delivery("TK-2", replaces)
			_, err := b.Deliver(t.Context(), d)
			if err == nil || errors.Is(err, connectors.ErrTaken) || isFinal(err) != tt.refused {
				t.Errorf("err = %v, refused %t", err, tt.refused)
			}
			clean(t, err, d.Secret, b.token)
			b.holds(t, first.Secret)
		})
	}
}

// An answer that is not about what was asked for is believed neither way.
func TestLyingAnswers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{}`, `{"name":"OTHER","updated_at":"2026-11-21T12:00:00Z"}`, `{"name":"TEMPO_TOKEN"}`, `[]`} {
		b := setup(t)
		b.d.Between(http.MethodGet, func() {}) // of the key
		b.d.Between(http.MethodGet, func() {}) // of the variable
		b.d.Between(http.MethodGet, func() { b.d.AnswerNext(200, text) })
		_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
		ambiguous(t, text, err)
		if b.d.Writes() != 0 {
			t.Errorf("%s: something was written", text)
		}
	}
}

func TestNoSuchRepository(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, place := range []string{"octo-org/gone/X", repo + "/staging/X"} {
		d := delivery("TK-1", "")
		d.Place = place
		if _, err := b.Deliver(t.Context(), d); !isFinal(err) || errors.Is(err, connectors.ErrTaken) {
			t.Errorf("%s: err = %v, want ErrUnrecoverable", place, err)
		}
	}
}

func TestDeliverStopsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.d.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := b.Deliver(ctx, delivery("TK-1", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
}

func TestDeliverWantsLabelAndSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, d := range []connectors.Delivery{
		{Place: repo + "/X", Secret: secret.NewKey()}, {Place: repo + "/X", Label: "TK-1"},
	} {
		if _, err := b.Deliver(t.Context(), d); !isFinal(err) {
			t.Errorf("err = %v, want ErrUnrecoverable", err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls = %v", calls)
	}
}
