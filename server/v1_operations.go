package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"latchkey/workflow"
)

// v1Operation is one thing that the API does. The table of them is the one
// place that says what a key needs for what; both the door and the document
// read it.
type v1Operation struct {
	id      string // operationId
	method  string
	path    string
	scope   string // what a key needs
	tag     string
	summary string
	says    string // more than the summary, in Markdown
	derived bool   // its answer may hold a sealed key, so it is made anew and not kept
	accepts bool   // it may answer 202

	serve func(huma.API, huma.Operation)
	raw   operation // what serves it instead of huma, which then only documents it; nil: huma
}

// The tags that group operations.
const (
	tagCredentials = "Credentials"
	tagRequests    = "Requests"
	tagSystems     = "Systems"
	tagPeople      = "People"
	tagAudit       = "Audit"
	tagLeaks       = "Leaks"
)

func (d *v1Door) operations() []v1Operation {
	const get, post, patch = http.MethodGet, http.MethodPost, http.MethodPatch
	return []v1Operation{
		{id: "list-credentials", method: get, path: "/v1/credentials", scope: workflow.ScopeRead, tag: tagCredentials, serve: serve(d, d.listCredentials),
			summary: "List credentials",
			says:    "Everything that gives API access, in every system, newest first: what was asked for here and what was found at vendors. Without `ended` or `state`, only what may still give access."},
		{id: "get-credential", method: get, path: "/v1/credentials/{id}", scope: workflow.ScopeRead, tag: tagCredentials, serve: serve(d, d.getCredential),
			summary: "Get a credential", says: "One credential with what can be done with it, and the receipts of its system. Its `ETag` is needed for edits."},
		{id: "edit-credential", method: patch, path: "/v1/credentials/{id}", scope: workflow.ScopeEdit, tag: tagCredentials, serve: serve(d, d.editCredential),
			summary: "Edit label, note and end", says: "Changes what is sent and leaves the rest. Send the `ETag` you read as `If-Match`: when somebody changed the credential meanwhile, nothing is done and the answer is 412."},
		{id: "suspend-credential", method: post, path: "/v1/credentials/{id}/suspend", scope: workflow.ScopeRevoke, tag: tagCredentials, serve: serve(d, d.act(d.workflow.Suspend)),
			summary: "Suspend a credential", says: "Stops it until it is resumed: a brokered key at once, another one when its system confirms. Doing it again is no error."},
		{id: "resume-credential", method: post, path: "/v1/credentials/{id}/resume", scope: workflow.ScopeRevoke, tag: tagCredentials, serve: serve(d, d.act(d.workflow.Resume)),
			summary: "Resume a credential", says: "Lets a suspended credential work again. Doing it again is no error."},
		{id: "revoke-credential", method: post, path: "/v1/credentials/{id}/revoke", scope: workflow.ScopeRevoke, tag: tagCredentials, serve: serve(d, d.act(d.workflow.Revoke)),
			summary: "Revoke a credential", says: "Ends it for good. A brokered key is dead when this answers; another one when its system has confirmed, which is asked until it does. Doing it again is no error."},
		{id: "rotate-credential", method: post, path: "/v1/credentials/{id}/rotate", scope: workflow.ScopeRotate, tag: tagCredentials, serve: serve(d, d.rotateCredential), derived: true, accepts: true,
			summary: "Rotate a credential",
			says: "Puts a fresh key in its place, which is handed to you once, sealed under a pre-shared key of the configuration. The old key works on until its overlap ends. " +
				"With 202 the new key is not there yet: send the same request again after `Retry-After`. A key that goes into a sink is handed to nobody."},
		{id: "list-credential-events", method: get, path: "/v1/credentials/{id}/events", scope: workflow.ScopeAudit, tag: tagCredentials, serve: serve(d, d.listCredentialEvents),
			summary: "List a credential's events", says: "Its story in the audit log, newest first."},
		{id: "get-credential-use", method: get, path: "/v1/credentials/{id}/use", scope: workflow.ScopeAudit, tag: tagCredentials, serve: serve(d, d.getUse),
			summary: "Get a credential's use", says: "What a brokered key was used for: by endpoint and by day, and which of its scopes nothing needed."},
		{id: "list-grants", method: get, path: "/v1/grants", scope: workflow.ScopeRead, tag: tagCredentials, serve: serve(d, d.listGrants),
			summary: "List OAuth grants", says: "The credentials that are OAuth grants, newest first: whose, of which app, with which scopes."},
		{id: "rotate-api-key", method: patch, path: rotateRoutePath, scope: workflow.ScopeRotate, tag: tagCredentials, serve: documented[rotateInOrgIn, rotateOut](), raw: d.rotate, derived: true, accepts: true,
			summary: "Rotate an API key", says: "The same as *Rotate a credential*, in the shape that Atlassian's users proposed to it. `Idempotency-Key` may be left out: then requests with the same body are one."},

		{id: "list-requests", method: get, path: "/v1/requests", scope: workflow.ScopeRequests, tag: tagRequests, serve: serve(d, d.listRequests),
			summary: "List requests", says: "Who asked for what, newest first."},
		{id: "get-request", method: get, path: "/v1/requests/{id}", scope: workflow.ScopeRequests, tag: tagRequests, serve: serve(d, d.getRequest),
			summary: "Get a request", says: "One request with who is asked, and who said what."},
		{id: "file-request", method: post, path: "/v1/requests", scope: workflow.ScopeFile, tag: tagRequests, serve: serve(d, d.fileRequest),
			summary: "File a request for somebody", says: "As if that person had asked in Slack: the same rule, the same quota, the same reviewers but for whoever's key files it, and only they are handed the key: it goes into no sink. No operation of this API reviews a request: people do, in Slack."},

		{id: "list-systems", method: get, path: "/v1/systems", scope: workflow.ScopeRead, tag: tagSystems, serve: serve(d, d.listSystems),
			summary: "List systems", says: "Every configured system with what Latchkey can do there, how many credentials it has, and how its last listing went."},
		{id: "get-system", method: get, path: "/v1/systems/{name}", scope: workflow.ScopeRead, tag: tagSystems, serve: serve(d, d.getSystem),
			summary: "Get a system", says: "One system with its scopes and who answers for it."},
		{id: "get-enforcement", method: get, path: "/v1/systems/{name}/enforcement", scope: workflow.ScopeRead, tag: tagSystems, serve: serve(d, d.getEnforcement),
			summary: "Dry-run enforcement", says: "What the rules would do with the system's credentials now. Nothing is done."},

		{id: "list-people", method: get, path: "/v1/people", scope: workflow.ScopePeople, tag: tagPeople, serve: serve(d, d.listPeople),
			summary: "List people", says: "Everybody from the directory, the newest first."},
		{id: "get-person", method: get, path: "/v1/people/{id}", scope: workflow.ScopePeople, tag: tagPeople, serve: serve(d, d.getPerson),
			summary: "Get a person", says: "One person with their accounts. What they hold is in *List credentials* with `owner`."},
		{id: "offboard-person", method: post, path: "/v1/people/{id}/offboard", scope: workflow.ScopeOffboard, tag: tagPeople, serve: serve(d, d.offboardPerson),
			summary: "Offboard a person", says: "Marks somebody as having left. Everything they hold stops at once, and a case follows it up at every system until each credential has a receipt. When many leave within an hour the case is `held`: nothing ends at the systems before an admin confirms it. With `dry_run` it only says what it would do."},
		{id: "list-offboardings", method: get, path: "/v1/offboardings", scope: workflow.ScopePeople, tag: tagPeople, serve: serve(d, d.listOffboardings),
			summary: "List offboarding cases", says: "The cases of people who left, the newest first."},
		{id: "get-offboarding", method: get, path: "/v1/offboardings/{id}", scope: workflow.ScopePeople, tag: tagPeople, serve: serve(d, d.getOffboarding),
			summary: "Get an offboarding case", says: "One case with each credential, its receipts, and what is left."},

		{id: "list-access", method: get, path: "/v1/access", scope: workflow.ScopeAudit, tag: tagAudit, serve: serve(d, d.listAccess),
			summary: "Read the gateway's access log", says: "What was asked of systems through the gateway, newest first: by key, person, system, endpoint and day. At most 31 days at once."},
		{id: "list-events", method: get, path: "/v1/audit", scope: workflow.ScopeAudit, tag: tagAudit, serve: serve(d, d.listEvents),
			summary: "Search the audit log", says: "Who did what, on what, when and why, newest first."},
		{id: "get-checkpoint", method: get, path: "/v1/audit/checkpoint", scope: workflow.ScopeAudit, tag: tagAudit, serve: serve(d, d.getCheckpoint),
			summary: "Get the newest checkpoint", says: "The signed note about the whole log. Keep it elsewhere: a log that does not extend it any more was changed."},
		{id: "get-proof", method: get, path: "/v1/audit/{id}/proof", scope: workflow.ScopeAudit, tag: tagAudit, serve: serve(d, d.getProof),
			summary: "Prove an event", says: "Shows that an event is in the tree that a signed checkpoint is about, so that you can check it without trusting Latchkey."},

		{id: "report-leaks", method: post, path: "/v1/leaks", scope: workflow.ScopeReportLeaks, tag: tagLeaks, serve: serve(d, d.reportLeaks),
			summary: "Report leaked tokens", says: "Ends every credential whose secret is among them, whoever's it is, and tells its owner. Of a token that Latchkey does not know it keeps only a keyed hash. Reporting again is no error."},
	}
}
