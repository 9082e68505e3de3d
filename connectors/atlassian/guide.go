package atlassian

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
)

// tokensURL is where people make their tokens (unverified: the page is not
// among those read, but much documentation of others leads there).
const tokensURL = "https://id.atlassian.com/manage-profile/security/api-tokens" //nolint:gosec // an address

// longestLife is the vendor's, in a leap year: people choose a date from
// tomorrow to a year from now.
const longestLife = 366 * 24 * time.Hour

// dateInWords can't be misread as the other of two orders of day and month.
const dateInWords = "Monday, 2 January 2006"

// GuideIssue says how the owner makes the token. The next sync finds it by its
// label and owner. A date that the vendor's form does not offer, or a request
// without label, owner or scopes, is ErrUnrecoverable.
func (c *Connector) GuideIssue(r connectors.IssueRequest) (connectors.Task, error) {
	if err := c.checkGuide(r); err != nil {
		return connectors.Task{}, fmt.Errorf("guide issue at %s: %w: %w", c.name, connectors.ErrUnrecoverable, err)
	}
	task := connectors.Task{URL: tokensURL}
	form := "Choose Create API token with scopes."
	full := slices.Contains(r.Scopes, connectors.FullAccess)
	switch {
	case r.Owner.Service:
		task.URL = adminURL
		task.Steps = append(task.Steps,
			"Sign in to Atlassian Administration as an organisation admin.",
			fmt.Sprintf("Open Directory, then Service accounts, and choose %s.", person(r.Owner, "account "+r.Owner.ID)))
		form = "Choose Create credentials, and then an API token."
	default:
		task.Steps = append(task.Steps,
			fmt.Sprintf("Sign in as %s and as nobody else: the token belongs to whoever is signed in.", person(r.Owner, "account "+r.Owner.ID)))
		if full {
			form = "Choose Create API token, the one without scopes."
		}
	}
	task.Steps = append(task.Steps, form,
		fmt.Sprintf("Give it exactly this name, by which it is found again: %s", r.Label),
		fmt.Sprintf("Let it expire on %s, not later.", r.ExpiresAt.UTC().Format(dateInWords)))
	if !full {
		if !slices.ContainsFunc(r.Scopes, func(s string) bool { return !strings.Contains(s, "jira") }) {
			task.Steps = append(task.Steps, "When it asks for the app, choose Jira.")
		}
		for _, s := range r.Scopes {
			task.Steps = append(task.Steps, "Select the scope "+titled(s)+".")
		}
		task.Steps = append(task.Steps, "Select nothing else: a token that may do more than was approved is revoked.")
	}
	task.Steps = append(task.Steps,
		"Create it and put it where it is needed at once: it is shown only once, and nobody here ever asks you for it.")
	return task, nil
}

func (c *Connector) checkGuide(r connectors.IssueRequest) error {
	today := c.now().UTC().Truncate(24 * time.Hour)
	switch {
	case strings.TrimSpace(r.Label) == "":
		return errors.New("without a label the token could never be found again")
	case r.Owner.ID == "" && r.Owner.Email == "" && r.Owner.Name == "":
		return errors.New("the owner is not known")
	case len(r.Scopes) == 0 || slices.Contains(r.Scopes, ""):
		return errors.New("no scopes are given")
	case r.Owner.Service && slices.Contains(r.Scopes, connectors.FullAccess):
		return errors.New("tokens of service accounts always have scopes")
	case r.ExpiresAt.UTC().Truncate(24 * time.Hour).Before(today.Add(24 * time.Hour)):
		return errors.New("the vendor's tokens live for a day at least")
	case r.ExpiresAt.After(c.now().Add(longestLife)):
		return errors.New("the vendor's tokens live for a year at most")
	}
	return nil
}

// titled is a scope with its meaning for people, if it is in the catalogue.
func titled(name string) string {
	for _, s := range Catalogue() {
		if s.Name == name {
			return fmt.Sprintf("%s (%s)", name, s.Title)
		}
	}
	return name
}
