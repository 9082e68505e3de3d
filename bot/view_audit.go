package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// auditPageSize is how many events one page shows.
const auditPageSize = 10

// Bounds of what is told of an event: of either side of a change, and of all
// of it.
const (
	maxChangeShown = 60
	maxAuditLine   = 1100
)

// auditListing is one page of the audit log as its reader sees it.
type auditListing struct {
	Lines []workflow.AuditLine
	Page  auditPage
	All   bool // the reader sees everything, not only what is theirs
	Older bool // there is another page behind this one
}

// auditMessage shows a page of the audit log.
func auditMessage(l auditListing) message {
	if len(l.Lines) == 0 {
		text := "The audit log holds nothing of this that you may see."
		if l.Page.Before != 0 {
			text = "The audit log holds nothing older of this."
		}
		return say(text, section(text))
	}
	blocks := []slack.Block{section("*" + auditTitle + "*, " + auditScope(l) + ", the newest first.")}
	for _, e := range l.Lines[:min(auditPageSize, len(l.Lines))] {
		blocks = append(blocks, sectionUpTo(maxAuditLine, auditLine(e)))
	}
	var controls []slack.BlockElement
	if l.Page.Before != 0 {
		newest := l.Page
		newest.Before = 0
		controls = append(controls, button(verbAuditMore, newest.String(), "Newest", "Show the newest events"))
	}
	if l.Older {
		older := l.Page
		older.Before = l.Lines[min(auditPageSize, len(l.Lines))-1].ID
		controls = append(controls, button(verbAuditMore, older.String(), "Older", "Show older events"))
	}
	if len(controls) > 0 {
		blocks = append(blocks, actions("audit", controls...))
	}
	first := l.Lines[0]
	text := fmt.Sprintf("%s of the audit log. The newest: %s, %s, by %s.", plural(len(l.Lines), "event"), aboutWhat(first, name), line(workflow.EventWords(first.Event)), doer(first.Event))
	return say(escape(text), blocks...)
}

// auditScope says in mrkdwn what a page is a part of.
func auditScope(l auditListing) string {
	switch {
	case l.Page.Subject == storage.SubjectCredential:
		return "what happened to " + code(storage.CredentialID(l.Page.ID).String())
	case l.Page.Subject == storage.SubjectRequest:
		return "what happened to " + code(storage.RequestID(l.Page.ID).String())
	case l.Page.Person != 0:
		return "what one person did, and what happened to what is theirs"
	case l.All:
		return "everything"
	}
	return "what you did, and what happened to what is yours"
}

// auditLine is an event in mrkdwn: what happened to what, from what to what,
// then when, by whom, why, and where in the log it is.
func auditLine(e workflow.AuditLine) string {
	out := fmt.Sprintf("*%s*: %s", aboutWhat(e, personMarkup), words(workflow.EventWords(e.Event)))
	if change := changeWords(e.Event); change != "" {
		out += " (" + change + ")"
	}
	out += "\n" + moment(e.At) + ", by " + words(doer(e.Event)) + ", " + placeInLog(e.AuditRow)
	switch {
	case e.Reason != "":
		out += "\nWhy: " + words(cut(line(e.Reason), maxReasonShown))
	case e.Erased:
		out += "\nIts words were erased, on request of whom they were about."
	}
	return out
}

// doer is actor where a name may have been erased.
func doer(e storage.Event) string {
	if who := actor(e); who != "" {
		return who
	}
	return "somebody whose name was erased"
}

// changeWords is what a thing was before and is after, in mrkdwn; empty where
// the event says neither.
func changeWords(e storage.Event) string {
	before, after := cut(line(e.Before), maxChangeShown), cut(line(e.After), maxChangeShown)
	switch {
	case before != "" && after != "":
		return code(before) + " → " + code(after)
	case after != "":
		return code(after)
	case before != "":
		return "was " + code(before)
	}
	return ""
}

// placeInLog is where in the log an event is, counted from zero.
func placeInLog(r storage.AuditRow) string {
	if r.Position < 0 {
		return "about to get its place in the log"
	}
	return fmt.Sprintf("number %d in the log", r.Position)
}

// aboutWhat is what an event happened to.
func aboutWhat(e workflow.AuditLine, show func(workflow.Person) string) string {
	switch e.Subject {
	case storage.SubjectCredential:
		return storage.CredentialID(e.SubjectID).String()
	case storage.SubjectRequest:
		return storage.RequestID(e.SubjectID).String()
	case storage.SubjectPerson:
		return show(e.About)
	case storage.SubjectConnection:
		return "System"
	case storage.SubjectOffboarding:
		return fmt.Sprintf("Offboarding %d", e.SubjectID)
	}
	subject := e.Subject
	if subject != "" {
		subject = strings.ToUpper(subject[:1]) + subject[1:]
	}
	if e.SubjectID == 0 {
		return orDash(subject)
	}
	return fmt.Sprintf("%s %d", subject, e.SubjectID)
}
