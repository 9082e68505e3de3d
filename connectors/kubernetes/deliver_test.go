package kubernetes_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/kubernetes/kubernetestest"
	"latchkey/secret"
)

func TestDeliverMakesASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.deliver(t, delivery("TK-1", ""))
	want := connectors.Delivered{Version: "TK-1", Where: "Secret payroll/tempo, key token"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"app.kubernetes.io/managed-by": "latchkey"}, b.d.Labels(ns, "tempo")); diff != "" {
		t.Error(diff)
	}
	notes := b.d.Annotations(ns, "tempo")
	if notes["latchkey.dev/label.token"] != "TK-1" || notes["latchkey.dev/facts.token"] != `{"owner":"alice@example.com"}` {
		t.Errorf("annotations = %v", notes)
	}
}

func TestDeliverToANamespaceOfThePlace(t *testing.T) {
	t.Parallel()
	b := setupWith(t, kubernetestest.Config{Namespaces: []string{"payroll", "billing"}})
	d := delivery("TK-1", "")
	d.Place = "billing/tempo/token"
	got, err := b.Deliver(t.Context(), d)
	if err != nil || got.Where != "Secret billing/tempo, key token" {
		t.Fatalf("%+v, %v", got, err)
	}
	if v, _ := b.d.Value("billing", "tempo", "token"); v.Expose() != d.Secret.Expose() {
		t.Error("it is not there")
	}
	d.Place = "nowhere/tempo/token"
	if _, err := b.Deliver(t.Context(), d); !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) {
		t.Errorf("no such namespace: err = %v, want ErrUnrecoverable", err)
	}
}

// Two of our keys live in one Secret beside somebody else's, which stays.
func TestDeliverAddsAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.Put(ns, "tempo", map[string]string{"user": "payroll"})
	b.deliver(t, delivery("TK-1", ""))
	second := delivery("TK-2", "")
	second.Place, second.Facts = "tempo/other", nil
	if _, err := b.Deliver(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	b.deliver(t, delivery("TK-3", "TK-1")) // though the Secret has another resource version now
	if user, _ := b.d.Value(ns, "tempo", "user"); user.Expose() != "payroll" {
		t.Error("somebody else's key changed")
	}
	if other, _ := b.d.Value(ns, "tempo", "other"); other.Expose() != second.Secret.Expose() {
		t.Error("our other key changed")
	}
	if labels := b.d.Labels(ns, "tempo"); len(labels) != 0 {
		t.Errorf("somebody else's Secret got the labels %v", labels)
	}
	notes := b.d.Annotations(ns, "tempo")
	if notes["latchkey.dev/label.token"] != "TK-3" || notes["latchkey.dev/label.other"] != "TK-2" {
		t.Errorf("annotations = %v", notes)
	}
	if _, ok := notes["latchkey.dev/facts.other"]; ok {
		t.Errorf("facts where there are none: %v", notes)
	}
}

func TestReplaceForgetsOldFacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery("TK-1", ""))
	next := delivery("TK-2", "TK-1")
	next.Facts = nil
	b.deliver(t, next)
	if _, ok := b.d.Annotations(ns, "tempo")["latchkey.dev/facts.token"]; ok {
		t.Error("the facts of the version before are still there")
	}
}

