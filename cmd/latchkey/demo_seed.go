package main

import (
	"time"

	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/github/githubtest"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
)

// seeder fills the vendors with keys that people made over the years: in use
// and forgotten, harmless and not, of people, of services and of nobody we
// know. Every date is told from now, so the world looks the same on any day.
type seeder struct {
	*vendors
	now time.Time
}

func (s seeder) day(n int) time.Time { return s.now.AddDate(0, 0, n) }

// The people of the world, by their names at GitHub, which shows no address.
// demo.yaml says whose they are.
const (
	aliceAtGitHub = "alice-archer"
	bobAtGitHub   = "bob-baker"
	danaAtGitHub  = "dana-diaz"
	frankAtGitHub = "frank-fisher"
)

// jiraPeople are everybody who works here, and one whom Slack does not know.
func (s seeder) jiraPeople() {
	for _, p := range []atlassiantest.Person{
		{Name: "Alice Archer", Email: "alice@example.com"}, {Name: "Bob Baker", Email: "bob@example.com"},
		{Name: "Carol Chen", Email: "carol@example.com"}, {Name: "Dana Diaz", Email: "dana@example.com"},
		{Name: "Erin Evans", Email: "erin@example.com"}, {Name: "Frank Fisher", Email: "frank@example.com"},
		{Name: "Ines Interim", Email: "ines@contractor.example"},
	} {
		s.jira.AddPerson(p)
	}
}

func (s seeder) seedJira(service string) {
	at := s.jira.PersonByEmail
	alice, bob, carol := at("alice@example.com"), at("bob@example.com"), at("carol@example.com")
	frank, ines := at("frank@example.com"), at("ines@contractor.example")
	for _, t := range []atlassiantest.Token{
		{Owner: alice, Label: "board on the wall", Scopes: []string{"read:jira-work"}, CreatedAt: s.day(-40), ExpiresAt: s.day(200), LastActiveAt: s.day(-1)},
		{Owner: alice, Label: "old sync script", CreatedAt: s.day(-800), LastActiveAt: s.day(-150)},
		{Owner: bob, Label: "command line", Scopes: []string{"read:jira-work", "write:jira-work"}, CreatedAt: s.day(-30), ExpiresAt: s.day(330), LastActiveAt: s.now.Add(-2 * time.Hour)},
		{Owner: carol, Label: "spreadsheet", Scopes: []string{"read:jira-work", "read:jira-user"}, CreatedAt: s.day(-100), ExpiresAt: s.day(9), LastActiveAt: s.day(-5)},
		{Owner: frank, Label: "payroll export", Scopes: []string{"read:jira-work", "write:jira-work"}, CreatedAt: s.day(-200), ExpiresAt: s.day(160), LastActiveAt: s.day(-1)},
		{Owner: frank, Label: "trial", Scopes: []string{"read:jira-work"}, CreatedAt: s.day(-300), ExpiresAt: s.day(60), LastActiveAt: s.day(-280)},
		{Owner: ines, Label: "dashboard", Scopes: []string{"read:jira-work"}, CreatedAt: s.day(-120), ExpiresAt: s.day(240), LastActiveAt: s.day(-3)},
	} {
		s.jira.AddUserToken(t)
	}
	s.jira.AddServiceAccountToken(atlassiantest.Token{
		Owner: service, Label: "release notes", Scopes: []string{"read:jira-work", "write:jira-work"}, CreatedAt: s.day(-250), ExpiresAt: s.day(110), LastActiveAt: s.now,
	})
	s.jira.AddOrgKey(atlassiantest.OrgKey{CreatedBy: at("erin@example.com"), Label: "audit export", Scopes: []string{"read:events:admin"}, CreatedAt: s.day(-355), ExpiresAt: s.day(10)})
}

