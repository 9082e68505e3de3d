package main

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/storage"
)

// well is what the doctor says of a site that nothing ails.
var well = []string{
	"ok      policy: 1 rule, version ",
	"ok      slack: bot user U0LATCHBOT in workspace T0LATCH, socket opens",
	"ok      database: reachable and migrated",
	"ok      keeper: seals and opens; the database has no secrets yet",
	"ok      public_url: ",
	"ok      connection tempo: the admin credential works",
}

// advice is how to mend each check.
var advice = map[string]string{
	"policy":           "Mend the file;",
	"slack":            "Update the app from `latchkey manifest`",
	"database":         "Check database_url and run `latchkey migrate`",
	"keeper":           "Set keeper to the key this database was made with",
	"public_url":       "Is `latchkey serve` running?",
	"connection tempo": "Check token and base_url of this connection",
}

// failedLines are the name of a check, its reason and its advice.
var failedLines = regexp.MustCompile(`(?m)^FAILED  ([a-z_ ]+): (.+(?:\n        .+)*)\n        (.+)$`)

func TestDoctor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		lacks  []string                    // scopes of the app
		hurt   func(t *testing.T, s *site) // nil: nothing ails
		failed map[string]string           // check to what it says
	}{
		{name: "all is well"},
		{
			name:   "the policy names a scope that is not",
			hurt:   func(_ *testing.T, s *site) { s.env["SCOPE"] = "worklog:view" },
			failed: map[string]string{"policy": siteConfig + `:15:14: policies[0].scopes[0]: "${SCOPE}" matches no scope of tempo`},
		},
		{
			name:   "the bot token is revoked",
			hurt:   func(_ *testing.T, s *site) { s.slack.Knobs().RevokeTokens() },
			failed: map[string]string{"slack": "token_revoked"},
		},
		{
			name:   "the app token is another app's",
			hurt:   func(_ *testing.T, s *site) { s.env["SLACK_APP_TOKEN"] = "xapp-of-somebody-else" },
			failed: map[string]string{"slack": "open a socket with the app token: invalid_auth"},
		},
		{
			name:   "scopes are missing",
			lacks:  []string{"im:write", "users:read.email"},
			failed: map[string]string{"slack": "the bot lacks the scopes im:write, users:read.email"},
		},
		{
			name:   "Slack is down",
			hurt:   func(_ *testing.T, s *site) { s.slack.Knobs().Down(true) },
			failed: map[string]string{"slack": "503"},
		},
		{
			name: "the database is down",
			hurt: func(_ *testing.T, s *site) {
				s.env["DATABASE_URL"] = "postgres://latchkey:" + hiddenPassword + "@127.0.0.1:1/latchkey"
			},
			failed: map[string]string{"database": "connect to the database"},
		},
		{
			name:   "the database is empty",
			hurt:   func(t *testing.T, s *site) { s.env["DATABASE_URL"] = emptyDatabase(t) },
			failed: map[string]string{"database": "the database lacks migrations"},
		},
		{
			name:   "there is no private Postgres yet",
			hurt:   func(_ *testing.T, s *site) { s.env["DATABASE_URL"] = "" },
			failed: map[string]string{"database": "there is no private Postgres in "},
		},
		{
			name:   "the keeper is another",
			hurt:   func(t *testing.T, s *site) { s.seal(t); s.env["LATCHKEY_KEY"] = newKeeperKey() },
			failed: map[string]string{"keeper": "the keeper is not the one this database was made with"},
		},
		{
			name:   "nobody answers at public_url",
			hurt:   func(_ *testing.T, s *site) { s.public.Close() },
			failed: map[string]string{"public_url": "does not answer"},
		},
		{
			name:   "something else answers at public_url",
			hurt:   func(_ *testing.T, s *site) { s.env["PUBLIC_URL"] += "/wiki" },
			failed: map[string]string{"public_url": "/wiki/healthz answers 404 Not Found"},
		},
		{
			name:   "the vendor refuses the token",
			hurt:   func(_ *testing.T, s *site) { s.env["TEMPO_TOKEN"] = "a-token-of-last-year" },
			failed: map[string]string{"connection tempo": "the token was refused"},
		},
		{
			name: "everything at once",
			hurt: func(t *testing.T, s *site) {
				s.slack.Knobs().RevokeTokens()
				s.public.Close()
				s.env["DATABASE_URL"], s.env["TEMPO_TOKEN"] = emptyDatabase(t), "a-token-of-last-year"
			},
			failed: map[string]string{"slack": "token_revoked", "database": "lacks migrations", "public_url": "does not answer", "connection tempo": "refused"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tc.lacks...)
			if tc.hurt != nil {
				tc.hurt(t, s)
			}
			got := s.run(t, "doctor")
			checkDiagnosis(t, got, tc.failed)
		})
	}
}

