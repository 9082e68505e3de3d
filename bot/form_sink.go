package bot

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// The choice that a key goes into no sink, and the prefix of those that name
// one.
const (
	showToMe   = "show"
	sinkChosen = "sink:"
)

// sinkInput asks where the key shall go, where the rule leaves a choice.
func sinkInput(f requestForm) []slack.Block {
	sinks := f.sinks()
	if len(sinks) == 0 || f.kind() != workflow.APIKey {
		return nil
	}
	options := []*slack.OptionBlockObject{option(showToMe, "Show it to me once", "On a page outside Slack")}
	for _, s := range sinks[:min(len(sinks), maxOptions-1)] {
		options = append(options, option(sinkChosen+s.Name, "Put it into "+s.Name, "Nobody sees it"))
	}
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, actionID(verbSink, f.System), options...)
	sel.InitialOption = selected(options, sinkChosen+f.Sink, 0)
	out := []slack.Block{slack.NewInputBlock(blockOf(blockSink, f.System), plain("Where should the key go?", maxHint), nil, sel).WithDispatchAction(true)}
	i := slices.IndexFunc(sinks, func(s workflow.SinkChoice) bool { return s.Name == f.Sink })
	if i < 0 {
		return out
	}
	in := slack.NewPlainTextInputBlockElement(plain("payroll/tempo", maxPlaceholder), blockPlace)
	in.MaxLength, in.InitialValue = maxPlaceTyped, cut(line(f.Place), maxPlaceTyped)
	return append(out, slack.NewInputBlock(blockOf(blockPlace, f.System), plain("Place in "+f.Sink, maxHint), plain(placeHint(sinks[i]), maxHint), in))
}

// maxPlaceTyped is as long as a place may be.
const maxPlaceTyped = 200

// placeHint says in plain text where in a sink keys may go.
func placeHint(s workflow.SinkChoice) string {
	if len(s.Places) == 0 {
		return "Where whatever uses the key will read it."
	}
	return "Where whatever uses the key will read it. Allowed: " + joinSome(s.Places, maxPlacesShown) + ", where * stands for any text."
}

// maxPlacesShown bounds a list of patterns in a hint.
const maxPlacesShown = 10

func readSink(state *slack.ViewState, system string) (sink, place string) {
	sink, ok := strings.CutPrefix(answerTo(state, blockOf(blockSink, system)).SelectedOption.Value, sinkChosen)
	if !ok {
		return "", ""
	}
	return sink, line(answerTo(state, blockOf(blockPlace, system)).Value)
}