func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := delivery("TK-1", ""), delivery("TK-2", "TK-1")
	for _, d := range []connectors.Delivery{first, first, second, second} {
		if got := b.deliver(t, d); got.Version != d.Label {
			t.Errorf("version = %q, want %q", got.Version, d.Label)
		}
	}
	if n := b.d.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	const hers = "somebody else's value"
	for name, tt := range map[string]struct {
		before   func(bundle, *testing.T)
		replaces string
		keeps    string // at tempo/token; empty for nothing there
		want     string
	}{
		"somebody's key": {
			func(b bundle, _ *testing.T) { b.d.Put(ns, "tempo", map[string]string{"token": hers}) }, "", hers, "did not put it there",
		},
		"our other key": {
			func(b bundle, t *testing.T) {
				d := delivery("TK-0", "")
				d.Secret = secret.New(hers)
				b.deliver(t, d)
			}, "", hers, "did not put it there",
		},
		"changed by hand": {
			func(b bundle, t *testing.T) {
				b.deliver(t, delivery("TK-0", ""))
				b.d.Put(ns, "tempo", map[string]string{"token": hers})
			}, "TK-0", hers, "changed since it was delivered",
		},
		"changed after a lost answer": {
			func(b bundle, t *testing.T) {
				b.deliver(t, delivery("TK-1", ""))
				b.d.Put(ns, "tempo", map[string]string{"token": hers})
			}, "", hers, "the value of the key was changed",
		},
		"another version": {
			func(b bundle, t *testing.T) {
				d := delivery("TK-9", "")
				d.Secret = secret.New(hers)
				b.deliver(t, d)
			}, "TK-0", hers, "not the one that was delivered before",
		},
		"somebody's note": {
			func(b bundle, t *testing.T) {
				d := delivery("TK-0", "")
				d.Secret = secret.New(hers)
				b.deliver(t, d)
				b.d.Annotate(ns, "tempo", "latchkey.dev/label.token", "mine")
			}, "TK-0", hers, "not the one that was delivered before",
		},
		"key removed": {
			func(b bundle, t *testing.T) {
				b.deliver(t, delivery("TK-0", ""))
				b.d.Remove(ns, "tempo", "token")
			}, "TK-0", "", "the key is not there any more",
		},
		"Secret deleted": {
			func(b bundle, t *testing.T) {
				b.deliver(t, delivery("TK-0", ""))
				b.d.Delete(ns, "tempo")
			}, "TK-0", "", "the Secret is not there any more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.before(b, t)
			writes := b.d.Writes()
			d := delivery("TK-1", tt.replaces)
			_, err := b.Deliver(t.Context(), d)
			if !errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want ErrTaken and %q", err, tt.want)
			}
			clean(t, err, d.Secret, b.token, secret.New(hers))
			if b.d.Writes() != writes {
				t.Error("something was written")
			}
			if got, _ := b.d.Value(ns, "tempo", "token"); got.Expose() != tt.keeps {
				t.Error("what was there has changed")
			}
		})
	}
}

// A key that a person removed leaves its place free, whatever notes remain.
func TestFirstAfterRemoval(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, delivery("TK-0", ""))
	b.d.Remove(ns, "tempo", "token")
	b.deliver(t, delivery("TK-1", ""))
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, d := range []connectors.Delivery{delivery("TK-1", ""), delivery("TK-2", "TK-1")} {
		writes := b.d.Writes()
		b.d.LoseAnswer()
		_, err := b.Deliver(t.Context(), d)
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Fatalf("lost answer: err = %v, want an ambiguous one", err)
		}
		clean(t, err, d.Secret, b.token)
		if got := b.deliver(t, d); got.Version != d.Label {
			t.Errorf("version = %q", got.Version)
		}
		if n := b.d.Writes() - writes; n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
	}
}

