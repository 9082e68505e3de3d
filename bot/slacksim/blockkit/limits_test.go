package blockkit_test

import (
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

func TestBlockLimits(t *testing.T) {
	t.Parallel()
	runBad(t, blockkit.ValidateMessage, []badCase{
		{"51 blocks", message(many(51, divider)...), []string{"/blocks"}, "at most 50"},
		{"block_id", message(with(divider(0), "block_id", chars(256))), []string{"/blocks/0/block_id"}, "at most 255"},
		{"section text", message(section(chars(3001))), []string{"/blocks/0/text/text"}, "at most 3000"},
		{"section text empty", message(section("")), []string{"/blocks/0/text/text"}, "at least 1"},
		{"11 fields", message(obj{"type": "section", "fields": many(11, func(int) obj { return plain("x") })}), []string{"/blocks/0/fields"}, "at most 10"},
		{"no fields", message(obj{"type": "section", "fields": arr{}}), []string{"/blocks/0/fields"}, "at least 1"},
		{"field text", message(obj{"type": "section", "fields": arr{mrkdwn(chars(2001))}}), []string{"/blocks/0/fields/0/text"}, "at most 2000"},
		{"header text", message(obj{"type": "header", "text": plain(chars(151))}), []string{"/blocks/0/text/text"}, "at most 150"},
		{"header mrkdwn", message(obj{"type": "header", "text": mrkdwn("*x*")}), []string{"/blocks/0/text/type"}, `want "plain_text"`},
		{"11 context elements", message(obj{"type": "context", "elements": many(11, func(int) obj { return plain("x") })}), []string{"/blocks/0/elements"}, "at most 10"},
		{"no context elements", message(obj{"type": "context", "elements": arr{}}), []string{"/blocks/0/elements"}, "at least 1"},
		{"26 actions", message(actions(many(26, func(i int) obj { return button(chars(i + 1)) })...)), []string{"/blocks/0/elements"}, "at most 25"},
		{"no actions", message(actions()), []string{"/blocks/0/elements"}, "at least 1"},
		{"6 context actions", message(obj{"type": "context_actions", "elements": many(6, func(i int) obj {
			return obj{"type": "icon_button", "icon": "trash", "action_id": chars(i + 1), "text": plain("x")}
		})}), []string{"/blocks/0/elements"}, "at most 5"},
		{"image without alt_text", message(obj{"type": "image", "image_url": "https://x.example/i.png"}), []string{"/blocks/0"}, "alt_text"},
		{"image alt_text", message(obj{"type": "image", "image_url": "https://x.example/i.png", "alt_text": chars(2001)}), []string{"/blocks/0/alt_text"}, "at most 2000"},
		{"image title", message(obj{"type": "image", "image_url": "https://x.example/i.png", "alt_text": "x", "title": plain(chars(2001))}), []string{"/blocks/0/title/text"}, "at most 2000"},
		{"image url", message(obj{"type": "image", "image_url": chars(3001), "alt_text": "x"}), []string{"/blocks/0/image_url"}, "at most 3000"},
		{"101 table rows", message(obj{"type": "table", "rows": many(101, func(int) arr { return arr{obj{"type": "raw_text", "text": "x"}} })}), []string{"/blocks/0/rows"}, "at most 100"},
		{"21 table columns", message(obj{"type": "table", "rows": arr{many(21, func(int) obj { return obj{"type": "raw_text", "text": "x"} })}}), []string{"/blocks/0/rows/0"}, "at most 20"},
		{"card title", message(obj{"type": "card", "title": mrkdwn(chars(151))}), []string{"/blocks/0/title/text"}, "at most 150"},
		{"card body", message(obj{"type": "card", "body": mrkdwn(chars(201))}), []string{"/blocks/0/body/text"}, "at most 200"},
		{"11 cards", message(obj{"type": "carousel", "elements": many(11, func(int) obj { return obj{"type": "card", "title": mrkdwn("x")} })}), []string{"/blocks/0/elements"}, "at most 10"},
		{"no cards", message(obj{"type": "carousel", "elements": arr{}}), []string{"/blocks/0/elements"}, "at least 1"},
		{"markdown", message(obj{"type": "markdown", "text": chars(12001)}), []string{"/blocks", "/blocks/0/text"}, "at most 12000"},
		{"video title", message(obj{"type": "video", "video_url": "u", "thumbnail_url": "u", "alt_text": "x", "title": plain(chars(200))}), []string{"/blocks/0/title/text"}, "at most 199"},
		{"text of the message", obj{"text": chars(4001)}, []string{"/text"}, "at most 4000"},
	})
}

func TestElementLimits(t *testing.T) {
	t.Parallel()
	const element = "/blocks/0/elements/0"
	confirm := func(property string, text obj) obj {
		return with(button("a"), "confirm", with(obj{"text": plain("Sure?")}, property, text))
	}
	cases := []badCase{}
	for _, c := range []struct {
		name    string
		element obj
		at      string
		says    string
	}{
		{"button text", with(button("a"), "text", plain(chars(76))), "/text/text", "at most 75"},
		{"button value", with(button("a"), "value", chars(2001)), "/value", "at most 2000"},
		{"button url", with(button("a"), "url", chars(3001)), "/url", "at most 3000"},
		{"button label", with(button("a"), "accessibility_label", chars(76)), "/accessibility_label", "at most 75"},
		{"button style", with(button("a"), "style", "success"), "/style", `one of ["primary","danger"]`},
		{"button visible_to_user_ids", with(button("a"), "visible_to_user_ids", arr{"U1"}), "/visible_to_user_ids", "no property"},
		{"action_id", button(chars(256)), "/action_id", "at most 255"},
		{"confirm title", confirm("title", plain(chars(101))), "/confirm/title/text", "at most 100"},
		{"confirm text", confirm("text", mrkdwn(chars(301))), "/confirm/text/text", "at most 300"},
		{"confirm confirm", confirm("confirm", plain(chars(31))), "/confirm/confirm/text", "at most 30"},
		{"confirm deny", confirm("deny", plain(chars(31))), "/confirm/deny/text", "at most 30"},
		{"101 options", selectOf(many(101, numbered)), "/options", "at most 100"},
		{"no options", selectOf(arr{}), "/options", "at least 1"},
		{"option text", selectOf(arr{with(option("a"), "text", plain(chars(76)))}), "/options/0/text/text", "at most 75"},
		{"option mrkdwn in a select", selectOf(arr{with(option("a"), "text", mrkdwn("x"))}), "/options/0/text/type", `want "plain_text"`},
		{"option value", selectOf(arr{with(option("a"), "value", chars(76))}), "/options/0/value", "at most 75"},
		{"option description", selectOf(arr{with(option("a"), "description", plain(chars(76)))}), "/options/0/description/text", "at most 75"},
		{"placeholder", with(selectOf(arr{option("a")}), "placeholder", plain(chars(151))), "/placeholder/text", "at most 150"},
		{"101 option groups", obj{"type": "static_select", "option_groups": many(101, func(int) obj { return obj{"label": plain("g"), "options": arr{option("a")}} })}, "/option_groups", "at most 100"},
		{"101 options in a group", obj{"type": "static_select", "option_groups": arr{obj{"label": plain("g"), "options": many(101, numbered)}}}, "/option_groups/0/options", "at most 100"},
		{"group label", obj{"type": "static_select", "option_groups": arr{obj{"label": plain(chars(76)), "options": arr{option("a")}}}}, "/option_groups/0/label/text", "at most 75"},
		{"6 overflow options", obj{"type": "overflow", "options": many(6, numbered)}, "/options", "at most 5"},
		{"11 checkboxes", obj{"type": "checkboxes", "options": many(11, numbered)}, "/options", "at most 10"},
		{"11 radio buttons", obj{"type": "radio_buttons", "options": many(11, numbered)}, "/options", "at most 10"},
		{"checkbox value", obj{"type": "checkboxes", "options": arr{with(option("a"), "value", chars(76))}}, "/options/0/value", "at most 75"},
		{"max_selected_items", obj{"type": "multi_users_select", "max_selected_items": 0}, "/max_selected_items", "at least 1"},
		{"date", obj{"type": "datepicker", "initial_date": "31.12.2026"}, "/initial_date", "pattern"},
		{"time", obj{"type": "timepicker", "initial_time": "24:00"}, "/initial_time", "pattern"},
		{"date and time in milliseconds", obj{"type": "datetimepicker", "initial_date_time": 1700000000000}, "/initial_date_time", "at most 9999999999"},
		{"text input outside input", textInput(), "/type", "plain_text_input"},
		{"email input outside input", obj{"type": "email_text_input"}, "/type", "email_text_input"},
	} {
		cases = append(cases, badCase{c.name, message(actions(c.element)), []string{element + c.at}, c.says})
	}
	runBad(t, blockkit.ValidateMessage, cases)
	runBad(t, blockkit.ValidateMessage, []badCase{
		{"datetimepicker in a section", message(with(section("x"), "accessory", obj{"type": "datetimepicker"})), []string{"/blocks/0/accessory/type"}, "datetimepicker"},
		{"image element without alt_text", message(with(section("x"), "accessory", obj{"type": "image", "image_url": "u"})), []string{"/blocks/0/accessory"}, "alt_text"},
	})
}

func TestViewLimits(t *testing.T) {
	t.Parallel()
	runBad(t, blockkit.ValidateModal, []badCase{
		{"101 blocks", modal(many(101, divider)...), []string{"/blocks"}, "at most 100"},
		{"title", with(modal(), "title", plain(chars(25))), []string{"/title/text"}, "at most 24"},
		{"submit", with(modal(), "submit", plain(chars(25))), []string{"/submit/text"}, "at most 24"},
		{"close", with(modal(), "close", plain(chars(25))), []string{"/close/text"}, "at most 24"},
		{"title mrkdwn", with(modal(), "title", mrkdwn("x")), []string{"/title/type"}, "plain_text"},
		{"private_metadata", with(modal(), "private_metadata", chars(3001)), []string{"/private_metadata"}, "at most 3000"},
		{"callback_id", with(modal(), "callback_id", chars(256)), []string{"/callback_id"}, "at most 255"},
		{"external_id", with(modal(), "external_id", chars(256)), []string{"/external_id"}, "at most 255"},
		{"input label", modal(with(input("a", textInput()), "label", plain(chars(2001)))), []string{"/blocks/0/label/text"}, "at most 2000"},
		{"input hint", modal(with(input("a", textInput()), "hint", plain(chars(2001)))), []string{"/blocks/0/hint/text"}, "at most 2000"},
		{"max_length", modal(input("a", with(textInput(), "max_length", 3001))), []string{"/blocks/0/element/max_length"}, "at most 3000"},
		{"max_length zero", modal(input("a", with(textInput(), "max_length", 0))), []string{"/blocks/0/element/max_length"}, "at least 1"},
		{"min_length", modal(input("a", with(textInput(), "min_length", -1))), []string{"/blocks/0/element/min_length"}, "at least 0"},
		{"11 files", modal(input("a", obj{"type": "file_input", "max_files": 11})), []string{"/blocks/0/element/max_files"}, "at most 10"},
		{"button in an input", modal(input("a", button("a"))), []string{"/blocks/0/element/type"}, "button"},
		{"unknown block", modal(obj{"type": "banner"}), []string{"/blocks/0/type"}, "banner"},
		{"unknown property", with(modal(), "color", "red"), []string{"/color"}, `no property "color"`},
		{"no title", obj{"type": "modal", "blocks": arr{}}, []string{""}, `lacks "title"`},
	})
	runBad(t, blockkit.ValidateHome, []badCase{
		{"101 blocks at home", home(many(101, divider)...), []string{"/blocks"}, "at most 100"},
		{"submit at home", with(home(), "submit", plain("Send")), []string{"/submit"}, "no property"},
	})
}
