package tempo

import (
	"net/http"
	"slices"

	"latchkey/connectors"
)

// Catalogue is every scope we offer on Tempo, in the order people see them.
//
// The :view and :manage pairs carry the names of the vendor's OAuth scopes as
// seen in a token response, over the resource groups of its "API integration"
// page. There "view" means GET only; ours also admits the POST endpoints that
// the OpenAPI file describes as searches. Which of the vendor's groups holds
// skills, generic resources, flex plans, permission roles, webhooks and reports
// is unverified, so the placing of those is ours, and reports, permissions,
// rates, webhooks and configuration are scopes of our own.
//
// A rule sees method and path, not the body: bypassing a closed period
// (bypassPeriodClosuresAndApprovals) is decided by the permissions of the
// person whose token is configured.
func Catalogue() []connectors.Scope {
	return slices.Concat(worklogScopes(), planScopes(), accountScopes(), teamScopes(), approvalScopes(), projectScopes(), adminScopes())
}

func worklogScopes() []connectors.Scope {
	a := area{
		trees: []string{"/4/worklogs", "/4/work-attributes"},
		searches: []string{
			"/4/worklogs/search", "/4/worklogs/jira-to-tempo", "/4/worklogs/tempo-to-jira",
			"/4/worklogs/work-attribute-values/search",
		},
	}
	create := allow("/4/worklogs", http.MethodPost)
	change := allow("/4/worklogs/{id}", http.MethodPut)
	return []connectors.Scope{
		scope("worklogs:view", connectors.Read, "Worklogs: read",
			"Read and search the time people logged, and the attributes on it.", a.view()...),
		scope("worklogs:log", connectors.Write, "Worklogs: log time",
			"Create single worklogs; read, change or delete nothing.", create),
		scope("worklogs:write", connectors.Write, "Worklogs: create and change",
			"Read worklogs and create or change them one at a time; delete nothing.", append(a.view(), create, change)...),
		scope("worklogs:manage", connectors.Write, "Worklogs: create, change and delete",
			"Do anything to worklogs and work attributes, in bulk and by deleting too.", a.manage()...),
	}
}

func planScopes() []connectors.Scope {
	a := area{
		trees: []string{
			"/4/plans", "/4/programs", "/4/flex-plans", "/4/plan-approvals", "/4/plan-permissions",
			"/4/generic-resources", "/4/skills", "/4/skill-assignments",
		},
		searches: []string{
			"/4/plans/search", "/4/flex-plans/search", "/4/plan-approvals/plans-for-review",
			"/4/generic-resources/search", "/4/skill-assignments/search",
		},
	}
	create := allow("/4/plans", http.MethodPost)
	change := allow("/4/plans/{id}", http.MethodPut)
	return []connectors.Scope{
		scope("plans:view", connectors.Read, "Plans: read",
			"Read and search plans, programs, generic resources and skills.", a.view()...),
		scope("plans:write", connectors.Write, "Plans: create and change",
			"Read plans and create or change them one at a time; delete and approve nothing.", append(a.view(), create, change)...),
		scope("plans:manage", connectors.Write, "Plans: create, change and delete",
			"Do anything to plans, programs, generic resources and skills, approve plans included.", a.manage()...),
	}
}

func accountScopes() []connectors.Scope {
	a := area{
		trees: []string{
			"/4/accounts", "/4/account-categories", "/4/account-category-types", "/4/account-links", "/4/customers",
		},
		searches: []string{"/4/accounts/search", "/4/customers/search"},
	}
	return []connectors.Scope{
		scope("accounts:view", connectors.Read, "Accounts: read",
			"Read and search accounts, their categories and links, and customers.", a.view()...),
		scope("accounts:manage", connectors.Write, "Accounts: create, change and delete",
			"Do anything to accounts, their categories and links, and customers.", a.manage()...),
	}
}

func teamScopes() []connectors.Scope {
	teams := area{
		trees:    []string{"/4/teams", "/4/team-links", "/4/team-memberships", "/4/roles"},
		searches: []string{"/4/team-memberships/search"},
	}
	schemes := area{
		trees:    []string{"/4/workload-schemes", "/4/holiday-schemes", "/4/user-schedule"},
		searches: []string{"/4/workload-schemes/members/search", "/4/holiday-schemes/members/search"},
	}
	return []connectors.Scope{
		scope("teams:view", connectors.Read, "Teams: read",
			"Read teams, their members, links and roles.", teams.view()...),
		scope("teams:manage", connectors.Write, "Teams: create, change and delete",
			"Do anything to teams, their members, links and roles.", teams.manage()...),
		scope("schemes:view", connectors.Read, "Schemes: read",
			"Read workload and holiday schemes and people's working days.", schemes.view()...),
		scope("schemes:manage", connectors.Write, "Schemes: create, change and delete",
			"Do anything to workload and holiday schemes, who belongs to them included.", schemes.manage()...),
	}
}

