package ssf

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const risc = "https://schemas.openid.net/secevent/risc/event-type/"

// lifecycle is what the events about accounts mean: whether their people work
// here from then on. The other events of RISC and CAEP are about credentials,
// identifiers and sessions.
func lifecycle(uri string) (active, ours bool) {
	switch uri {
	case risc + "account-disabled", risc + "account-purged":
		return false, true
	case risc + "account-enabled":
		return true, true
	}
	return false, false
}

// personEvent is what a token says about a person. A token is one thing that
// happened, even with several events, so its jti is the event's ID.
func (p *claims) personEvent(issuer string, now time.Time) (connectors.PersonEvent, bool, error) {
	var none connectors.PersonEvent
	uri, err := p.lifecycleEvent()
	if err != nil || uri == "" {
		return none, false, err
	}
	var details struct {
		Subject json.RawMessage `json:"subject"` // where drafts of the framework had it
		Reason  string          `json:"reason"`
	}
	if err := json.Unmarshal(p.Events[uri], &details); err != nil {
		return none, false, malformed("the event is not the JSON expected")
	}
	subject := p.SubID
	if subject == nil {
		subject = details.Subject
	}
	account, ok, err := parseSubject(subject, issuer)
	if err != nil || !ok {
		return none, false, err
	}
	at := p.IssuedAt.Time
	if p.TOE != nil {
		at = p.TOE.Time
	}
	if at.After(now) { // a clock ahead of ours must not outlast later events
		at = now
	}
	active, _ := lifecycle(uri)
	reason := strings.TrimPrefix(uri, risc)
	if details.Reason != "" {
		reason += ": " + rest.Clean(details.Reason)
	}
	return connectors.PersonEvent{ID: p.ID, Account: account, Active: active, At: at.UTC(), Reason: reason}, true, nil
}

// lifecycleEvent is the event of the token that is about an account's life, or
// empty. Two may say the same, not the opposite.
func (p *claims) lifecycleEvent() (string, error) {
	found := ""
	for _, uri := range slices.Sorted(maps.Keys(p.Events)) {
		active, ours := lifecycle(uri)
		switch {
		case !ours:
		case found == "":
			found = uri
		default:
			if before, _ := lifecycle(found); before != active {
				return "", malformed("the token says of an account both that it works and that it does not")
			}
		}
	}
	return found, nil
}
