package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"latchkey/connectors"
)

// check: a good credential passes, a bad one is refused for good.
func (s *suite) check() {
	s.ok("check", s.Good.Check(s.Context()))
	err := s.Bad.Check(s.Context())
	s.clean(err)
	if err == nil || !errors.Is(err, connectors.ErrUnrecoverable) {
		s.Errorf("check with a bad credential: %v, want ErrUnrecoverable", err)
	}
}

// errors: what a vendor says is mapped to the three errors of the contract.
func (s *suite) errors() {
	if s.RateLimit != nil {
		after := s.RateLimit()
		err := s.Good.Check(s.Context())
		s.clean(err)
		var limited *connectors.RateLimitedError
		if !errors.As(err, &limited) || limited.After != after {
			s.Errorf("rate limited check: %v, want RateLimitedError of %s", err, after)
		}
	}
	if s.Refuse != nil {
		s.Refuse()
		err := s.Good.Check(s.Context())
		s.clean(err)
		if !errors.Is(err, connectors.ErrUnrecoverable) {
			s.Errorf("refused check: %v, want ErrUnrecoverable", err)
		}
	}
	s.ok("check afterwards", s.Good.Check(s.Context()))
}

// cancel: every verb ends with its context, before it starts and while it
// waits for the vendor.
func (s *suite) cancel() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	for verb, err := range s.everyVerb(ctx) {
		s.clean(err)
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s with a canceled context: %v", verb, err)
		}
	}
	if s.Hold == nil {
		return
	}
	arrived, release := s.Hold()
	defer release()
	ctx, cancel = context.WithCancel(s.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Good.Check(ctx) }()
	select {
	case <-arrived:
	case err := <-done:
		s.Fatalf("check ended before it was held: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		s.Errorf("check canceled half-way: %v", err)
	}
}

// everyVerb calls what the connector has, on a credential nobody knows.
func (s *suite) everyVerb(ctx context.Context) map[string]error {
	unknown := connectors.Ref{ID: "conformance-unknown"}
	out := s.peopleVerbs(ctx, unknown.ID)
	out["check"] = s.Good.Check(ctx)
	if c, ok := connectors.As[connectors.Lister](s.Good); ok {
		for _, err := range c.Credentials(ctx) {
			out["list"] = err
		}
	}
	if c, ok := connectors.As[connectors.Issuer](s.Good); ok {
		_, out["issue"] = c.Issue(ctx, s.Request("conformance-canceled"))
	}
	if c, ok := connectors.As[connectors.Rotator](s.Good); ok {
		_, out["rotate"] = c.Rotate(ctx, connectors.RotateRequest{Ref: unknown})
	}
	if c, ok := connectors.As[connectors.Revoker](s.Good); ok {
		out["revoke"] = c.Revoke(ctx, unknown)
	}
	if c, ok := connectors.As[connectors.Verifier](s.Good); ok {
		_, out["verify"] = c.Verify(ctx, unknown)
	}
	if c, ok := connectors.As[connectors.Suspender](s.Good); ok {
		out["suspend"] = c.Suspend(ctx, unknown)
		out["resume"] = c.Resume(ctx, unknown)
	}
	if c, ok := connectors.As[connectors.ScopeLister](s.Good); ok {
		_, out["scopes"] = c.Scopes(ctx)
	}
	return out
}

// peopleVerbs are those on what people have: grants, accounts and requests.
func (s *suite) peopleVerbs(ctx context.Context, unknown string) map[string]error {
	out := map[string]error{}
	if c, ok := connectors.As[connectors.GrantLister](s.Good); ok {
		for _, err := range c.Grants(ctx) {
			out["list grants"] = err
		}
	}
	if c, ok := connectors.As[connectors.GrantRevoker](s.Good); ok {
		out["revoke grant"] = c.RevokeGrant(ctx, connectors.GrantRef{ID: unknown})
	}
	if c, ok := connectors.As[connectors.AccountCloser](s.Good); ok {
		out["close account"] = c.CloseAccount(ctx, connectors.AccountRef{ID: unknown})
	}
	if c, ok := connectors.As[connectors.RequestLister](s.Good); ok {
		for _, err := range c.Requests(ctx) {
			out["list requests"] = err
		}
	}
	if c, ok := connectors.As[connectors.RequestDecider](s.Good); ok {
		out["decide"] = c.Decide(ctx, connectors.Decision{ID: unknown})
	}
	return out
}

// scopes: well-formed, told apart by name, and read before write before admin
// within a resource, whose scopes stand together.
func (s *suite) scopes() {
	scopes, err := with[connectors.ScopeLister](s).Scopes(s.Context())
	s.ok("scopes", err)
	if len(scopes) == 0 {
		s.Fatal("no scopes")
	}
	s.scopesInOrder(scopes)
}

func (s *suite) scopesInOrder(scopes []connectors.Scope) {
	s.Helper()
	order := []connectors.Access{connectors.Read, connectors.Write, connectors.Admin}
	names := map[string]bool{}
	last := map[string]int{} // the latest access of a resource
	previous := ""
	for _, scope := range scopes {
		if scope.Name == "" || scope.Title == "" || names[scope.Name] {
			s.Errorf("scope %+v has no name, no title, or a name twice", scope)
		}
		names[scope.Name] = true
		rank := slices.Index(order, scope.Access)
		if rank < 0 {
			s.Errorf("scope %s has access %q", scope.Name, scope.Access)
		}
		resource, _, _ := strings.Cut(scope.Name, ":")
		before, seen := last[resource]
		if seen && resource != previous {
			s.Errorf("scope %s does not stand with the others of %s", scope.Name, resource)
		}
		if rank < before {
			s.Errorf("scope %s (%s) comes after one with more access", scope.Name, scope.Access)
		}
		last[resource], previous = rank, resource
	}
}

// broker: the gateway can work with what it is told, and can't change it.
func (s *suite) broker() {
	b := with[connectors.Broker](s)
	up := b.Upstream()
	if up.Connection == "" || up.Header == "" || up.Credential.Empty() || len(up.Scopes) == 0 {
		s.Errorf("upstream of %q lacks its header, credential or scopes", up.Connection)
	}
	u := up.BaseURL
	if u == nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !up.AllowPrivate) {
		s.Fatalf("base URL %v is not one to send a credential to", u)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Path, "/") {
		s.Errorf("base URL %s has more than scheme, host and path prefix", u.Redacted())
	}
	for _, scope := range up.Scopes {
		if !slices.ContainsFunc(scope.Rules, func(r connectors.Rule) bool { return !r.Deny }) {
			s.Errorf("scope %s allows nothing", scope.Name)
		}
	}
	s.scopesInOrder(up.Scopes)

	host := u.Host
	u.Host, up.Scopes[0].Name = "changed.example", "changed"
	if again := b.Upstream(); again.BaseURL.Host != host || again.Scopes[0].Name == "changed" {
		s.Error("a caller changed the connector through Upstream")
	}
}
