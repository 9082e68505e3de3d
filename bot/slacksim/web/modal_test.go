package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// openForm starts a workspace with the request form open.
func openForm(t *testing.T, chromium *browser, answer func(document) document) (*workspace, *page) {
	t.Helper()
	ws := newWorkspace(t, answer)
	ws.show(readDocument(t, "testdata/request_view.json"))
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=home")
	p.find("dialog", "Request a key")
	return ws, p
}

// fillRequired fills what the form demands.
func fillRequired(p *page) {
	p.t.Helper()
	p.fill("textbox", "Name", "ci-deploy")
	p.press("combobox", "System")
	p.key("git", kb.Enter)
	p.press("combobox", "Project")
	p.key("plat")
	p.press("option", "Platform")
	p.press("radio", "API key")
	p.fill("textbox", "Why", "to deploy from CI")
}

func answerForm(act document) document {
	if act["type"] == "suggest" {
		return document{"ok": true, "options": []any{option("Platform", "p1"), option("Playground", "p2")}}
	}
	return document{"ok": true}
}

func option(text, value string) document {
	return document{"text": document{"type": "plain_text", "text": text}, "value": value}
}

// testModalSubmit fills a form with every kind of input and reads what is sent.
func testModalSubmit(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	fillRequired(p)
	p.press("checkbox", "I will not share it")
	p.fill("spinbutton", "Days (optional)", "30")
	p.fill("textbox", "Contact (optional)", "alice@example.com")
	p.press("button", "Send request")
	act := ws.next("view_submit")
	if act["view_id"] != "V0REQ" {
		t.Errorf("submitted view %v", act["view_id"])
	}
	github := option("GitHub", "github")
	github["description"] = document{"type": "plain_text", "text": "Fine-grained tokens"}
	view := option("worklogs:view", "worklogs:view")
	view["description"] = document{"type": "plain_text", "text": "read"}
	kind := option("API key", "api_key")
	kind["description"] = document{"type": "plain_text", "text": "A key of your own"}
	want := document{
		"f-name":    document{"name": document{"type": "plain_text_input", "value": "ci-deploy"}},
		"f-system":  document{"system": document{"type": "static_select", "selected_option": github}},
		"f-project": document{"project": document{"type": "external_select", "selected_option": option("Platform", "p1")}},
		"f-scopes":  document{"scopes": document{"type": "multi_static_select", "selected_options": []any{view}}},
		"f-labels":  document{"labels": document{"type": "multi_external_select", "selected_options": []any{}}},
		"f-owner":   document{"owner": document{"type": "users_select", "selected_user": "U0ALICE"}},
		"f-kind":    document{"kind": document{"type": "radio_buttons", "selected_option": kind}},
		"f-accept":  document{"accept": document{"type": "checkboxes", "selected_options": []any{option("I will not share it", "share")}}},
		"f-until":   document{"until": document{"type": "datepicker", "selected_date": nil}},
		"f-days":    document{"days": document{"type": "number_input", "value": "30"}},
		"f-mail":    document{"mail": document{"type": "email_text_input", "value": "alice@example.com"}},
		"f-url":     document{"url": document{"type": "url_text_input", "value": nil}},
		"f-reason":  document{"reason": document{"type": "plain_text_input", "value": "to deploy from CI"}},
	}
	if diff := cmp.Diff(want, act["values"]); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	ws.show()
	p.gone("dialog", "Request a key")
}

// testModalRequired sends an empty form: every fault is told at its field, and
// nothing is posted.
func testModalRequired(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	p.fill("spinbutton", "Days (optional)", "500")
	p.fill("textbox", "Ticket (optional)", "nonsense")
	p.fill("textbox", "Why", "short")
	p.press("button", "Send request")
	p.see(`document.querySelectorAll('.error').length === 7`)
	for block, want := range map[string]string{
		"f-name": "Please complete this required field.", "f-kind": "Please complete this required field.",
		"f-days": "Enter 90 or less.", "f-url": "Enter a complete web address.", "f-reason": "Enter at least 10 characters.",
	} {
		if got := p.text(`[data-block-id="` + block + `"] .error`); got != want {
			t.Errorf("%s says %q, want %q", block, got, want)
		}
	}
	p.see(`document.activeElement.dataset.actionId === 'name' && document.activeElement.getAttribute('aria-invalid') === 'true'`)
	p.see(`document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText.includes('required')`)
	ws.none("view_submit")
	p.key("x")
	p.see(`!document.querySelector('[data-block-id=f-name] .error') && document.querySelectorAll('.error').length === 6`)
}

