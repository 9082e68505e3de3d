package bot

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// Bounds of what is told of a key.
const (
	maxEventsShown    = 10
	maxEndpointsShown = 8
	maxReasonShown    = 120
)

// storyLines tells in mrkdwn what happened to a key, the newest last.
func storyLines(events []storage.Event) string {
	var out []string
	if older := len(events) - maxEventsShown; older > 0 {
		out = append(out, fmt.Sprintf("• %s before that", plural(older, "event")))
		events = events[older:]
	}
	for _, e := range events {
		l := fmt.Sprintf("• %s: %s, by %s", moment(e.At), eventWords(e), words(actor(e)))
		if e.Reason != "" {
			l += " (" + words(cut(line(e.Reason), maxReasonShown)) + ")"
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return "Nothing is recorded yet."
	}
	return strings.Join(out, "\n")
}

// actor is who did it, in plain text.
func actor(e storage.Event) string {
	if bySystem(e) {
		return "Latchkey"
	}
	return cut(line(e.Actor), maxName)
}

func bySystem(e storage.Event) bool { return e.ActorID == 0 }

// eventWords is what an event was, in mrkdwn.
func eventWords(e storage.Event) string { return words(workflow.EventWords(e)) }

// ending is who began to revoke a key, and why; false when nobody did.
func ending(v workflow.CredentialView) (storage.Event, bool) {
	for _, v0 := range slices.Backward(v.Events) {
		if e := v0; e.Action == "credential."+string(storage.CredentialRevoking) && e.Before != string(storage.CredentialRevokeFailed) {
			return e, true
		}
	}
	return storage.Event{}, false
}

// endpointLines says in mrkdwn what a key was used for in the last 7 days.
func endpointLines(v workflow.CredentialView) string {
	if len(v.Endpoints) == 0 {
		if !v.Credential.Brokered {
			return "Not known: calls to this system do not pass through Latchkey."
		}
		return "No calls."
	}
	var out []string
	for _, e := range v.Endpoints[:min(maxEndpointsShown, len(v.Endpoints))] {
		out = append(out, fmt.Sprintf("• %s: %s %s, %s", endpoint(e), calls(e.Count), moment(e.LastAt), answered(v.Credential, e)))
	}
	if more := len(v.Endpoints) - len(out); more > 0 {
		out = append(out, "• and "+plural(more, "more endpoint"))
	}
	return strings.Join(out, "\n")
}

// useLines is endpointLines with what two weeks and the scopes say.
func useLines(v workflow.CredentialView) string {
	out := []string{endpointLines(v)}
	for _, more := range []string{dayLine(v.Days), lessLine(v)} {
		if more != "" {
			out = append(out, more)
		}
	}
	return strings.Join(out, "\n")
}

// dayLine draws how much a key was used on each of the last days, today last;
// empty where it was not.
func dayLine(days []storage.DayUse) string {
	const bars = "▁▂▃▄▅▆▇█"
	var most, all int64
	for _, d := range days {
		most, all = max(most, d.Count), all+d.Count
	}
	if all == 0 {
		return ""
	}
	var b strings.Builder
	for _, d := range days {
		bar := '·'
		if d.Count > 0 {
			bar = []rune(bars)[(d.Count-1)*8/most]
		}
		b.WriteRune(bar)
	}
	return fmt.Sprintf("%s %s in %s, today last; at most %d a day", code(b.String()), plural(int(all), "call"), plural(len(days), "day"), most)
}

// lessLine says that fewer scopes would do; empty where they would not.
func lessLine(v workflow.CredentialView) string {
	switch {
	case len(v.Unused) == 0:
		return ""
	case !wantsLess(v):
		return "Nothing needed any of its scopes for 30 days. If nobody needs it, it can be given back."
	}
	return "Nothing needed " + escape(joinSome(v.Unused, maxNames)) + " for 30 days. A key without would do the same and can do less harm."
}

// wantsLess reports whether a key with some of the scopes would do.
func wantsLess(v workflow.CredentialView) bool {
	return len(v.Unused) > 0 && slices.ContainsFunc(v.Credential.Scopes, func(name string) bool { return !slices.Contains(v.Unused, name) })
}

// noRoute is the route of calls that no scope of the system speaks of.
const noRoute = "-"

func endpoint(e storage.EndpointUse) string {
	if e.Route == noRoute {
		return code(e.Method) + " on other paths"
	}
	return code(e.Method + " " + e.Route)
}

// answered is how the last call to an endpoint ended. Only calls that went on
// to the system count as use of the key, so a 403 after the last use is the
// gateway's own; of an earlier one it is not known who refused it.
func answered(c storage.Credential, e storage.EndpointUse) string {
	switch {
	case e.LastStatus != http.StatusForbidden:
		return fmt.Sprintf("with status %d", e.LastStatus)
	case e.Route == noRoute || e.LastAt.After(c.LastUsedAt):
		return "refused: outside the scopes"
	}
	return "refused: outside the scopes, or by the system itself"
}

// calls counts calls, before the time of the last one.
func calls(n int64) string {
	if n == 1 {
		return "1 call,"
	}
	return fmt.Sprintf("%d calls, the last", n)
}
