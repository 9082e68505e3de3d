package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// maxSystemsCounted bounds a list of systems with their counts.
const maxSystemsCounted = 15

// revokeManyModal shows how much a mass revoke would end, and asks for the
// words that confirm it.
func revokeManyModal(plan workflow.MassRevoke, reason, metadata string) slack.ModalViewRequest {
	in := slack.NewPlainTextInputBlockElement(nil, blockConfirm)
	in.MaxLength = maxReasonTyped
	return modal(callbackRevokeMany, "Revoke many keys", "Revoke "+plural(plan.Count, "key"), metadata,
		section(fmt.Sprintf("This revokes %s: *%s*.", words(cut(line(plan.Title), 2*maxName)), plural(plan.Count, "key"))),
		section(countsBySystem(plan.BySys)),
		small("Whatever uses them stops working. This can't be undone. If more keys come in before you confirm, nothing is revoked."),
		slack.NewInputBlock(blockConfirm, plain("Type "+plan.Confirm+" to confirm", maxHint), nil, in),
		reasonInput("Why do you revoke them?", reason, "What happened?", "Every owner reads this."))
}

// countsBySystem says in mrkdwn how many keys each system has of a selection,
// the most first.
func countsBySystem(counts map[string]int) string {
	systems := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	var out []string
	for _, s := range systems[:min(maxSystemsCounted, len(systems))] {
		out = append(out, fmt.Sprintf("• %s: %s", bold(s), plural(counts[s], "key")))
	}
	if more := len(systems) - len(out); more > 0 {
		out = append(out, "and "+plural(more, "more system"))
	}
	return strings.Join(out, "\n")
}