// testModalErrors shows the errors an app answers with, until the field changes.
func testModalErrors(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, func(act document) document {
		if act["type"] == "view_submit" {
			return document{"ok": false, "errors": document{"f-reason": "Say which <pipeline> needs it."}}
		}
		return answerForm(act)
	})
	fillRequired(p)
	p.press("button", "Send request")
	ws.next("view_submit")
	p.find("alert", "")
	if got := p.text(`[data-block-id="f-reason"] .error`); got != "Say which <pipeline> needs it." {
		t.Errorf("the field says %q", got)
	}
	p.see(`document.activeElement.dataset.actionId === 'reason' && document.activeElement.value === 'to deploy from CI'`)
	p.key(" pipelines")
	p.see(`!document.querySelector('.error')`)
}

// testModalPending blocks a second submit while the app thinks, and says so when
// it fails.
func testModalPending(t *testing.T, chromium *browser) {
	gate := make(chan struct{})
	ws, p := openForm(t, chromium, func(act document) document {
		if act["type"] == "view_submit" {
			<-gate
			return document{"ok": false, "error": "The app didn't respond in time."}
		}
		return answerForm(act)
	})
	fillRequired(p)
	p.press("button", "Send request")
	ws.next("view_submit")
	p.see(`document.querySelector('[type=submit].button').disabled && document.querySelector('.dialog .spinner')`)
	p.press("textbox", "Name")
	p.key(kb.Enter)
	ws.none("view_submit")
	close(gate)
	p.see(`document.querySelector('.trouble')?.innerText === "The app didn't respond in time."`)
	p.see(`!document.querySelector('[type=submit].button').disabled && !document.querySelector('.dialog .spinner')`)
}

// testModalFocus walks the dialog with Tab, which must not leave it, and closes
// it with Escape.
func testModalFocus(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=home")
	p.press("button", "Request a key")
	ws.next("block_action")
	ws.show(readDocument(t, "testdata/request_view.json"))
	p.find("dialog", "Request a key")
	p.see(`document.activeElement.dataset.actionId === 'name'`)
	p.see(`document.querySelector('[role=dialog]').getAttribute('aria-modal') === 'true' && document.querySelector('.shell').inert`)
	p.shiftTab()
	p.see(`document.activeElement.getAttribute('aria-label') === 'Dismiss dialog'`)
	p.shiftTab()
	p.see(`document.activeElement.innerText === 'Send request'`)
	p.key(kb.Tab)
	p.see(`document.activeElement.getAttribute('aria-label') === 'Dismiss dialog'`)

	p.press("combobox", "System")
	p.find("listbox", "System")
	p.key(kb.Escape) // closes the list, not the dialog
	p.gone("listbox", "System")
	ws.none("view_close")
	p.key(kb.Escape)
	want := document{"as": "U0ALICE", "type": "view_close", "view_id": "V0REQ", "clear": false}
	if diff := cmp.Diff(want, ws.next("view_close")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	ws.show()
	p.gone("dialog", "Request a key")
	p.see(`document.activeElement.dataset.actionId === 'new'`)
}

// testModalStack pushes a second view and comes back to a first one that still
// knows what was typed.
func testModalStack(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	p.fill("textbox", "Name", "half a na")
	first := readDocument(t, "testdata/request_view.json")
	second := document{
		"id": "V0MORE", "root_id": "V0REQ", "hash": "h1", "type": "modal", "submit": nil, "close": nil,
		"title":  document{"type": "plain_text", "text": "Details"},
		"blocks": []any{document{"type": "section", "block_id": "s", "text": document{"type": "mrkdwn", "text": "More"}}},
	}
	ws.show(first, second)
	p.find("dialog", "Details")
	p.gone("dialog", "Request a key")
	p.press("button", "Dismiss dialog")
	if act := ws.next("view_close"); act["clear"] != true || act["view_id"] != "V0MORE" {
		t.Errorf("the cross posted %v", act)
	}
	p.press("button", "Back")
	if act := ws.next("view_close"); act["clear"] != false || act["view_id"] != "V0MORE" {
		t.Errorf("Back posted %v", act)
	}
	ws.show(first)
	p.find("dialog", "Request a key")
	p.see(`document.querySelector('[data-action-id=name]').value === 'half a na'`)
}

// testModalValues updates the open view: values stay where block_id and
// action_id stayed, and start anew where they changed.
func testModalValues(t *testing.T, chromium *browser) {
	ws, p := openForm(t, chromium, answerForm)
	p.fill("textbox", "Why", "kept")
	p.fill("textbox", "Name", "lost")
	view := readDocument(t, "testdata/request_view.json")
	view["hash"] = "h2"
	blocks := view["blocks"].([]any)
	blocks[1].(document)["block_id"] = "f-name-2"
	view["blocks"] = append([]any{document{"type": "section", "block_id": "new", "text": document{"type": "mrkdwn", "text": "Updated"}}}, blocks...)
	ws.show(view)
	p.see(`document.querySelector('[data-block-id=new]')`)
	p.see(`document.querySelector('[data-action-id=name]').value === '' && document.querySelector('[data-action-id=reason]').value === 'kept'`)
}
