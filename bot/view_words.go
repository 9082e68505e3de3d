package bot

import (
	"fmt"
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// stateWords says in plain text where a key stands. It says "Active" only of
// a key whose vendor's success is stored.
func stateWords(c storage.Credential) string { return stateOf(c, until) }

// stateMarkup is stateWords in mrkdwn, with times in the reader's zone.
func stateMarkup(c storage.Credential) string {
	c.StateReason = words(c.StateReason)
	return stateOf(c, untilMarkup)
}

// waits begins the reason of a key that is being made and lacks nothing but
// what a person has to do.
const waits = "waits "

func stateOf(c storage.Credential, end func(storage.Credential) string) string {
	switch c.State {
	case storage.CredentialIssuing:
		if strings.HasPrefix(c.StateReason, waits) {
			return "Being made: it " + cut(c.StateReason, maxReasonShown)
		}
		if c.StateReason != "" {
			return "Being made, retrying: " + cut(c.StateReason, maxReasonShown)
		}
		return "Being made"
	case storage.CredentialActive:
		if !isSet(c.ExpiresAt) {
			return "Active"
		}
		return "Active until " + end(c)
	case storage.CredentialSuspended:
		return "Suspended"
	case storage.CredentialExpired:
		return "Expired"
	case storage.CredentialRevoking:
		return "Revoking"
	case storage.CredentialRevokeFailed:
		return "Revoking, retrying: the system does not confirm it"
	case storage.CredentialRevoked:
		return "Revoked"
	case storage.CredentialIssueFailed:
		return "Could not be made"
	}
	return "Unknown"
}

// shortLived is a lifetime of which people want to know the hour of the end.
const shortLived = 3 * 24 * time.Hour

func until(c storage.Credential) string {
	if short(c) {
		return utc(c.ExpiresAt)
	}
	return utcDay(c.ExpiresAt)
}

func untilMarkup(c storage.Credential) string {
	if short(c) {
		return moment(c.ExpiresAt)
	}
	return day(c.ExpiresAt)
}

func short(c storage.Credential) bool {
	return c.LifetimeS > 0 && time.Duration(c.LifetimeS)*time.Second <= shortLived
}

// requestWords says in plain text where a request stands.
func requestWords(v workflow.RequestView) string {
	if v.Credential != nil && (v.Request.State == storage.RequestApproved || v.Request.State == storage.RequestFulfilled) {
		return "Approved. Key: " + stateWords(*v.Credential)
	}
	return requestState(v.Request)
}

// requestState is where a request stands, whatever became of its key.
func requestState(r storage.Request) string {
	switch r.State {
	case storage.RequestPending:
		return "Waiting for approval"
	case storage.RequestApproved, storage.RequestFulfilled:
		return "Approved"
	case storage.RequestDenied:
		return "Denied"
	case storage.RequestLapsed:
		return "Lapsed"
	case storage.RequestCanceled:
		return "Canceled"
	case storage.RequestFailed:
		return "Approved, but " + couldNot(r)
	}
	return "Unknown"
}

// couldNot says that nothing came of an approved request.
func couldNot(r storage.Request) string {
	if r.ExtendsID != 0 {
		return "the key could not be given more time"
	}
	return "the key could not be made"
}

// requestMarkup is requestWords in mrkdwn; once there is a key, it is the key
// that counts.
func requestMarkup(v workflow.RequestView) string {
	if line := keyLine(v); line != "" {
		return line
	}
	return "*" + requestState(v.Request) + "*"
}

// lastUsed says when a key was used.
func lastUsed(c storage.Credential, show func(time.Time) string) string {
	return "last used: " + use(c, show)
}

// use tells the three cases apart: a time, never, and not known.
func use(c storage.Credential, show func(time.Time) string) string {
	switch {
	case isSet(c.LastUsedAt):
		return show(c.LastUsedAt)
	case c.UseKnown:
		return "never"
	}
	return "unknown, this system does not say"
}

// thing is what a kind is called.
func thing(kind string) string {
	if kind == workflow.OAuthGrant {
		return "the use of an OAuth app"
	}
	return "an API key"
}

// lifetime is a length of time in seconds, in words.
func lifetime(seconds int64) string {
	return workflow.Duration(time.Duration(seconds) * time.Second).Words()
}

// asksFor is what a request is about, in plain text: "an API key for tempo,
// for 30 days".
func asksFor(r storage.Request) string {
	what := thing(r.Kind)
	switch {
	case r.AdoptsID != 0:
		what = "permission to keep the key " + r.AdoptsID.String()
	case r.ExtendsID != 0:
		return fmt.Sprintf("%s for the key %s for %s", moreTime(r.GrantedS), r.ExtendsID, cut(line(r.Connection), maxName))
	case r.RotatesID != 0:
		what = "a new key in place of " + r.RotatesID.String()
	}
	return fmt.Sprintf("%s for %s, for %s", what, cut(line(r.Connection), maxName), lifetime(r.GrantedS))
}

// asksForMarkup is asksFor with the facts that decide in bold.
func asksForMarkup(r storage.Request) string {
	what := thing(r.Kind)
	switch {
	case r.AdoptsID != 0:
		what = "permission to keep the key " + code(r.AdoptsID.String())
	case r.RotatesID != 0:
		what = "a new key in place of " + code(r.RotatesID.String())
	}
	out := fmt.Sprintf("%s for %s, for *%s*", what, bold(r.Connection), lifetime(r.GrantedS))
	if r.ExtendsID != 0 {
		out = fmt.Sprintf("*%s* for the key %s for %s", moreTime(r.GrantedS), code(r.ExtendsID.String()), bold(r.Connection))
	}
	if r.GrantedS < r.LifetimeS {
		out += fmt.Sprintf(" (asked for: %s)", lifetime(r.LifetimeS))
	}
	return out
}
