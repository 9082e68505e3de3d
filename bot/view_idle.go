package bot

import (
	"slices"

	"latchkey/storage"
	"latchkey/workflow"
)

// mustGo says in mrkdwn that the rules end a managed key, why, when and what
// helps; empty where they don't.
func mustGo(v workflow.CredentialView) string {
	c := v.Credential
	if !c.Managed || !isSet(c.WarnedAt) || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return ""
	}
	why := "the rules say so"
	for _, e := range slices.Backward(v.Events) {
		if e.Action == actionWarned {
			why = words(cut(line(e.Reason), maxReasonShown))
			break
		}
	}
	return "*It has to go*: " + why + ". " + idleNext(v)
}

// idleNext says what the rules do next with a key that is unused or too old,
// and when.
func idleNext(v workflow.CredentialView) string {
	c := v.Credential
	when := "soon"
	if isSet(c.EnforceAt) {
		when = "on " + moment(c.EnforceAt)
	}
	if v.Can.Suspend {
		return "If nothing is done, it is suspended " + when + ", and revoked later."
	}
	return "If nothing is done, it is revoked " + when + "."
}

// idleWords says in mrkdwn of a kind of notice why the key has to go and what
// helps.
func idleWords(v workflow.CredentialView, kind string) string {
	c := v.Credential
	if kind == storage.NoticeOverAge {
		help := " A new key has to take its place."
		if v.Can.Rotate {
			help = " Rotate it: a new key takes its place."
		}
		return "It is *too old*: it was made " + day(madeAt(c)) + "." + help
	}
	out := "Nobody has used it since it was made " + day(madeAt(c)) + "."
	switch {
	case isSet(c.LastUsedAt):
		out = "Nobody has used it since " + day(c.LastUsedAt) + "."
	case !c.UseKnown:
		out = "Nothing is known of any use of it since it was made " + day(madeAt(c)) + "."
	}
	if c.State == storage.CredentialSuspended {
		return out + " If it is needed, an admin can resume it."
	}
	return out + " If it is needed, one use is enough to keep it."
}
