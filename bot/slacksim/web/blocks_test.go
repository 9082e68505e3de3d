package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// testAllBlocks shows every kind of block; the page must not report any error,
// and says so in words where it cannot show something.
func testAllBlocks(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE&channel=C0GENERAL")
	p.find("log", "Messages in general")
	p.see(`document.querySelectorAll('.log .block').length === 9`)
	for block, want := range map[string]string{
		"a-md": "bold italic strike code both snake_case_name 2*3*4 🔑 :unknown_code: https://example.com/a_b_c.\nquoted text\nsecond line\n" +
			"func main() { *not bold* }\n• a list item with a link @Bob Baker #general @it-admins\n" +
			"<!channel> <img src=x onerror=alert(1)> <javascript:alert(1)|click>",
		"a-rich":    "Plain bold code a link @Carol Chen 🎉 due tomorrow at 11:00 AM\nfirst\nsecond\nthird, numbered\na quote\n<b>pre</b>\nformatted",
		"a-table":   "Key\tState\tCalls\nci-deploy\t\nActive\n\t1204\nold-report\t\tnever",
		"a-unknown": `This client cannot show a "hologram" block.`,
	} {
		if diff := cmp.Diff(want, p.text(`[data-block-id="`+block+`"]`)); diff != "" {
			t.Errorf("block %s (-want +got):\n%s", block, diff)
		}
	}
	p.find("image", "A green square")
	p.find("columnheader", "State")
	p.find("combobox", "Choose a system")
	p.find("radiogroup", "Choose")
	p.see(`document.querySelector('ol.list').start === 3`)
	p.see(`document.querySelector('[data-block-id=a-rich] a').rel === 'noopener noreferrer'`)
}

// testInjection shows hostile text in every kind of text object: it must stay
// the text it is.
func testInjection(t *testing.T, chromium *browser) {
	const hostile = `<img src=x onerror="document.title='owned'"> <!channel> <script>1</script> &lt;!here&gt; *b*`
	ws := newWorkspace(t, nil)
	plain := document{"type": "plain_text", "text": hostile}
	ws.change(func(state document) {
		state["channels"].([]any)[0].(document)["topic"] = hostile
		state["messages"].(document)["C0GENERAL"] = []any{document{
			"ts": "1763737200.000100", "user": "U0LATCHBOT", "text": "x", "is_bot": true,
			"blocks": []any{
				document{"type": "header", "block_id": "i1", "text": plain},
				document{"type": "section", "block_id": "i2", "text": plain, "fields": []any{plain}},
				document{"type": "context", "block_id": "i3", "elements": []any{plain}},
				document{"type": "actions", "block_id": "i4", "elements": []any{document{"type": "button", "action_id": "i", "text": plain}}},
				document{"type": "table", "block_id": "i5", "rows": []any{[]any{document{"type": "raw_text", "text": hostile}}}},
				document{"type": "rich_text", "block_id": "i6", "elements": []any{
					document{"type": "rich_text_section", "elements": []any{
						document{"type": "text", "text": hostile},
						document{"type": "link", "url": "javascript:alert(1)", "text": "no link"},
					}},
				}},
			},
		}}
	})
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.see(`document.querySelectorAll('.log .block').length === 6`)
	for _, where := range []string{
		".place-topic", ".header", ".section .text", ".field", ".context-text", ".actions button", "th", ".rich .line",
	} {
		got := evaluate[string](p, "document.querySelector("+quote(where)+").textContent")
		if want := hostile; got != want && got != want+"no link" {
			t.Errorf("%s shows %q", where, got)
		}
	}
	p.see(`document.querySelectorAll('.main img, .main script, .main .mention, .rich a').length === 0`)
}

// testElementsPost uses the elements that post by themselves in a message.
func testElementsPost(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.press("radio", "Two")
	act := ws.next("block_action")
	want := document{"type": "message", "channel": "C0GENERAL", "ts": "1763737300.000100"}
	if diff := cmp.Diff(want, act["container"]); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	wantAction(t, act, "a-actions", "pick_radio", document{
		"type": "radio_buttons", "selected_option": document{"value": "2", "text": document{"type": "plain_text", "text": "Two"}},
	})

	p.press("checkbox", "Unmanaged only")
	wantAction(t, ws.next("block_action"), "a-actions", "pick_checks", document{"type": "checkboxes", "selected_options": []any{document{
		"value": "unmanaged", "text": document{"type": "plain_text", "text": "Unmanaged only"},
		"description": document{"type": "plain_text", "text": "Not approved here"},
	}}})

	p.press("combobox", "Choose a system")
	p.key(kb.ArrowDown, kb.Enter)
	wantAction(t, ws.next("block_action"), "a-select", "pick_system", document{
		"type": "static_select", "selected_option": document{"value": "jira", "text": document{"type": "plain_text", "text": "Jira"}},
	})
	p.see(`document.querySelector('[data-action-id=pick_system]').value === 'Jira'`)

	evaluate[bool](p, `(() => { const d = document.querySelector('[data-action-id=pick_date]'); d.value = '2025-12-24';
		d.dispatchEvent(new Event('input', { bubbles: true })); return true; })()`)
	wantAction(t, ws.next("block_action"), "a-actions", "pick_date", document{"type": "datepicker", "selected_date": "2025-12-24"})
}

func wantAction(t *testing.T, act document, block, action string, want document) {
	t.Helper()
	if act["block_id"] != block || act["action_id"] != action {
		t.Errorf("posted %v/%v, want %s/%s", act["block_id"], act["action_id"], block, action)
	}
	if diff := cmp.Diff(want, act["action"]); diff != "" {
		t.Errorf("action of %s (-want +got):\n%s", action, diff)
	}
}
