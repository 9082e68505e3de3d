package github

import (
	"fmt"

	"latchkey/connectors"
)

// Catalogue is every fine-grained permission people can ask for, with the
// levels of the vendor's schema app-permissions. Names are the vendor's with
// the category in front ("repo-contents:write", "org-members:read") and
// without a category it repeats (organization_hooks is org-hooks). That a
// token, too, can be given each of them is unverified: the schema is the one
// of apps. The permissions over Latchkey's own work, token requests and tokens
// of the organisation, are left out, and so are those of enterprises and of a
// user's own account.
func Catalogue() []connectors.Scope {
	var out []connectors.Scope
	for _, r := range resources() {
		for _, level := range r.levels {
			out = append(out, connectors.Scope{
				Name:        r.name + ":" + level,
				Title:       r.title + ": " + verb(level),
				Access:      levelAccess(level),
				Description: describe(level, r.covers),
			})
		}
	}
	return out
}

// resource is a permission at its levels, the least first.
type resource struct {
	name   string
	title  string
	covers string // ends the sentence "Read …"
	levels []string
}

func verb(level string) string {
	switch level {
	case "read":
		return "read"
	case "write":
		return "change"
	}
	return "administer"
}

func describe(level, covers string) string {
	switch level {
	case "read":
		return fmt.Sprintf("Read %s.", covers)
	case "write":
		return fmt.Sprintf("Read and change %s.", covers)
	}
	return fmt.Sprintf("Do anything to %s, settings included.", covers)
}

func resources() []resource {
	read, both, all := []string{"read"}, []string{"read", "write"}, []string{"read", "write", "admin"}
	return []resource{
		{"repo-metadata", "Repository metadata", "names, topics and collaborators of repositories", read},
		{"repo-contents", "Contents", "code, branches, commits and releases", both},
		{"repo-pull_requests", "Pull requests", "pull requests with their reviews and comments", both},
		{"repo-issues", "Issues", "issues with their comments, labels and milestones", both},
		{"repo-discussions", "Discussions", "discussions of repositories", both},
		{"repo-actions", "Actions", "workflow runs, their logs and artifacts", both},
		{"repo-workflows", "Workflow files", "the files that define Actions workflows", []string{"write"}},
		{"repo-checks", "Checks", "check runs and check suites", both},
		{"repo-statuses", "Commit statuses", "the statuses that other systems set on commits", both},
		{"repo-deployments", "Deployments", "deployments and their statuses", both},
		{"repo-environments", "Environments", "deployment environments and their rules", both},
		{"repo-pages", "Pages", "the settings and builds of Pages sites", both},
		{"repo-packages", "Packages", "packages that repositories publish", both},
		{"repo-projects", "Repository projects", "project boards of repositories", all},
		{"repo-merge_queues", "Merge queues", "the merge queues of repositories", both},
		{"repo-hooks", "Repository webhooks", "webhooks of repositories", both},
		{"repo-custom_properties", "Repository properties", "the values of custom properties on repositories", both},
		{"repo-codespaces", "Codespaces", "codespaces of repositories", both},
		{"repo-attestations", "Attestations", "attestations of what repositories built", both},
		{"repo-artifact_metadata", "Artifact metadata", "records about built artifacts", both},
		{"repo-code_quality", "Code quality", "code quality findings", both},
		{"repo-security_events", "Code scanning", "code scanning alerts and the like", both},
		{"repo-secret_scanning_alerts", "Secret scanning", "secret scanning alerts, the secrets found among them", both},
		{"repo-vulnerability_alerts", "Dependabot alerts", "alerts about vulnerable dependencies", both},
		{"repo-dependabot_secrets", "Dependabot secrets", "Dependabot secrets, whose values can be set and never read", both},
		{"repo-secrets", "Repository secrets", "Actions secrets, whose values can be set and never read", both},
		{"repo-single_file", "Single file", "one file of each repository", both},
		{"repo-administration", "Repository administration", "settings, teams, collaborators and the existence of repositories", both},

		{"org-members", "Members", "members and teams of the organisation", both},
		{"org-administration", "Organisation administration", "settings and access of the organisation", both},
		{"org-custom_roles", "Repository roles", "custom roles for repositories", both},
		{"org-custom_org_roles", "Organisation roles", "custom roles in the organisation", both},
		{"org-custom_properties", "Property definitions", "the definitions of custom properties of repositories", all},
		{"org-hooks", "Organisation webhooks", "webhooks of the organisation", both},
		{"org-events", "Organisation events", "events of activity in the organisation", read},
		{"org-plan", "Plan", "the plan of the organisation", read},
		{"org-projects", "Projects", "projects of the organisation", all},
		{"org-packages", "Organisation packages", "packages of the organisation", both},
		{"org-secrets", "Organisation secrets", "the organisation's secrets, whose values can be set and never read", both},
		{"org-self_hosted_runners", "Self-hosted runners", "self-hosted runners of the organisation", both},
		{"org-user_blocking", "Blocked users", "the list of users the organisation blocks", both},
		{"org-announcement_banners", "Announcement banners", "announcement banners of the organisation", both},
		{"org-copilot_seat_management", "Copilot seats", "who has Copilot in the organisation", both},
		{"org-copilot_agent_settings", "Copilot agent settings", "settings of the Copilot agent in the organisation", both},
	}
}
