package github_test

import (
	"iter"
	"net/http"
	"sync"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

// appKey is made once: keys of this size take a while.
var appKey = sync.OnceValues(githubtest.NewKey)

func key(t *testing.T) secret.Value {
	t.Helper()
	k, err := appKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ownerToken() secret.Value { return secret.New("ghp_" + secret.Token(36).Expose()) }

// bundle is a connector with an owner's token, and its double.
type bundle struct {
	*github.Connector
	d    *githubtest.Double
	base string
	s    connectors.Settings
}

func setup(t *testing.T) bundle {
	t.Helper()
	owner := ownerToken()
	d, base := githubtest.Start(t, githubtest.Config{PrivateKey: key(t), Owner: owner})
	s := settings(base, d.PrivateKey())
	s.Token = owner
	return bundle{Connector: open(t, s), d: d, base: base, s: s}
}

func settings(base string, appKey secret.Value) connectors.Settings {
	return connectors.Settings{
		Name: "hub", Kind: "github", BaseURL: base, AllowPrivate: true, OrgID: githubtest.DefaultOrg,
		AppID: githubtest.DefaultApp, InstallationID: githubtest.DefaultInstallation, PrivateKey: appKey,
		SigningSecret: secret.New("the-secret-of-the-webhook"),
	}
}

// open uses a transport without a rate limit of its own.
func open(t *testing.T, s connectors.Settings) *github.Connector {
	t.Helper()
	c, err := github.Open(s, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// all is a whole listing.
func all[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// broken is what a listing that must fail yields: rows, then one error.
func broken[T any](t *testing.T, rows iter.Seq2[T, error]) (before int, err error) {
	t.Helper()
	errs := 0
	for _, e := range rows {
		switch {
		case e != nil:
			errs++
			err = e
		case errs > 0:
			t.Error("a row after the error")
		default:
			before++
		}
	}
	if errs != 1 {
		t.Errorf("%d errors, want one", errs)
	}
	return before, err
}
