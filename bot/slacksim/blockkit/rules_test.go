package blockkit_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

func TestMessageRules(t *testing.T) {
	t.Parallel()
	richText := func(element obj) obj {
		return obj{"type": "rich_text", "elements": arr{obj{"type": "rich_text_section", "elements": arr{element}}}}
	}
	table := obj{"type": "table", "rows": arr{arr{obj{"type": "raw_text", "text": "x"}}}}
	runBad(t, blockkit.ValidateMessage, []badCase{
		{"not JSON", `{"text": `, []string{""}, "not JSON"},
		{"two values", `{"text":"a"} {}`, []string{""}, "not JSON"},
		{"a list", arr{}, []string{""}, "want object"},
		{"a number without end", `{"text":"x","metadata":{"event_type":"x","event_payload":{"id":1e999999999}}}`, []string{""}, "out of range"},
		{"a number next to nothing", `{"text":"x","blocks":[1E-0999999999]}`, []string{""}, "out of range"},
		{"a number of many digits", `{"text":"x","blocks":[1` + strings.Repeat("0", 40) + `]}`, []string{""}, "out of range"},
		{"no fallback", obj{"blocks": arr{divider(0)}}, []string{""}, "needs a text"},
		{"blank fallback", with(message(divider(0)), "text", " \n"), []string{"/text"}, "needs a text"},
		{"token in the body", obj{"text": "x", "token": "xoxb"}, []string{"/token"}, "no property"},
		{"same block_id", message(with(divider(0), "block_id", "a"), with(section("x"), "block_id", "a")), []string{"/blocks/1/block_id"}, "/blocks/0"},
		{"same block_id in a container", message(with(divider(0), "block_id", "a"), obj{"type": "container", "title": plain("x"), "child_blocks": arr{with(divider(0), "block_id", "a")}}), []string{"/blocks/1/child_blocks/0/block_id"}, "taken"},
		{"same action_id", message(actions(button("a"), button("b"), button("a"))), []string{"/blocks/0/elements/2/action_id"}, "taken in this block"},
		{"same action_id in a card", message(obj{"type": "card", "title": mrkdwn("x"), "actions": arr{button("a"), button("a")}}), []string{"/blocks/0/actions/1/action_id"}, "taken in this card"},
		{"13,001 characters", message(section(chars(3000)), section(chars(3000)), section(chars(3000)), section(chars(3000)), section(chars(1001))), []string{"/blocks"}, "at most 13000"},
		{"12,001 of markdown", message(obj{"type": "markdown", "text": chars(6000)}, obj{"type": "markdown", "text": chars(6001)}), []string{"/blocks"}, "at most 12000"},
		{"two tables", message(table, divider(0), table), []string{"/blocks/2"}, "one table"},
		{"alert", message(obj{"type": "alert", "text": plain("x")}), []string{"/blocks/0"}, "modals only"},
		{"file", message(obj{"type": "file", "source": "remote", "external_id": "f"}), []string{"/blocks/0"}, "cannot send"},
		{"empty section", message(obj{"type": "section"}), []string{"/blocks/0"}, `"text", "fields"`},
		{"empty card", message(obj{"type": "card"}), []string{"/blocks/0"}, `"hero_image"`},
		{"untitled container", message(obj{"type": "container", "child_blocks": arr{divider(0)}}), []string{"/blocks/0"}, `"title"`},
		{"no option source", message(actions(obj{"type": "static_select"})), []string{"/blocks/0/elements/0"}, "Exactly one"},
		{"both option sources", message(actions(with(selectOf(arr{option("a")}), "option_groups", arr{obj{"label": plain("g"), "options": arr{option("a")}}}))), []string{"/blocks/0/elements/0"}, "Exactly one"},
		{"initial_option not offered", message(actions(with(selectOf(arr{option("a")}), "initial_option", option("b")))), []string{"/blocks/0/elements/0/initial_option"}, "none of"},
		{"initial_option differs in text", message(actions(with(selectOf(arr{option("a")}), "initial_option", with(option("a"), "text", plain("A"))))), []string{"/blocks/0/elements/0/initial_option"}, "none of"},
		{"initial_option not in a group", message(actions(obj{"type": "static_select", "initial_option": option("b"), "option_groups": arr{obj{"label": plain("g"), "options": arr{option("a")}}}})), []string{"/blocks/0/elements/0/initial_option"}, "none of"},
		{"initial_options not offered", message(actions(obj{"type": "checkboxes", "options": arr{option("a"), option("b")}, "initial_options": arr{option("b"), option("c")}})), []string{"/blocks/0/elements/0/initial_options/1"}, "none of"},
		{"option with a URL", message(actions(selectOf(arr{with(option("a"), "url", "https://x.example")}))), []string{"/blocks/0/elements/0/options/0/url"}, "overflow"},
		{"broadcast in the text", obj{"text": "Hi <!channel>"}, []string{"/text"}, "<!channel>"},
		{"broadcast in mrkdwn", message(section("Hi <!here|here>")), []string{"/blocks/0/text/text"}, "<!here>"},
		{"broadcast in a field", message(obj{"type": "section", "fields": arr{mrkdwn("<!everyone>")}}), []string{"/blocks/0/fields/0/text"}, "<!everyone>"},
		{"broadcast in markdown", message(obj{"type": "markdown", "text": "<!here>"}), []string{"/blocks/0/text"}, "<!here>"},
		{"broadcast in a confirm", message(actions(with(button("a"), "confirm", obj{"text": mrkdwn("<!here>")}))), []string{"/blocks/0/elements/0/confirm/text/text"}, "<!here>"},
		{"broadcast element", message(richText(obj{"type": "broadcast", "range": "here"})), []string{"/blocks/0/elements/0/elements/0"}, "whole channel"},
		{"broadcast in an attachment", obj{"text": "x", "attachments": arr{obj{"pretext": "<!channel>", "fields": arr{obj{"title": "t", "value": "<!here>"}}}}}, []string{"/attachments/0/fields/0/value", "/attachments/0/pretext"}, "<!here>"},
		{"unknown block in an attachment", obj{"text": "x", "attachments": arr{obj{"blocks": arr{obj{"type": "banner"}}}}}, []string{"/attachments/0/blocks/0/type"}, "banner"},
		{"pointer escapes", obj{"text": "x", "a/b~c": 1}, []string{"/a~1b~0c"}, "no property"},
		{"several at once", obj{"text": "", "blocks": arr{section(""), obj{"type": "banner"}}}, []string{"/blocks/0/text/text", "/blocks/1/type", "/text"}, "at least 1"},
	})
}

