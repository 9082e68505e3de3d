package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

const leakCall = "POST /credentials/revoke"

func TestRevokeLeaked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "leaked"})
	_, classic := b.d.AddAuthorization(githubtest.Authorization{Owner: "bob", Type: githubtest.ClassicPAT})
	kept := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "kept"})
	leaked := []secret.Value{pat.Secret, classic}
	if err := b.RevokeLeaked(t.Context(), leaked); err != nil {
		t.Fatal(err)
	}
	if b.d.Alive(pat.Secret) || b.d.Alive(classic) || !b.d.Works(kept.Secret) {
		t.Errorf("leaked are alive: %t, %t; the other works: %t", b.d.Alive(pat.Secret), b.d.Alive(classic), b.d.Works(kept.Secret))
	}
	if err := b.RevokeLeaked(t.Context(), leaked); err != nil {
		t.Errorf("again: %v", err)
	}
	if calls := b.d.Calls(); len(calls) != 1 || calls[leakCall] != 2 {
		t.Errorf("calls = %v, want no other and no token for them", calls)
	}
}

func TestRevokeLeakedInChunks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.RevokeLeaked(t.Context(), nil); err != nil || len(b.d.Calls()) != 0 {
		t.Errorf("of none: %v, calls %v", err, b.d.Calls())
	}
	leaked := make([]secret.Value, 2001)
	for i := range leaked {
		leaked[i] = secret.New(fmt.Sprintf("ghp_%036d", i))
	}
	if err := b.RevokeLeaked(t.Context(), leaked); err != nil {
		t.Fatal(err)
	}
	if n := b.d.Calls()[leakCall]; n != 3 {
		t.Errorf("%d calls for 2001 tokens, want 3", n)
	}
}

// One value that is none of GitHub's neither saves nor spoils the others.
func TestRevokeLeakedLeavesForeignValuesOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "leaked"})
	foreign := []secret.Value{secret.New("glpat-other-vendor-secret"), secret.New(""), secret.New("ghp_with a space"), secret.New("ghs_ofAnInstallation")}
	err := b.RevokeLeaked(t.Context(), append(foreign, pat.Secret))
	if !errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("err = %v, want ErrUnsupported", err)
	}
	holdsNone(t, err, append(foreign[2:], foreign[0], pat.Secret)...)
	if b.d.Alive(pat.Secret) {
		t.Error("the leaked token is alive")
	}
}

// A refused part does not keep the next from being sent; a limit is for later.
func TestRevokeLeakedInParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leaked := make([]secret.Value, 1000, 1001)
	for i := range leaked {
		leaked[i] = secret.New(fmt.Sprintf("ghp_%036d", i))
	}
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "leaked"})
	leaked = append(leaked, pat.Secret)

	b.d.RefuseNext()
	if err := b.RevokeLeaked(t.Context(), leaked); !errors.Is(err, connectors.ErrUnrecoverable) || b.d.Alive(pat.Secret) {
		t.Errorf("refused: %v; alive: %t", err, b.d.Alive(pat.Secret))
	}
	b.d.ExceedPrimary(20 * time.Minute)
	var limited *connectors.RateLimitedError
	if err := b.RevokeLeaked(t.Context(), leaked); !errors.As(err, &limited) || limited.After != 20*time.Minute {
		t.Errorf("limited: %v", err)
	}
}

// One malformed value has GitHub refuse all it came with; the others must not
// be spared for it.
func TestRevokeLeakedBesideMalformedOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leaked := make([]secret.Value, 40)
	for i := range leaked {
		leaked[i] = b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "leaked"}).Secret
	}
	cut := []secret.Value{secret.New("ghp_cut"), secret.New("github_pat_cut")}
	mixed := append(append(append([]secret.Value{cut[0]}, leaked[:17]...), cut[1]), leaked[17:]...)
	err := b.RevokeLeaked(t.Context(), mixed)
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "2 of 42") {
		t.Errorf("err = %v", err)
	}
	holdsNone(t, err, mixed...)
	for i, v := range leaked {
		if b.d.Alive(v) {
			t.Errorf("token %d was spared", i)
		}
	}
	if n := b.d.Calls()[leakCall]; n > 30 {
		t.Errorf("%d calls", n)
	}
}

// The vendor's limit for callers without a credential is 60 an hour.
func TestRevokeLeakedIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leaked := []secret.Value{secret.New(fmt.Sprintf("ghp_%036d", 1))}
	for range 60 {
		if err := b.RevokeLeaked(t.Context(), leaked); err != nil {
			t.Fatal(err)
		}
	}
	var limited *connectors.RateLimitedError
	if err := b.RevokeLeaked(t.Context(), leaked); !errors.As(err, &limited) || limited.After <= 0 || limited.After > time.Hour {
		t.Errorf("the 61st: %v", err)
	}
}

// An error may quote what the vendor said, but no token in it.
func TestRevokeLeakedEchoed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := ownerToken()
	b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Error("the call carries a credential")
		}
		answer(422, `{"message":"bad credential `+v.Expose()+` in body","errors":["`+v.Expose()+`"]}`)(w, r)
		return true
	})
	err := b.RevokeLeaked(t.Context(), []secret.Value{v})
	if !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("err = %v", err)
	}
	holdsNone(t, err, v)
}
