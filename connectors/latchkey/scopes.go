package latchkey

import "latchkey/connectors"

// The scopes of a key of Latchkey's own. Their names are kept for ever:
// policies and rows hold them.
const (
	ReadCredentials   = "credentials:read"
	RevokeCredentials = "credentials:revoke"
	RotateCredentials = "credentials:rotate"
	ReadAudit         = "audit:read"
	OffboardPeople    = "people:offboard"
	ProvisionPeople   = "people:provision"
	ReportLeaks       = "leaks:report"
)

// scopes is the catalogue, read before write before admin within a resource.
func scopes() []connectors.Scope {
	return []connectors.Scope{
		{Name: ReadCredentials, Title: "Keys: see all", Access: connectors.Read,
			Description: "Lists the keys and grants of every system, with owners, scopes and last use. Shows no secret."},
		{Name: RevokeCredentials, Title: "Keys: end and suspend any", Access: connectors.Admin,
			Description: "Revokes, suspends and resumes the keys of anybody, in every system."},
		{Name: RotateCredentials, Title: "Keys: replace any, and receive the new one", Access: connectors.Admin,
			Description: "Rotates the keys of anybody and is handed the new ones, sealed under a pre-shared key. Whoever holds both can do what those keys can."},
		{Name: ReadAudit, Title: "Audit log: read", Access: connectors.Read,
			Description: "Reads who did what, when and why."},
		{Name: OffboardPeople, Title: "People: offboard", Access: connectors.Admin,
			Description: "Marks somebody as having left. Everything they hold stops at once."},
		{Name: ProvisionPeople, Title: "People: send people and groups (SCIM)", Access: connectors.Admin,
			Description: "Writes who works here and who is in which group, for an identity provider. Whoever it sends away loses everything at once."},
		{Name: ReportLeaks, Title: "Leaks: report", Access: connectors.Write,
			Description: "Reports a key as leaked, which ends it."},
	}
}
