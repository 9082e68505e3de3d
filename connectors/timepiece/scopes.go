package timepiece

import (
	"net/http"

	"latchkey/connectors"
)

// Catalogue is every scope we offer on Timepiece, in the order people see them.
//
// It has what the vendor documents as reading: the report endpoints (POST on
// the aggregation is the same report with a larger request) and the calendars
// that reports refer to. The administration endpoints and the asynchronous
// exports have no scope: which paths and methods they are was not found. Nor
// has a scope for everything, which would let those through.
//
// The vendor has no scopes of its own. What a report shows is decided by the
// Jira permissions of the user whose token is configured.
func Catalogue() []connectors.Scope {
	return []connectors.Scope{
		{
			Name: "reports:view", Title: "Reports: read", Access: connectors.Read,
			Description: "Read time-in-status reports of every issue that the configured token's user sees.",
			Rules: append(
				reads("/rest/issue", "/rest/issue/expanded", "/rest/issues", "/rest/issues/v2", "/rest/aggregation"),
				rule("/rest/aggregation", http.MethodPost),
			),
		},
		{
			Name: "calendars:view", Title: "Calendars: read", Access: connectors.Read,
			Description: "Read the working calendars that reports measure time by.",
			Rules:       reads("/rest/calendar", "/rest/calendar/search", "/rest/calendar/{calendarId}"),
		},
	}
}

func reads(paths ...string) []connectors.Rule {
	var rules []connectors.Rule
	for _, path := range paths {
		rules = append(rules, rule(path, http.MethodGet, http.MethodHead))
	}
	return rules
}

// rule keeps other tokens out of the query: with one there, a call could run as
// somebody else than the configured token's user.
func rule(path string, methods ...string) connectors.Rule {
	return connectors.Rule{Methods: methods, Path: path, Query: map[string][]string{"tisjwt": nil}}
}