// Slack reads no mention in these places, so a person's own words may stand there unescaped.
func TestPlainWordsAreNoBroadcast(t *testing.T) {
	t.Parallel()
	const words = "<!channel> <!here>"
	doc := message(
		obj{"type": "section", "text": plain(words)},
		obj{"type": "rich_text", "elements": arr{obj{"type": "rich_text_quote", "elements": arr{obj{"type": "text", "text": words}}}}},
		actions(with(button("a"), "value", words)),
		section("&lt;!channel&gt;"),
	)
	if problems := blockkit.ValidateMessage(marshal(t, doc)); len(problems) > 0 {
		t.Errorf("unexpected problems: %v", problems)
	}
}

func TestViewRules(t *testing.T) {
	t.Parallel()
	focused := with(textInput(), "focus_on_load", true)
	large := many(100, func(i int) obj {
		return with(section(chars(1500)), "block_id", fmt.Sprint(i))
	})
	runBad(t, blockkit.ValidateModal, []badCase{
		{"input without submit", obj{"type": "modal", "title": plain("x"), "blocks": arr{divider(0), input("a", textInput())}}, []string{""}, "/blocks/1"},
		{"two focused", modal(input("a", focused), input("b", focused)), []string{"/blocks/1/element/focus_on_load"}, "already"},
		{"min above max", modal(input("a", with(textInput(), "min_length", 5, "max_length", 4))), []string{"/blocks/0/element/min_length"}, "exceeds"},
		{"too large", modal(large...), []string{""}, "at most 250000"},
		{"same block_id twice", modal(input("a", textInput()), input("a", textInput())), []string{"/blocks/1/block_id"}, "taken in this surface"},
		{"broadcast in a modal", modal(section("<!channel>")), []string{"/blocks/0/text/text"}, "whole channel"},
	})
	runBad(t, blockkit.ValidateHome, []badCase{
		{"alert at home", home(obj{"type": "alert", "text": plain("x")}), []string{"/blocks/0"}, "modals only"},
		{"too large at home", home(large...), []string{""}, "at most 250000"},
	})
}

func TestSuggestionRules(t *testing.T) {
	t.Parallel()
	runBad(t, blockkit.ValidateSuggestion, []badCase{
		{"nothing", obj{}, []string{""}, "Exactly one"},
		{"both", obj{"options": arr{}, "option_groups": arr{}}, []string{""}, "Exactly one"},
		{"101", obj{"options": many(101, numbered)}, []string{"/options"}, "at most 100"},
		{"101 groups", obj{"option_groups": many(101, func(int) obj { return obj{"label": plain("g"), "options": arr{}} })}, []string{"/option_groups"}, "at most 100"},
		{"group of 101", obj{"option_groups": arr{obj{"label": plain("g"), "options": many(101, numbered)}}}, []string{"/option_groups/0/options"}, "at most 100"},
		{"label", obj{"option_groups": arr{obj{"label": plain(chars(76)), "options": arr{}}}}, []string{"/option_groups/0/label/text"}, "at most 75"},
		{"option", obj{"options": arr{obj{"text": mrkdwn("x")}}}, []string{"/options/0/text/type"}, "plain_text"},
		{"frame", obj{"options": many(100, func(i int) obj {
			return with(numbered(i), "text", plain(chars(75)), "description", plain(chars(75)))
		})}, []string{""}, "fewer than 20415"},
	})
}
