package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// The block IDs of inputs. A block whose choices depend on the system carries
// the system in its ID, so that an answer about one system never passes for
// an answer about another.
const (
	blockSystem   = "system"
	blockPreset   = "preset"
	blockScopes   = "scopes"
	blockLifetime = "lifetime"
	blockReason   = "reason"
	blockKind     = "kind"
	blockOwner    = "owner"
	blockConfirm  = "confirm"
	blockContacts = "contacts"
	blockLabel    = "label"
	blockNote     = "note"
	blockEnds     = "ends"
	blockUntil    = "until"
	blockSink     = "sink"
	blockPlace    = "place"
)

func blockOf(block, system string) string { return block + "/" + system }

// readRequestForm reads what the request form holds so far, and the channel
// that it carries. A Preset of "" means that the questions behind the system
// were not shown yet.
func readRequestForm(state *slack.ViewState, channel string) requestForm {
	f := requestForm{System: answerTo(state, blockSystem).SelectedOption.Value, Channel: channel}
	f.Kind = answerTo(state, blockOf(blockKind, f.System)).SelectedOption.Value
	f.Preset = answerTo(state, blockOf(blockPreset, f.System)).SelectedOption.Value
	f.Scopes = values(answerTo(state, blockOf(blockScopes, f.System)))
	f.Lifetime = readLifetime(answerTo(state, blockOf(blockLifetime, f.System)))
	f.Sink, f.Place = readSink(state, f.System)
	f.Reason = readReason(state)
	return f
}

// readApproveLess reads what a reviewer leaves of a request. No scopes at all
// is nil, no lifetime is zero.
func readApproveLess(state *slack.ViewState) (scopes []string, lifetime workflow.Duration) {
	return values(answerTo(state, blockScopes)), readLifetime(answerTo(state, blockLifetime))
}

// readReason reads the sentence somebody typed.
func readReason(state *slack.ViewState) string { return clean(answerTo(state, blockReason).Value) }

// answerTo is what was answered to a block, or nothing.
func answerTo(state *slack.ViewState, block string) slack.BlockAction {
	if state == nil {
		return slack.BlockAction{}
	}
	for _, a := range state.Values[block] { // a block has one element
		return a
	}
	return slack.BlockAction{}
}

func values(a slack.BlockAction) []string {
	var out []string
	for _, o := range a.SelectedOptions {
		out = append(out, o.Value)
	}
	return out
}

// readLifetime is zero for what no choice of ours could be; workflow refuses
// that.
func readLifetime(a slack.BlockAction) workflow.Duration {
	d, err := workflow.ParseDuration(a.SelectedOption.Value)
	if err != nil {
		return 0
	}
	return d
}

// stillLoading is said when a form is sent before its other questions came.
const stillLoading = "The other questions were not there yet. Answer them, then choose Preview again."

// errorsFor says under which input of a submitted modal a refusal is shown:
// the one it is about, or else the last. It is nil for a modal without inputs,
// because Slack accepts errors under inputs only.
func errorsFor(state *slack.ViewState, r workflow.Refusal) map[string]string {
	if state == nil {
		return nil
	}
	wanted := map[string][]string{
		"connection": {blockSystem},
		"scopes":     {blockScopes, blockPreset},
		"lifetime":   {blockLifetime},
		"kind":       {blockKind},
		"owner":      {blockOwner},
		"confirm":    {blockConfirm},
		"contacts":   {blockContacts},
		"title":      {blockTitle},
		"label":      {blockLabel},
		"note":       {blockNote},
		"ends":       {blockEnds, blockLifetime},
		"until":      {blockUntil},
		"sink":       {blockSink},
		"place":      {blockPlace, blockSink},
	}[r.Field]
	lastFirst := []string{blockReason, blockLifetime, blockScopes, blockPreset, blockConfirm, blockOwner, blockNote}
	for _, block := range append(wanted, lastFirst...) {
		if id := inputOf(state, block); id != "" {
			return map[string]string{id: plainSentence(r.Reason)}
		}
	}
	if inputOf(state, blockSystem) == "" {
		return nil
	}
	if r.Field == "" {
		return map[string]string{blockSystem: plainSentence(r.Reason)}
	}
	return map[string]string{blockSystem: stillLoading}
}

// inputOf is the ID under which a block was shown, or "".
func inputOf(state *slack.ViewState, block string) string {
	for id := range state.Values {
		if id == block || strings.HasPrefix(id, block+"/") {
			return id
		}
	}
	return ""
}

// plainSentence is a sentence where Slack shows no code.
func plainSentence(s string) string { return cut(strings.ReplaceAll(line(s), "`", ""), maxHint) }
