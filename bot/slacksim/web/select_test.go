package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// testTypeahead types into an external select: one question is asked once the
// typing rests, and the answer can be chosen by keyboard.
func testTypeahead(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	p.press("combobox", "Project")
	p.see(`document.querySelector('.select-note').innerText === 'Type 2 more characters to search'`)
	p.key("play")
	want := document{
		"as": "U0ALICE", "type": "suggest", "container": document{"type": "view", "view_id": "V0REQ"},
		"block_id": "f-project", "action_id": "project", "value": "play",
	}
	if diff := cmp.Diff(want, lastQuestion(ws)); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	p.find("option", "Playground")
	p.key(kb.ArrowDown)
	p.see(`document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).innerText === 'Playground'`)
	p.key(kb.Enter)
	p.see(`document.activeElement.value === 'Playground'`)
	p.gone("listbox", "Project")
}

// lastQuestion waits for the question the typing came to rest at.
func lastQuestion(ws *workspace) document {
	ws.t.Helper()
	for {
		if act := ws.next("suggest"); act["value"] == "play" {
			return act
		}
	}
}

// testMinimumQuery opens a select that asks at once, and shows groups and an
// empty answer.
func testMinimumQuery(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, func(act document) document {
		if act["value"] == "" {
			return document{"ok": true, "option_groups": []any{
				document{"label": document{"type": "plain_text", "text": "Teams"}, "options": []any{option("Platform", "p1")}},
			}}
		}
		return document{"ok": true, "options": []any{}}
	})
	p.press("combobox", "Labels (optional)")
	if act := ws.next("suggest"); act["value"] != "" {
		t.Errorf("asked for %q", act["value"])
	}
	p.find("group", "Teams")
	p.press("option", "Platform")
	p.press("button", "Remove Platform")
	p.gone("button", "Remove Platform")
	p.fill("combobox", "Labels (optional)", "zzz")
	p.see(`document.querySelector('.select-note')?.innerText === 'No matches'`)
}

// testMultiSelect picks and removes several options without the mouse.
func testMultiSelect(t *testing.T, chromium *browser) {
	_, p := openForm(t, chromium, answerForm)
	p.press("combobox", "Scopes")
	p.key("plans", kb.Enter)
	p.find("button", "Remove plans:view")
	p.key(kb.ArrowDown, kb.Enter)
	p.find("button", "Remove worklogs:manage")
	p.see(`document.querySelectorAll('[role=option][aria-selected=true]').length === 3`)
	p.key(kb.Escape, kb.Backspace)
	p.gone("button", "Remove worklogs:manage")
	p.see(`document.querySelectorAll('.chip').length === 2`)
}

// testPersonAside chooses a person beside a text, which the app hears of at once.
// Who left is not offered.
func testPersonAside(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, answerForm)
	ws.show(document{
		"id": "V0HAND", "root_id": "V0HAND", "hash": "h1", "type": "modal", "submit": nil, "close": nil, "values": document{},
		"title": document{"type": "plain_text", "text": "Hand over"},
		"blocks": []any{document{
			"type": "section", "block_id": "aside", "text": document{"type": "plain_text", "text": "Backup"},
			"accessory": document{"type": "users_select", "action_id": "backup", "placeholder": document{"type": "plain_text", "text": "Choose a person"}},
		}},
	})
	ws.change(func(state document) {
		for _, user := range state["users"].([]any) {
			if user := user.(document); user["id"] == "U0CAROL" {
				user["deleted"] = true
			}
		}
	})
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=home")
	p.find("dialog", "Hand over")
	p.press("combobox", "Choose a person")
	p.key("carol")
	p.see(`document.querySelector('.select-note').innerText === 'No matches'`)
	p.key(kb.Escape)
	p.press("combobox", "Choose a person")
	p.key("bob", kb.Enter)
	wantAction(t, ws.next("block_action"), "aside", "backup", document{"type": "users_select", "selected_user": "U0BOB"})
}

// testSelectDispatch changes an input that asked for dispatch_action; its
// neighbours stay silent.
func testSelectDispatch(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	p.fill("textbox", "Name", "quiet")
	p.press("combobox", "System")
	p.press("option", "Timepiece")
	act := ws.next("block_action")
	wantAction(t, act, "f-system", "system", document{"type": "static_select", "selected_option": option("Timepiece", "timepiece")})
	if diff := cmp.Diff(document{"type": "view", "view_id": "V0REQ"}, act["container"]); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	name := act["values"].(document)["f-name"].(document)["name"].(document)["value"]
	if name != "quiet" {
		t.Errorf("the act carries the name %v", name)
	}
}
