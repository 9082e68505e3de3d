package bot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// The audit log's own verbs.
const (
	verbAudit     verb = "audit"      // opens the log; the ID is what to show of it
	verbAuditMore verb = "audit_more" // turns its page; likewise
)

// auditTitle is the title of the log over the page.
const auditTitle = "Audit log"

// auditPage is a part of the audit log. It travels in buttons as text and is
// no right: workflow asks again who may see what.
type auditPage struct {
	Subject string // "credential", "request", or "" for any
	ID      int64  // of the subject
	Person  storage.PersonID
	Before  int64 // the event that the page before this one ended with; zero for the newest
}

// ofKey is the log of one key.
func ofKey(id storage.CredentialID) auditPage {
	return auditPage{Subject: storage.SubjectCredential, ID: int64(id)}
}

// String writes a page for a button to carry.
func (p auditPage) String() string {
	return fmt.Sprintf("%s.%d.%d.%d", p.Subject, p.ID, p.Person, p.Before)
}

// readAuditPage reads what a button carries.
func readAuditPage(s string) (auditPage, error) {
	old := workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This list is too old to go on. Ask for it again."}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return auditPage{}, old
	}
	var numbers [3]int64
	for i, text := range parts[1:] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return auditPage{}, old
		}
		numbers[i] = n
	}
	return auditPage{Subject: parts[0], ID: numbers[0], Person: storage.PersonID(numbers[1]), Before: numbers[2]}, nil
}

// filter is what to ask workflow for: one event more than a page shows.
func (p auditPage) filter() storage.AuditFilter {
	return storage.AuditFilter{Subject: p.Subject, SubjectID: p.ID, Person: p.Person, Before: p.Before, Limit: auditPageSize + 1}
}

func (b *Bot) onAudit(ctx context.Context, c command) answer {
	p, err := b.readAudit(ctx, c)
	if err != nil {
		return b.explainCommand(err)
	}
	return b.auditLog(ctx, c.actor, p, ephemeral, b.explainCommand)
}

// readAudit reads what somebody typed behind the command: a person, an ID, or
// nothing for everything they may see.
func (b *Bot) readAudit(ctx context.Context, c command) (auditPage, error) {
	switch {
	case c.args == "":
		return auditPage{}, nil
	case mention.MatchString(c.args):
		person, err := b.personTyped(ctx, c, c.args)
		return auditPage{Person: person}, err
	}
	request, key, err := b.id(c.args)
	if request != 0 {
		return auditPage{Subject: storage.SubjectRequest, ID: int64(request)}, err
	}
	return ofKey(key), err
}

// auditLog shows one page of the log and where others begin.
func (b *Bot) auditLog(ctx context.Context, a workflow.Actor, p auditPage, tell func(message) answer, explain func(error) answer) answer {
	l := auditListing{Page: p}
	var err error
	if l.Lines, l.All, err = b.Workflow.LookAtAudit(ctx, a, p.filter()); err != nil {
		return explain(err)
	}
	if l.Older = len(l.Lines) > auditPageSize; l.Older {
		l.Lines = l.Lines[:auditPageSize]
	}
	return tell(auditMessage(l))
}

func (b *Bot) clickAudit(ctx context.Context, c click) answer {
	return b.clickAuditPage(ctx, c, func(m message) answer { return b.tellClicker(c.callback, auditTitle, m) })
}

func (b *Bot) clickAuditMore(ctx context.Context, c click) answer {
	return b.clickAuditPage(ctx, c, func(m message) answer { return b.turnPage(c.callback, auditTitle, m) })
}

func (b *Bot) clickAuditPage(ctx context.Context, c click, tell func(message) answer) answer {
	explain := func(err error) answer { return b.explainClick(c.callback, err) }
	p, err := readAuditPage(c.id)
	if err != nil {
		return explain(err)
	}
	return b.auditLog(ctx, c.actor, p, tell, explain)
}
