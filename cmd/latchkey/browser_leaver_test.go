package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserLeaver lets Frank leave on the control panel, and reads in Slack
// and on the case's report what becomes of what he had.
func TestBrowserLeaver(t *testing.T) {
	t.Parallel()
	p := player{newBrowser(t), newWorld(t)}
	p.w.request("U0FRANK", "tempo", "read", "7d", "A report for the team")
	_, token := p.w.reveal("U0FRANK")

	p.do(chromedp.Navigate(p.w.panelURL))
	p.press("button", "Frank leaves today")
	p.reads("main", "Frank left today", "has left")
	p.picture("leaver-01-panel")
	p.at("U0ERIN", "C0APPROVALS")
	p.reads(".log", "Frank Fisher", "everything is accounted for")
	p.picture("leaver-02-card")
	p.phonePicture("leaver-02-card")
	p.do(chromedp.Navigate(reportURLs.FindString(p.w.transcript("U0ERIN", "C0APPROVALS"))))
	p.reads("main", "Frank Fisher", token, "tempo")
	p.picture("leaver-03-report")
	p.phonePicture("leaver-03-report")
}
