package bot

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/storage"
	"latchkey/workflow"
)

func auditOf(id int64, subject string, of int64, action, before, after, reason string, by storage.Actor) workflow.AuditLine {
	e := eventAt(id, action, before, after, by, reason)
	e.Subject, e.SubjectID = subject, of
	return workflow.AuditLine{AuditRow: storage.AuditRow{Event: e, Position: id - 1}}
}

// auditLines is a log with every sort of line in it.
func auditLines() []workflow.AuditLine {
	left := auditOf(8, storage.SubjectPerson, 6, "person.left", "active", "inactive", "SCIM says so", storage.System("scim"))
	left.About = workflow.Person{ID: 6, Name: "Frank <b>Ford", Slack: "U0FRANK"}
	gone := auditOf(7, storage.SubjectPerson, 9, "person.updated", "", "", "", byErin())
	gone.Erased, gone.Actor = true, ""
	fresh := auditOf(9, storage.SubjectCredential, 1, "credential.suspended", "active", "suspended", "Leaked: <!channel> *now*", byErin())
	fresh.Position = -1
	return []workflow.AuditLine{
		fresh, left, gone,
		auditOf(6, storage.SubjectCredential, 1, "credential.narrowed", "[worklogs:view worklogs:manage]", "[worklogs:view]", "", byErin()),
		auditOf(5, storage.SubjectRequest, 1, "review.approve", "", "", "Fine.", byErin()),
		auditOf(4, storage.SubjectConnection, 0, "sync.asked", "", "jira-prod", "", byErin()),
		auditOf(3, storage.SubjectOffboarding, 2, "offboarding.closed", "open", "closed", "", storage.System("offboarding")),
		auditOf(2, storage.SubjectGroup, 4, "group.member_added", "", "Security", "", storage.Actor{PersonID: 7, Name: "Okta by key TK-0009"}),
		auditOf(1, storage.SubjectCampaign, 1, "campaign.done", "ending", "done", "", storage.System("campaign")),
	}
}

// worstAudit is as long as any page can be.
func worstAudit() auditListing {
	var lines []workflow.AuditLine
	for i := range auditPageSize + 1 {
		e := auditOf(int64(i+1), storage.SubjectPerson, 1<<60, "credential.scopes_restored", strings.Repeat("`&<😀", 500), strings.Repeat("&&&&", 500), strings.Repeat("<!here> ", 500), byErin())
		e.About, e.Actor = workflow.Person{Name: strings.Repeat("&", 500)}, strings.Repeat("&", 500)
		lines = append(lines, e)
	}
	return auditListing{Lines: lines, Older: true, All: true, Page: auditPage{Subject: storage.SubjectCredential, ID: 1 << 60, Person: 1 << 60, Before: 1 << 60}}
}

func TestAuditIsGolden(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]auditListing{
		"all":    {Lines: auditLines(), All: true, Older: true},
		"own":    {Lines: auditLines()[:1]},
		"key":    {Lines: auditLines()[3:4], All: true, Page: auditPage{Subject: storage.SubjectCredential, ID: 1, Before: 7}},
		"person": {Lines: auditLines()[1:2], All: true, Page: auditPage{Person: 6}},
		"empty":  {All: true, Page: auditPage{Subject: storage.SubjectRequest, ID: 3}},
		"worst":  worstAudit(),
	} {
		m := auditMessage(l)
		judge(t, blockkit.ValidateMessage, m)
		judge(t, blockkit.ValidateModal, modal("", auditTitle, "", "", m.Blocks...))
		if name != "worst" {
			golden(t, "audit_"+name, m)
		}
	}
}

// A page of the log survives its way through a button, and nothing else does.
func TestAuditPageTravels(t *testing.T) {
	t.Parallel()
	for _, p := range []auditPage{{}, {Person: 7}, ofKey(1 << 60), {Subject: storage.SubjectRequest, ID: 3, Person: 4, Before: 5}} {
		if got, err := readAuditPage(p.String()); err != nil || got != p {
			t.Errorf("%+v came back as %+v, %v", p, got, err)
		}
	}
	for _, text := range []string{"", "credential", "credential.x.0.0", "credential.1.2.3.4", "request.-1.0.0", fmt.Sprintf("request.%s.0.0", strings.Repeat("9", 30))} {
		if _, err := readAuditPage(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