func approvalScopes() []connectors.Scope {
	a := area{
		trees:    []string{"/4/timesheet-approvals"},
		searches: []string{"/4/timesheet-approvals/logs/search"},
	}
	hand := []connectors.Rule{
		allow("/4/timesheet-approvals/user/{accountId}/submit", http.MethodPost),
		allow("/4/timesheet-approvals/user/{accountId}/recall", http.MethodPost),
	}
	return []connectors.Scope{
		scope("approvals:view", connectors.Read, "Timesheet approvals: read",
			"Read the approval state, reviewers and history of timesheets.", a.view()...),
		scope("approvals:submit", connectors.Write, "Timesheet approvals: submit and recall",
			"Read timesheet approvals and hand timesheets in or take them back; approve, reject and reopen nothing.", append(a.view(), hand...)...),
		scope("approvals:manage", connectors.Write, "Timesheet approvals: decide",
			"Submit, recall, approve, reject and reopen timesheets.", a.manage()...),
		scope("periods:view", connectors.Read, "Periods: read",
			"Read the periods timesheets are approved by.", area{trees: []string{"/4/periods"}}.view()...),
	}
}

// projectScopes keeps what one person costs out of the project scopes: by the
// OpenAPI file's schemas, these paths answer with rates or costs per user.
func projectScopes() []connectors.Scope {
	perPerson := []string{
		"/4/projects/{projectId}/team-members/rates",
		"/4/projects/{projectId}/team-members/{teamMemberId}/rates",
		"/4/projects/{projectId}/actuals/labor",
		"/4/projects/{projectId}/plans/labor",
		"/4/projects/{projectId}/time-approvals",
		"/4/projects/time-approvals",
	}
	projects := area{trees: []string{"/4/projects", "/4/portfolios", "/4/project-attributes"}}
	rates := area{trees: slices.Concat(perPerson, []string{"/4/billing-rates-tables", "/4/global-rates"})}
	reports := area{trees: []string{"/4/reports"}}
	return []connectors.Scope{
		scope("projects:view", connectors.Read, "Projects: read",
			"Read projects, portfolios, budgets and expenses, but not what single people cost.", append(projects.view(), deny(perPerson)...)...),
		scope("projects:manage", connectors.Write, "Projects: create, change and delete",
			"Do anything to projects and portfolios, but not see or set what single people cost.", append(projects.manage(), deny(perPerson)...)...),
		scope("rates:view", connectors.Read, "Rates and labor costs: read",
			"Read billing and cost rates and project time approvals, those of single people included.", rates.view()...),
		scope("rates:manage", connectors.Admin, "Rates and labor costs: create, change and delete",
			"Do anything to billing and cost rates and project time approvals, those of single people included.", rates.manage()...),
		scope("reports:view", connectors.Read, "Cost reports: read",
			"Read reports on costs and revenues.", reports.view()...),
		scope("reports:manage", connectors.Write, "Cost reports: create and delete",
			"Create, read and delete reports on costs and revenues.", reports.manage()...),
	}
}

func adminScopes() []connectors.Scope {
	permissions := area{trees: []string{"/4/permission-roles"}}
	webhooks := area{trees: []string{"/4/webhooks"}}
	audit := area{trees: []string{"/papertrail/1"}, searches: []string{"/4/papertrail/search"}}
	return []connectors.Scope{
		scope("configuration:view", connectors.Read, "Configuration: read",
			"Read the global configuration.", allow("/4/globalconfiguration", http.MethodGet, http.MethodHead)),
		scope("permissions:view", connectors.Read, "Permission roles: read",
			"Read who may see and change what in Tempo.", permissions.view()...),
		scope("permissions:manage", connectors.Admin, "Permission roles: create, change and delete",
			"Decide who may see and change what in Tempo.", permissions.manage()...),
		scope("audit:view", connectors.Read, "Audit log: read",
			"Search the audit log and read which worklogs and plans were deleted.", audit.view()...),
		// No webhooks:view: whether a listing shows the signing secrets is unverified.
		scope("webhooks:manage", connectors.Admin, "Webhooks: create, read and delete",
			"Have Tempo send its events to any address, and read and delete such subscriptions.", webhooks.manage()...),
	}
}

// area is a group of resources that one pair of scopes covers.
type area struct {
	trees    []string // paths, each with everything below it
	searches []string // POST endpoints that only read
}

func (a area) view() []connectors.Rule {
	var rules []connectors.Rule
	for _, t := range a.trees {
		rules = append(rules, allow(t, http.MethodGet, http.MethodHead), allow(t+"/**", http.MethodGet, http.MethodHead))
	}
	for _, s := range a.searches {
		rules = append(rules, allow(s, http.MethodPost))
	}
	return rules
}

func (a area) manage() []connectors.Rule {
	var rules []connectors.Rule
	for _, t := range a.trees {
		rules = append(rules, allow(t), allow(t+"/**"))
	}
	return rules
}

func deny(trees []string) []connectors.Rule {
	var rules []connectors.Rule
	for _, t := range trees {
		rules = append(rules, connectors.Rule{Path: t, Deny: true}, connectors.Rule{Path: t + "/**", Deny: true})
	}
	return rules
}

func allow(path string, methods ...string) connectors.Rule {
	return connectors.Rule{Methods: methods, Path: path}
}

func scope(name string, access connectors.Access, title, description string, rules ...connectors.Rule) connectors.Scope {
	return connectors.Scope{Name: name, Title: title, Access: access, Description: description, Rules: rules}
}