// checkDiagnosis wants exactly these checks to have failed, each with its
// advice, and the exit status to say so.
func checkDiagnosis(t *testing.T, got ran, failed map[string]string) {
	t.Helper()
	status, says := 0, ""
	if len(failed) > 0 {
		status, says = 1, "latchkey: "+counted(len(failed), "check")+" failed\n"
	}
	if got.status != status || !strings.HasSuffix(got.err, says) {
		t.Errorf("exit status %d, want %d; errors %q, want %q", got.status, status, got.err, says)
	}
	found := failedLines.FindAllStringSubmatch(got.out, -1)
	for _, m := range found {
		if want, ok := failed[m[1]]; !ok || !strings.Contains(m[2], want) || !strings.Contains(m[3], advice[m[1]]) {
			t.Errorf("%s failed: %s\n%s\nwant it to say %q and advise %q", m[1], m[2], m[3], want, advice[m[1]])
		}
	}
	if len(found) != len(failed) {
		t.Errorf("%d checks failed, want %d", len(found), len(failed))
	}
	for _, line := range well {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "ok      "), ":")
		if failed[name] == "" && !strings.Contains(got.out, "ok      "+name+": ") {
			t.Errorf("no %q", line)
		}
		if len(failed) == 0 && !strings.Contains(got.out, line) {
			t.Errorf("no %q", line)
		}
	}
	if t.Failed() {
		t.Logf("the doctor said:\n%s", got.out)
	}
}

// seal makes the database's data key under the site's keeper, as the first
// start does.
func (s *site) seal(t *testing.T) storage.Keyring {
	t.Helper()
	cfg, err := loadConfig(&console{env: variables(s.env)}, siteConfig)
	if err != nil {
		t.Fatal(err)
	}
	k, done, err := openKeeper(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ring, err := openedDB(t, s.env["DATABASE_URL"]).OpenKeyring(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestDoctorOnlyLooks: what it found, it leaves.
func TestDoctorOnlyLooks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 2 {
		checkDiagnosis(t, s.run(t, "doctor"), nil)
	}
	s.seal(t)
	got := s.run(t, "doctor")
	if got.status != 0 || !strings.Contains(got.out, "ok      keeper: opens the database's secrets\n") {
		t.Errorf("exit status %d\n%s", got.status, got.out)
	}
}

// TestDoctorWarnsOfTheRole: what the service's own rights could do to the log is
// no failure, and has its advice.
func TestDoctorWarnsOfTheRole(t *testing.T) {
	t.Parallel()
	got := newSite(t).run(t, "doctor")
	if got.status != 0 || !strings.Contains(got.out, "\nwarning audit: the role ") || !strings.Contains(got.out, "run `latchkey migrate --grant ROLE`") {
		t.Errorf("exit status %d\n%s", got.status, got.out)
	}
}

func TestDoctorWithoutSlack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["SLACK_BOT_TOKEN"], s.env["SLACK_APP_TOKEN"] = "", ""
	got := s.run(t, "doctor")
	if got.status != 0 || !strings.Contains(got.out, "ok      slack: no tokens, so that only the roles server and gateway can run\n") {
		t.Errorf("exit status %d\n%s%s", got.status, got.out, got.err)
	}
}

// TestDoctorWithABadSystem can't ask it, and goes on.
func TestDoctorWithABadSystem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["TEMPO_TOKEN"] = "two words"
	got := s.run(t, "doctor")
	want := "FAILED  policy: " + siteConfig + ":11:3: connections.tempo: token holds a space"
	if got.status != 1 || !strings.HasPrefix(got.out, want) || strings.Count(got.out, "\nok ") != 4 || strings.Contains(got.out, "connection tempo") {
		t.Errorf("exit status %d\n%s%s", got.status, got.out, got.err)
	}
}

// TestDoctorWithABadFile lists what is wrong with it and dials nobody.
func TestDoctorWithABadFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["LONGEST"] = "for ever"
	got := s.run(t, "doctor")
	if got.status != 1 || got.out != "" || !strings.HasPrefix(got.err, siteConfig+":18:19: policies[0].max_lifetime: write a length of time") {
		t.Errorf("exit status %d\n%s%s", got.status, got.out, got.err)
	}
	if calls := s.slack.Traffic(); len(calls) > 0 {
		t.Errorf("Slack was called: %+v", calls)
	}
}
