package server

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// maxStory is how many events of one thing are shown.
const maxStory = 100

// storyLine is something that happened, with its place in the audit log.
type storyLine struct {
	at   time.Time
	edit bool // a form changed what is kept of a credential

	When  moment
	What  string
	Who   string
	Why   string
	Mark  string
	Proof string // the page about the event; empty for what is no event of its own
	Place int64  // in the tree, -1 while it has none
	Notes []string
}

// story tells what happened to a thing, the oldest first. The log has the
// latest maxStory of it.
func (s *Server) story(r *http.Request, c admin, subject string, id int64) ([]storyLine, error) {
	rows, err := s.workflow.SearchAudit(r.Context(), c.actor, storage.AuditFilter{Subject: subject, SubjectID: id, Limit: maxStory})
	if err != nil {
		return nil, err
	}
	out := make([]storyLine, 0, len(rows))
	for _, row := range rows {
		out = append(out, storyLineOf(row))
	}
	slices.Reverse(out)
	return out, nil
}

func storyLineOf(row storage.AuditRow) storyLine {
	out := storyLine{at: row.At, When: when(row.At), What: sentence(shown(workflow.EventWords(row.Event))), Who: shown(row.Actor), Why: shown(row.Reason), Place: row.Position,
		Proof: eventPage(row.ID)}
	if row.Erased {
		out.Why = "The words of this event were erased; the event is still proven."
	}
	switch row.Action {
	case "credential.labelled", "credential.noted", "credential.end_changed":
		out.edit = true
	}
	switch {
	case strings.HasSuffix(row.Action, "failed"), strings.HasSuffix(row.Action, ".leaked"), strings.HasSuffix(row.Action, ".deny"), strings.HasSuffix(row.Action, ".denied"):
		out.Mark = "bad"
	case strings.HasSuffix(row.Action, ".active"), strings.HasSuffix(row.Action, ".approve"), strings.HasSuffix(row.Action, ".approved"), strings.HasSuffix(row.Action, ".fulfilled"):
		out.Mark = "good"
	}
	return out
}

// receiptLines are a system's answers as parts of the story.
func receiptLines(receipts []storage.Receipt) []storyLine {
	out := make([]storyLine, 0, len(receipts))
	for _, v := range receipts {
		line := storyLine{at: v.At, When: when(v.At), What: "Its system answered: " + v.Liveness, Who: "receipt of " + v.Verb, Place: -1,
			Notes: allShown(strings.Split(strings.TrimSpace(v.Answer), "\n"))}
		if v.Attempts > 1 {
			line.Why = "after " + count(v.Attempts, "attempt")
		}
		out = append(out, line)
	}
	return out
}

// inOrder merges stories, the oldest first.
func inOrder(parts ...[]storyLine) []storyLine {
	out := slices.Concat(parts...)
	slices.SortStableFunc(out, func(a, b storyLine) int { return a.at.Compare(b.at) })
	return out
}

// requestStory is the story of the request that a credential came from.
func (s *Server) requestStory(r *http.Request, c admin, v workflow.CredentialView) ([]storyLine, error) {
	if v.Credential.RequestID == 0 {
		return nil, nil
	}
	return s.story(r, c, storage.SubjectRequest, int64(v.Credential.RequestID))
}
