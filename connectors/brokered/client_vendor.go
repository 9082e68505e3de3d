package brokered

import "latchkey/connectors"

// gitlabClients append /api/v4 to the address themselves. Each was run against
// a double: gitlab-org/api/client-go (the gateway's tests run it) and
// python-gitlab 3.12. What glab 1.87 takes is from its documentation of
// GITLAB_HOST and GITLAB_SUBFOLDER: unverified.
func gitlabClients(at connectors.ClientAddress) []connectors.ClientGuide {
	return []connectors.ClientGuide{
		{Name: "GitLab’s own Go client", Code: fill(`
client, err := gitlab.NewClient(os.Getenv("LATCHKEY_KEY"),
	gitlab.WithBaseURL("{base}"))`, at), Notes: "From gitlab.com/gitlab-org/api/client-go."},
		{Name: "python-gitlab", Code: fill(`
import os
import gitlab

gl = gitlab.Gitlab(
    "{base}",
    private_token=os.environ["LATCHKEY_KEY"],
    keep_base_url=True,
)`, at), Notes: "With keep_base_url it asks the gateway for further pages too, and not GitLab itself, which refuses the key."},
		{Name: "glab, GitLab’s command line, version 1.87 or newer", Code: fill(`
export GITLAB_HOST={host} GITLAB_SUBFOLDER={path}
GITLAB_TOKEN="$LATCHKEY_KEY" glab api version`, at), Notes: "It serves its API commands only: Git itself does not pass through the gateway."},
	}
}

// githubClients take the address as it is. go-github 80 (BaseURL must end with a
// slash) and octokit 5.0 were run against a double. PyGithub 2 is from its
// README (base_url, Auth.Token), and that gh takes no path from its manual of
// GH_HOST: unverified.
func githubClients(at connectors.ClientAddress) []connectors.ClientGuide {
	return []connectors.ClientGuide{
		{Name: "go-github, version 80", Code: fill(`
client := github.NewClient(nil).WithAuthToken(os.Getenv("LATCHKEY_KEY"))
base, err := url.Parse("{base}/")
client.BaseURL = base`, at), Notes: "Set BaseURL rather than WithEnterpriseURLs, which adds a path of its own."},
		{Name: "PyGithub", Code: fill(`
import os
from github import Auth, Github

g = Github(base_url="{base}", auth=Auth.Token(os.environ["LATCHKEY_KEY"]))`, at)},
		{Name: "octokit, for Node.js", Code: fill(`
import { Octokit } from "octokit";

const octokit = new Octokit({ baseUrl: "{base}", auth: process.env.LATCHKEY_KEY });`, at),
			Notes: "Ask for further pages by number: paginate() follows GitHub’s own addresses past the gateway, and GitHub refuses the key."},
		{Name: "gh, GitHub’s command line", Code: fill(`
curl --fail-with-body -H "Authorization: Bearer $LATCHKEY_KEY" {base}/rate_limit`, at),
			Notes: "gh takes the name of a host and no path, so it can’t be pointed here. Use curl in its place."},
	}
}

// jiraClients are for Jira in the cloud. jira 3.4 was run against a double: it
// sends token_auth as a bearer token.
func jiraClients(at connectors.ClientAddress) []connectors.ClientGuide {
	return []connectors.ClientGuide{
		{Name: "jira, for Python", Code: fill(`
import os
from jira import JIRA

jira = JIRA(server="{base}", token_auth=os.environ["LATCHKEY_KEY"])`, at),
			Notes: "Scripts that send an e-mail address and a token as a password work too: put the key in the token’s place."},
	}
}
