package bot

import (
	"fmt"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// maxStepsShown bounds a list of steps; policies rarely have more than three.
const maxStepsShown = 6

// stepLines says in mrkdwn, a line each, who is asked and what they said.
func stepLines(v workflow.RequestView) string {
	if len(v.Steps) == 0 {
		return "The rule approves by itself: nobody is asked."
	}
	pending := v.Request.State == storage.RequestPending
	var out []string
	for i, st := range v.Steps[:min(maxStepsShown, len(v.Steps))] {
		out = append(out, stepTitle(i, len(v.Steps), bold(st.Group))+": "+stepState(st, pending))
	}
	if more := len(v.Steps) - len(out); more > 0 {
		out = append(out, "and "+plural(more, "more step"))
	}
	return strings.Join(out, "\n")
}

func stepTitle(i, of int, group string) string {
	if of == 1 {
		return group
	}
	return fmt.Sprintf("Step %d of %d, %s", i+1, of, group)
}

func stepState(st workflow.StepView, pending bool) string {
	out := approvals(st)
	if who := voters(st, storage.Approve); len(who) > 0 {
		out += " (" + peopleMarkup(who) + ")"
	}
	if who := voters(st, storage.Deny); len(who) > 0 {
		out += ", denied by " + peopleMarkup(who)
	}
	switch {
	case !pending:
	case st.Current:
		out += ", asked now: " + peopleMarkup(yetToVote(st))
	case !st.Done:
		out += ", asked later: " + peopleMarkup(st.Eligible)
	}
	return out
}

// approvals counts: "1 of 2 approvals".
func approvals(st workflow.StepView) string {
	return fmt.Sprintf("%d of %s", st.Approvals(), plural(st.Quorum, "approval"))
}

// stillNeeded counts the approvals that a request lacks, over all its steps.
func stillNeeded(v workflow.RequestView) int {
	n := 0
	for _, st := range v.Steps {
		n += max(st.Quorum-st.Approvals(), 0)
	}
	return n
}

func voters(st workflow.StepView, d storage.Decision) []workflow.Person {
	var out []workflow.Person
	for _, v := range st.Votes {
		if v.Decision == d {
			out = append(out, v.By)
		}
	}
	return out
}

func yetToVote(st workflow.StepView) []workflow.Person {
	voted := map[storage.PersonID]bool{}
	for _, v := range st.Votes {
		voted[v.By.ID] = true
	}
	var out []workflow.Person
	for _, p := range st.Eligible {
		if !voted[p.ID] {
			out = append(out, p)
		}
	}
	return out
}

// voted lists everybody who voted one way, over all steps.
func voted(v workflow.RequestView, d storage.Decision) []workflow.Person {
	var out []workflow.Person
	for _, st := range v.Steps {
		out = append(out, voters(st, d)...)
	}
	return out
}

// currentStep is the step that is asked now.
func currentStep(v workflow.RequestView) (workflow.StepView, bool) {
	for _, st := range v.Steps {
		if st.Current {
			return st, true
		}
	}
	return workflow.StepView{}, false
}

// votesSoFar is the count in plain text: "1 of 2 approvals by security".
func votesSoFar(v workflow.RequestView) string {
	var out []string
	for _, st := range v.Steps {
		out = append(out, approvals(st)+" by "+cut(line(st.Group), maxName))
	}
	return joinSome(out, maxStepsShown)
}