func (s seeder) seedGitHub() {
	read, write := map[string]string{"contents": "read"}, map[string]string{"contents": "write", "pull_requests": "write"}
	for _, p := range []githubtest.PAT{
		{Owner: aliceAtGitHub, Name: "laptop", Repository: write, MadeAt: s.day(-50), ExpiresAt: s.day(40), LastUsed: s.day(-1)},
		{Owner: bobAtGitHub, Name: "release notes", Repository: read, MadeAt: s.day(-80), ExpiresAt: s.day(12), LastUsed: s.day(-2)},
		{Owner: frankAtGitHub, Name: "invite people", Organization: map[string]string{"members": "write"}, MadeAt: s.day(-420), LastUsed: s.day(-130)},
		{Owner: danaAtGitHub, Name: "code search", Repository: read, MadeAt: s.day(-20), ExpiresAt: s.day(70)},
		{Owner: "nightly-42", Name: "mirror", Repository: read, MadeAt: s.day(-210), LastUsed: s.now.Add(-8 * time.Hour)},
	} {
		s.github.AddPAT(p)
	}
	s.github.AddPATRequest(githubtest.PAT{
		Owner: aliceAtGitHub, Name: "changelog", Reason: "Collect merged pull requests for the changelog",
		Repository: map[string]string{"pull_requests": "read"}, MadeAt: s.day(-1), ExpiresAt: s.day(60),
	})
	s.github.AddPATRequest(githubtest.PAT{
		Owner: "nightly-42", Name: "more mirrors", Reason: "please", Repository: write, MadeAt: s.day(-4), ExpiresAt: s.day(80),
	})
	for _, a := range []githubtest.Authorization{
		{Owner: bobAtGitHub, Type: githubtest.ClassicPAT, Label: "ci before actions", Scopes: []string{"repo", "workflow"}, AuthorizedAt: s.day(-700), AccessedAt: s.day(-200)},
		{Owner: danaAtGitHub, Type: githubtest.SSHKey, Label: "desk", AuthorizedAt: s.day(-90), AccessedAt: s.day(-1)},
		{Owner: "erin-evans", Type: githubtest.ClassicPAT, Label: "member list", Scopes: []string{"read:org"}, AuthorizedAt: s.day(-15), AccessedAt: s.day(-1)},
		{Owner: aliceAtGitHub, Type: githubtest.OAuthApp, Label: "editor", Scopes: []string{"read:org", "repo"}, AuthorizedAt: s.day(-160), AccessedAt: s.day(-1)},
	} {
		s.github.AddAuthorization(a)
	}
	s.github.AddInstallation("renovate", map[string]string{"contents": "write", "pull_requests": "write"})
}

func (s seeder) seedGitLab() {
	s.gitlab.Populate()
	dora := s.gitlab.AddPerson(gitlabtest.Person{Name: "Dora Doe", Email: "dora@example.com", Enterprise: true, State: "deactivated"})
	s.gitlab.AddToken(gitlabtest.Token{
		User: dora, Name: "handover", Scopes: []string{"read_api"}, CreatedAt: s.day(-330), ExpiresAt: s.day(30), LastUsedAt: s.day(-100),
	})
}

// watchedTokens is how many of Timepiece's tokens demo.yaml imports.
const watchedTokens = 3

// timepieceTokens makes the token that the gateway works with, which is a
// technical user's, then those of people. A token says itself when it was
// made, so each is made at a clock of its own.
func (s seeder) timepieceTokens(quiet bool) []secret.Value {
	at := s.now
	past := timepiecetest.New(timepiecetest.Config{Now: func() time.Time { return at }})
	var out []secret.Value
	for _, t := range []struct {
		user, notes string
		made, ends  int
	}{
		{"557058:5b10cafe-0000-4000-8000-00ab00000004", "Latchkey's gateway", -60, 300},
		{timepiecetest.Alice, "weekly report", -30, 150},
		{timepiecetest.Bob, "set up and forgotten", -500, 600},
		{timepiecetest.Frank, "payroll", -90, 11},
	} {
		at = s.day(t.made)
		out = append(out, past.Make(t.user, t.notes, s.day(t.ends)))
		if quiet {
			break
		}
	}
	if raw, err := past.Save(); err == nil {
		_ = s.timepiece.Restore(raw) // what a double saved, a double takes
	}
	return out
}
