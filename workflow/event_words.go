package workflow

import (
	"strings"

	"latchkey/storage"
)

// EventWords says what an event of the audit log is, in words that follow on
// what it happened to: "TK-0001: suspended". An action without words reads as
// it is recorded.
func EventWords(e storage.Event) string {
	subject, action, _ := strings.Cut(e.Action, ".")
	said := ""
	switch subject {
	case "credential":
		said = credentialWords(action, e)
	case "request", "review":
		said = requestWords(subject, action)
	case "person", "account", "group":
		said = directoryWords(subject, action)
	case "offboarding", "campaign", "batch":
		said = workWords(subject, action)
	case "sync", "audit":
		said = ownWords(subject, action)
	}
	if said == "" {
		return strings.ReplaceAll(action, "_", " ")
	}
	return said
}

func credentialWords(action string, e storage.Event) string {
	switch action {
	case string(storage.CredentialIssuing):
		return "being made"
	case string(storage.CredentialActive):
		if e.Before == string(storage.CredentialSuspended) {
			return "resumed"
		}
		return "became active"
	case string(storage.CredentialSuspended):
		return "suspended"
	case string(storage.CredentialExpired):
		return "expired"
	case string(storage.CredentialRevoking):
		return "revoking began"
	case string(storage.CredentialRevokeFailed):
		return "the system did not confirm the revoke"
	case string(storage.CredentialRevoked):
		return "revoked, confirmed by the system"
	case string(storage.CredentialIssueFailed):
		return "could not be made"
	}
	return credentialFactWords(action)
}

// credentialFactWords are for what happens to a credential without a change of
// its state.
func credentialFactWords(action string) string {
	switch action {
	case "revealed":
		return "collected"
	case "adopted":
		return "brought under management"
	case "handed_over":
		return "given another owner"
	case "warned":
		return "its owner was told that it has to go"
	case "spared":
		return "the warning was taken back"
	case "extended":
		return "given more time"
	case "end_changed":
		return "given another end"
	case "let_expire":
		return "left to expire"
	case "rotation_begun":
		return "a new key is being made in its place"
	case "rotation_failed":
		return "nothing came of the new key"
	case "replaced":
		return "a new key works in its place"
	case "delivered":
		return "put into its sink"
	case "delivery_failed":
		return "could not be put into its sink"
	case "labelled":
		return "given another name"
	case "noted":
		return "its note was changed"
	case "exempted":
		return "exempted from the rules about unused and old keys"
	case "narrowed":
		return "given fewer scopes"
	case "scopes_restored":
		return "given back the scopes it had"
	case "connected":
		return "connected"
	case "unentitled":
		return "not allowed to its owner any more"
	case "entitled":
		return "allowed to its owner again"
	case "kept":
		return "said to be still needed"
	case "leaked":
		return "reported as leaked"
	case "stray_ended":
		return "a key of its label that no row stands for was ended"
	}
	return ""
}

func requestWords(subject, action string) string {
	switch subject + "." + action {
	case "request." + string(storage.RequestPending):
		return "filed"
	case "request." + string(storage.RequestApproved):
		return "approved"
	case "request." + string(storage.RequestFulfilled):
		return "fulfilled"
	case "request." + string(storage.RequestDenied):
		return "denied"
	case "request." + string(storage.RequestLapsed):
		return "lapsed: nobody decided in time"
	case "request." + string(storage.RequestCanceled):
		return "canceled"
	case "request." + string(storage.RequestFailed):
		return "nothing came of it"
	case "review." + string(storage.Approve):
		return "a vote to approve"
	case "review." + string(storage.Deny):
		return "a vote to deny"
	case "review.voided":
		return "a vote does not count any more"
	}
	return ""
}

func directoryWords(subject, action string) string {
	switch subject + "." + action {
	case "person.left":
		return "marked as having left; everything they hold is refused"
	case "person.returned":
		return "is back"
	case "person.still_fenced":
		return "stays marked as having left"
	case "person.provisioned":
		return "added by the directory"
	case "person.adopted":
		return "recognised in the directory"
	case "person.updated":
		return "changed in the directory"
	case "person.unprovisioned":
		return "removed from the directory"
	case "person.relinked":
		return "a directory entry is theirs now"
	case "person.conflict":
		return "the directory gives them what belongs to somebody else; nothing was changed"
	case "person.erased":
		return "their words were erased from the log"
	case "person.signed_in":
		return "signed in to the console"
	case "person.signed_out":
		return "signed out of the console"
	case "account.relinked":
		return "an account is theirs now"
	case "group.created":
		return "created by the directory"
	case "group.updated":
		return "changed in the directory"
	case "group.deleted":
		return "deleted by the directory"
	case "group.member_added":
		return "got a member"
	case "group.member_removed":
		return "lost a member"
	}
	return ""
}

func workWords(subject, action string) string {
	switch subject + "." + action {
	case "offboarding." + string(storage.OffboardingOpen):
		return "opened"
	case "offboarding." + string(storage.OffboardingHeld):
		return "on hold: an admin has to confirm it"
	case "offboarding." + string(storage.OffboardingClosed):
		return "closed: everything is accounted for"
	case "offboarding." + string(storage.OffboardingUndone):
		return "undone"
	case "offboarding.paged":
		return "a person was called: it takes too long"
	case "offboarding.waived":
		return "somebody answers for a part of it"
	case "campaign." + string(storage.CampaignRunning):
		return "begun"
	case "campaign." + string(storage.CampaignEnding):
		return "its deadline is over"
	case "campaign." + string(storage.CampaignDone):
		return "done"
	case "campaign." + string(storage.CampaignCanceled):
		return "called off"
	case "campaign.reminded":
		return "people were reminded"
	case "batch." + string(storage.BatchHeld):
		return "held: an admin has to confirm it"
	case "batch." + string(storage.BatchRunning):
		return "begun"
	case "batch." + string(storage.BatchDone):
		return "done"
	case "batch." + string(storage.BatchDropped):
		return "dropped"
	}
	return ""
}

// ownWords are for what happens to Latchkey itself.
func ownWords(subject, action string) string {
	switch subject + "." + action {
	case "sync.asked":
		return "somebody asked for a new listing"
	case "audit.quarantined":
		return "the database is older than its published log: nothing is let through"
	case "audit.delivered_again":
		return "the log is sent to a receiver again, from an earlier place"
	case "audit.accepted":
		return "an admin answers for the older database"
	}
	return ""
}
