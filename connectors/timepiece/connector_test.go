package timepiece_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/connectors/timepiece"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

func TestOpenDefaults(t *testing.T) {
	t.Parallel()
	s := connectors.Settings{Name: "time", Kind: "timepiece", Token: secret.New("x"), Header: "X-Other", Scheme: "Bearer"}
	c, err := timepiece.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	up := c.Upstream()
	if up.BaseURL.String() != "https://tis.obss.io" || up.Header != "Authorization" || up.Credential.Expose() != "TISJWT x" {
		t.Errorf("upstream = %s %s", up.BaseURL, up.Header)
	}
	if _, ok := connectors.As[connectors.OAuthClient](c); ok {
		t.Error("the vendor has no OAuth")
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jwt := b.upstream.Expose()
	cut := jwt[:strings.LastIndex(jwt, ".")]
	tests := map[string]struct {
		change func(*connectors.Settings)
		want   string
	}{
		"empty import":     {func(s *connectors.Settings) { s.Import[1] = secret.New(" ") }, "import[1]: it is empty"},
		"not a token":      {func(s *connectors.Settings) { s.Import[1] = b.bad }, "import[1]: it is neither a JWT nor a token ID"},
		"with its scheme":  {func(s *connectors.Settings) { s.Import[1] = secret.New("TISJWT " + jwt) }, "import[1]: it holds a space"},
		"no signature":     {func(s *connectors.Settings) { s.Import[1] = secret.New(cut) }, "import[1]: it is neither"},
		"broken in two":    {func(s *connectors.Settings) { s.Import[1] = secret.New(jwt[:20] + "\n" + jwt[20:]) }, "import[1]: it holds a space, a line break"},
		"no UUID":          {func(s *connectors.Settings) { s.Import[1] = secret.New("18e5ebcc-3d2d-3789-a180-c497809c5e7") }, "import[1]: it is neither"},
		"long":             {func(s *connectors.Settings) { s.Import[1] = secret.New(jwt + strings.Repeat("x", 1<<14)) }, "import[1]: it is longer"},
		"impossible date":  {func(s *connectors.Settings) { s.Import[1] = secret.New(unsigned(`{"exp":1e17}`)) }, "import[1]: it is a JWT with an impossible date"},
		"negative date":    {func(s *connectors.Settings) { s.Import[1] = secret.New(unsigned(`{"iat":-5}`)) }, "import[1]: it is a JWT with an impossible date"},
		"both of them":     {func(s *connectors.Settings) { s.Import = []secret.Value{b.bad, b.bad} }, "import[1]"},
		"no token":         {func(s *connectors.Settings) { s.Token = secret.Value{} }, "missing setting: token"},
		"scope redefined":  {func(s *connectors.Settings) { s.Scopes = timepiece.Catalogue()[:1] }, "named twice"},
		"http without say": {func(s *connectors.Settings) { s.AllowPrivate = false }, "base_url must be https"},
	}
	for name, tt := range tests {
		s := b.settings(b.upstream, b.upstream, b.upstream)
		tt.change(&s)
		_, err := timepiece.Open(s, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "open connection time") {
			t.Errorf("%s: err = %v, want %q", name, err, tt.want)
		}
		wantNoSecret(t, err, append(s.Import, b.upstream, b.bad)...)
	}
	s := b.settings(secret.Value{}, b.bad)
	_, err := timepiece.Open(s, http.DefaultTransport)
	if !errors.Is(err, connectors.ErrMissing) || !strings.Contains(err.Error(), "import[0]") {
		t.Errorf("not every problem is reported: %v", err)
	}
}

func TestCheckNamesTheLicence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.open(t, b.upstream)
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Set(timepiecetest.Knobs{NoLicence: true})
	if err := c.Check(t.Context()); !errors.Is(err, brokered.ErrTokenRefused) || !strings.Contains(err.Error(), "licence") {
		t.Errorf("err = %v", err)
	}
	if b.Calls()["GET /rest/calendar"] != 2 || len(b.Faults()) != 0 {
		t.Errorf("calls %v, faults %v", b.Calls(), b.Faults())
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"reports:view": {
			"GET /rest/issue", "GET /rest/issue/expanded", "GET /rest/issues", "GET /rest/issues/v2",
			"GET /rest/aggregation", "POST /rest/aggregation",
		},
		"calendars:view": {"GET /rest/calendar", "GET /rest/calendar/search", "GET /rest/calendar/{calendarId}"},
	}
	for _, s := range timepiece.Catalogue() {
		var reads []string
		for _, r := range s.Rules {
			if values, ok := r.Query["tisjwt"]; !ok || len(values) != 0 {
				t.Errorf("%s lets a token in the query through: %+v", s.Name, r)
			}
			if r.Deny || len(r.Methods) == 0 || r.Methods[0] == http.MethodPost && r.Path != "/rest/aggregation" {
				t.Errorf("%s has the rule %+v", s.Name, r)
			}
			reads = append(reads, r.Methods[0]+" "+r.Path)
		}
		if !slices.Equal(reads, tests[s.Name]) || s.Access != connectors.Read || s.Title == "" || !strings.HasSuffix(s.Description, ".") {
			t.Errorf("%s (%s) allows %v", s.Name, s.Access, reads)
		}
	}
}

// Labels and the vendor's tokens can't be taken for each other.
func TestOurKeysAreNeverTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.open(t, b.upstream)
	_, err := c.Issue(t.Context(), connectors.IssueRequest{Label: "jwt/1", Scopes: []string{"reports:view"}})
	if !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("issue of a label like a token's: %v", err)
	}
	issued, err := c.Issue(t.Context(), connectors.IssueRequest{Label: "latchkey-1", Scopes: []string{"reports:view"}})
	if err != nil {
		t.Fatal(err)
	}
	if task := c.GuideRevoke(issued.Ref); len(task.Steps) != 0 {
		t.Errorf("a key of ours has a human task: %v", task)
	}
	if got, err := c.Verify(t.Context(), issued.Ref); got != connectors.Unknown || err != nil {
		t.Errorf("the vendor says %s of a key of ours: %v", got, err)
	}
	for _, cred := range list(t, c) {
		if cred.Ref.ID == issued.Ref.ID {
			t.Error("a key of ours is listed as the vendor's")
		}
	}
}
