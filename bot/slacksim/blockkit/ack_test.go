package blockkit_test

import (
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

func TestAckRules(t *testing.T) {
	t.Parallel()
	runBad(t, blockkit.ValidateAck, []badCase{
		{"not JSON", "{", []string{""}, "not JSON"},
		{"a list", arr{}, []string{""}, "not an object"},
		{"unknown action", obj{"response_action": "close"}, []string{"/response_action"}, "none of"},
		{"no action", obj{"errors": obj{"a": "x"}}, []string{"/response_action"}, "none of"},
		{"clear with a view", obj{"response_action": "clear", "view": modal()}, []string{"/view"}, "no property"},
		{"no errors", obj{"response_action": "errors"}, []string{"/errors"}, "no input block"},
		{"empty errors", obj{"response_action": "errors", "errors": obj{}}, []string{"/errors"}, "no input block"},
		{"silent error", obj{"response_action": "errors", "errors": obj{"a/b": " "}}, []string{"/errors/a~1b"}, "no text"},
		{"update without a view", obj{"response_action": "update"}, []string{"/view"}, "want object"},
		{"update with a home view", obj{"response_action": "update", "view": home()}, []string{"/view", "/view/type"}, "title"},
		{"push of a bad view", obj{"response_action": "push", "view": modal(section(""))}, []string{"/view/blocks/0/text/text"}, "at least 1"},
		{"rule in a pushed view", obj{"response_action": "push", "view": obj{"type": "modal", "title": plain("x"), "blocks": arr{input("a", textInput())}}}, []string{"/view"}, "needs submit"},
		{"frame of 20 KiB", obj{"response_action": "update", "view": modal(many(20, func(int) obj { return section(chars(500)) })...)}, []string{""}, "fewer than 20415"},
	})
}

func TestAckForView(t *testing.T) {
	t.Parallel()
	view := marshal(t, modal(section("x"), input("name", textInput())))
	runBad(t, func(doc []byte) []blockkit.Problem { return blockkit.ValidateAckFor(view, doc) }, []badCase{
		{"no such block", obj{"response_action": "errors", "errors": obj{"reason": "Too short."}}, []string{"/errors/reason"}, `no input block "reason"`},
	})

	good := marshal(t, obj{"response_action": "errors", "errors": obj{"name": "Taken."}})
	if problems := blockkit.ValidateAckFor(view, good); len(problems) > 0 {
		t.Errorf("unexpected problems: %v", problems)
	}
}

func TestEmptyAckClosesTheView(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"", " ", "{}"} {
		if problems := blockkit.ValidateAck([]byte(doc)); len(problems) > 0 {
			t.Errorf("ack %q: unexpected problems: %v", doc, problems)
		}
	}
}
