package latchkey

import "latchkey/connectors"

// The scopes of a key of Latchkey's own. Their names are kept for ever:
// policies and rows hold them.
const (
	ReadCredentials   = "credentials:read"
	EditCredentials   = "credentials:edit"
	RevokeCredentials = "credentials:revoke"
	RotateCredentials = "credentials:rotate"
	ReadRequests      = "requests:read"
	FileRequests      = "requests:file"
	ReadPeople        = "people:read"
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
		{Name: EditCredentials, Title: "Keys: change labels, notes and ends", Access: connectors.Write,
			Description: "Changes the label, the notes and the end of anybody's key, never beyond what its rule allows, and to within a day only together with credentials:revoke."},
		{Name: RevokeCredentials, Title: "Keys: end and suspend any", Access: connectors.Admin,
			Description: "Revokes, suspends and resumes the keys of anybody, in every system."},
		{Name: RotateCredentials, Title: "Keys: replace any, and receive the new one", Access: connectors.Admin,
			Description: "Rotates the keys of anybody and is handed the new ones, sealed under a pre-shared key. Whoever holds both can do what those keys can."},
		{Name: ReadRequests, Title: "Requests: see all", Access: connectors.Read,
			Description: "Lists who asked for what, and who decided."},
		{Name: FileRequests, Title: "Requests: file for somebody", Access: connectors.Write,
			Description: "Asks for a key in somebody's name. It is reviewed like any other, never by this key or its owner. Only that person is handed it, and it goes into no sink."},
		{Name: ReadAudit, Title: "Audit log: read", Access: connectors.Read,
			Description: "Reads who did what, when and why, and which keys were used for what."},
		{Name: ReadPeople, Title: "People: see all", Access: connectors.Read,
			Description: "Lists people, their accounts, what they hold and how their offboarding goes."},
		{Name: OffboardPeople, Title: "People: offboard", Access: connectors.Admin,
			Description: "Marks somebody as having left. Everything they hold stops at once. When many leave within an hour, an admin confirms it before anything ends at the systems."},
		{Name: ProvisionPeople, Title: "People: send people and groups (SCIM)", Access: connectors.Admin,
			Description: "Writes who works here and who is in which group, for an identity provider. Whoever it sends away loses everything at once."},
		{Name: ReportLeaks, Title: "Leaks: report", Access: connectors.Write,
			Description: "Reports a key as leaked, which ends it."},
	}
}