// Others change the Secret between our reading and our writing.
func TestRaces(t *testing.T) {
	t.Parallel()
	other := func(b bundle) func() { return func() { b.d.Put(ns, "tempo", map[string]string{"user": "x"}) } }
	same := func(b bundle) func() { return func() { b.d.Put(ns, "tempo", map[string]string{"token": "hers"}) } }
	t.Run("another key of a new Secret", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.d.Between(other(b))
		b.deliver(t, delivery("TK-1", ""))
	})
	t.Run("another key of an old Secret", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.deliver(t, delivery("TK-1", ""))
		b.d.Between(other(b))
		b.deliver(t, delivery("TK-2", "TK-1"))
	})
	t.Run("the key of a new Secret", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.d.Between(same(b))
		if _, err := b.Deliver(t.Context(), delivery("TK-1", "")); !errors.Is(err, connectors.ErrTaken) {
			t.Errorf("err = %v, want ErrTaken", err)
		}
		b.holds(t, secret.New("hers"))
	})
	t.Run("the key of an old Secret", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.deliver(t, delivery("TK-1", ""))
		b.d.Between(same(b))
		if _, err := b.Deliver(t.Context(), delivery("TK-2", "TK-1")); !errors.Is(err, connectors.ErrTaken) {
			t.Errorf("err = %v, want ErrTaken", err)
		}
		b.holds(t, secret.New("hers"))
	})
	t.Run("the Secret goes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.d.Put(ns, "tempo", map[string]string{"user": "x"})
		b.d.Between(func() { b.d.Delete(ns, "tempo") })
		b.deliver(t, delivery("TK-1", ""))
	})
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.deliver(t, delivery("TK-1", ""))
		writes := b.d.Writes()
		for range 50 {
			b.d.Between(other(b))
		}
		_, err := b.Deliver(t.Context(), delivery("TK-2", "TK-1"))
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "changed by others") {
			t.Errorf("err = %v, want one that is worth a retry", err)
		}
		if b.d.Writes() != writes || b.d.Calls()["PATCH /api/v1/namespaces/payroll/secrets/tempo"] > 5 {
			t.Errorf("%v", b.d.Calls())
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		harm    func(bundle)
		refused bool
	}{
		"forbidden":       {func(b bundle) { b.d.RefuseNext() }, true},
		"down":            {func(b bundle) { b.d.Down(true) }, false},
		"immutable":       {func(b bundle) { b.d.Freeze(ns, "tempo") }, true},
		"being deleted":   {func(b bundle) { b.d.Finalize(ns, "tempo") }, false},
		"echoed with 400": {func(b bundle) { b.d.EchoNext(400) }, true},
		"echoed with 500": {func(b bundle) { b.d.EchoNext(500) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := delivery("TK-1", "")
			b.deliver(t, first)
			tt.harm(b)
			d := delivery("TK-2", "TK-1")
			d.Secret = secret.New("short0ne")
			_, err := b.Deliver(t.Context(), d)
			if err == nil || errors.Is(err, connectors.ErrTaken) || errors.Is(err, connectors.ErrUnrecoverable) != tt.refused {
				t.Errorf("err = %v, refused %t", err, tt.refused)
			}
			clean(t, err, d.Secret, secret.New(base64.StdEncoding.EncodeToString([]byte(d.Secret.Expose()))), b.token)
			b.holds(t, first.Secret)
		})
	}
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	for _, verbs := range [][]string{{"create", "patch"}, {"get", "patch"}} {
		b := setupWith(t, kubernetestest.Config{Verbs: verbs})
		if _, err := b.Deliver(t.Context(), delivery("TK-1", "")); !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) {
			t.Errorf("%v: err = %v, want ErrUnrecoverable", verbs, err)
		}
	}
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.Between(func() { b.d.LimitNext(42 * time.Second) })
	_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
	var limited *connectors.RateLimitedError
	if !errors.As(err, &limited) || limited.After != 42*time.Second {
		t.Errorf("err = %v, want RateLimitedError of 42s", err)
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
		{Place: "tempo/token", Secret: secret.NewKey()}, {Place: "tempo/token", Label: "TK-1"},
	} {
		if _, err := b.Deliver(t.Context(), d); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("err = %v, want ErrUnrecoverable", err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls = %v", calls)
	}
}

// An answer that is not what was asked for is believed neither way.
func TestLyingAnswers(t *testing.T) {
	t.Parallel()
	const other = `{"kind":"Secret","metadata":{"namespace":"payroll","name":"other","resourceVersion":"7"}}`
	const unversioned = `{"kind":"Secret","metadata":{"namespace":"payroll","name":"tempo"}}`
	for _, text := range []string{`{}`, `null`, other, unversioned, `{"kind":"SecretList","items":[]}`} {
		b := setup(t)
		b.d.AnswerNext(200, text)
		if _, err := b.Deliver(t.Context(), delivery("TK-1", "")); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("read %s: err = %v, want an ambiguous one", text, err)
		}
		if b.d.Writes() != 0 {
			t.Errorf("read %s: something was written", text)
		}
		b.d.Between(func() { b.d.AnswerNext(201, text) })
		if _, err := b.Deliver(t.Context(), delivery("TK-1", "")); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("write %s: err = %v, want an ambiguous one", text, err)
		}
	}
}
