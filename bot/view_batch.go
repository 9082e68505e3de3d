package bot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// batchView is an act on many keys as its message shows it.
type batchView struct {
	storage.Batch
	Decided   string    // who let it run or dropped it; empty while it is held, or where nobody had to
	DecidedAt time.Time // zero likewise
	Sample    []storage.Item
	BySystem  map[string]tally          // once it is done
	Stuck     []workflow.CredentialView // the first that no system confirmed
}

// tally counts the keys of an act by how far they are.
type tally struct{ Ended, Waiting, Stuck, Untouched int }

func (t *tally) add(s storage.CredentialState, n int) {
	switch s {
	case storage.CredentialRevoked, storage.CredentialExpired, storage.CredentialIssueFailed:
		t.Ended += n
	case storage.CredentialRevoking:
		t.Waiting += n
	case storage.CredentialRevokeFailed:
		t.Stuck += n
	case storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended:
		t.Untouched += n
	}
}

// words says how far it is, and leaves out what there is none of.
func (t tally) words() string {
	var out []string
	for _, part := range []struct {
		n    int
		what string
	}{{t.Ended, "revoked"}, {t.Waiting, "waiting for the system"}, {t.Stuck, "not confirmed, a person is needed"}, {t.Untouched, "not begun"}} {
		if part.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(out) == 0 {
		return "no keys"
	}
	return strings.Join(out, ", ")
}

// batchMessage is the message about an act on many keys, kept up to date from
// the question, if there is one, to the last system's answer.
func batchMessage(v batchView) message {
	switch v.State {
	case storage.BatchHeld:
		return heldMessage(v)
	case storage.BatchDropped:
		text := fmt.Sprintf("Nothing was revoked: %s live on%s.", batchTitle(v), decidedBy(v))
		return say(escape(text), section("*Nothing was revoked*: "+words(batchTitle(v))+" live on"+decidedMarkup(v)+"."))
	case storage.BatchRunning, storage.BatchDone:
	}
	var all tally
	for state, n := range v.ByState {
		all.add(state, n)
	}
	verb, verbMarkup := "Revoking ", "*Revoking* "
	if v.State == storage.BatchDone {
		verb, verbMarkup = "Done: ", "*Done*: "
	}
	head := fmt.Sprintf("%s (%s), asked for by %s", words(batchTitle(v)), plural(v.Total, "key"), words(actorName(v.Actor)))
	blocks := []slack.Block{section(verbMarkup + head + decidedMarkup(v) + ".\n" + all.words() + ".")}
	if v.Reason != "" {
		label := "Reason"
		if v.Decided != "" {
			label = "Why an admin was asked"
		}
		blocks = append(blocks, quote(label, v.Reason))
	}
	if len(v.BySystem) > 0 {
		blocks = append(blocks, section("*What the systems answered*\n"+talliesBySystem(v.BySystem)))
	}
	if len(v.Stuck) > 0 {
		blocks = append(blocks, section("*Not confirmed*\n"+stuckLines(v, all.Stuck)),
			small("Latchkey keeps trying, and looks again at each sync. A key that only a person can end has a message of its own with the steps."))
	}
	return say(escape(verb+batchTitle(v)+": "+all.words()+"."), blocks...)
}

// heldMessage asks an admin whether an act that the breaker stopped shall go
// on.
func heldMessage(v batchView) message {
	title := batchTitle(v)
	text := fmt.Sprintf("The breaker stopped Latchkey from revoking %s: %s. An admin decides.", title, line(v.Reason))
	id := strconv.FormatInt(int64(v.ID), 10)
	run := danger(button(verbRunBatch, id, "Revoke them", "Revoke "+title)).
		WithConfirm(confirm("Revoke "+plural(v.Total, "key")+"?", "Latchkey revokes "+title+". This can't be undone.", "Revoke them"))
	blocks := []slack.Block{
		header("Revoke " + plural(v.Total, "key") + "?"),
		section(fmt.Sprintf("The breaker stopped Latchkey from revoking %s: %s. Nothing happens until an admin decides.", words(title), words(v.Reason))),
	}
	if len(v.Sample) > 0 {
		var lines []string
		for _, it := range v.Sample {
			lines = append(lines, "• "+code(it.ID.String())+": "+words(cut(line(it.Why), maxWhyShown)))
		}
		if more := v.Total - len(v.Sample); more > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", more))
		}
		blocks = append(blocks, section(strings.Join(lines, "\n")))
	}
	controls := []slack.BlockElement{run, button(verbDropBatch, id, "Let them live", "Let "+title+" live")}
	if v.Kind != storage.BatchSilence { // whose keys are in its campaign's list
		controls = append(controls, button(verbList, page{Listing: workflow.Listing{Connection: v.Connection, Flag: storage.FlagUnmanaged}}.String(), "List",
			"List the unmanaged keys of "+v.Connection))
	}
	return say(escape(text), append(blocks, actions("held/"+id, controls...))...)
}

func batchTitle(v batchView) string { return cut(line(v.Title), 2*maxName) }

func actorName(a storage.Actor) string {
	if a.PersonID == 0 {
		return "Latchkey's rules"
	}
	return cut(line(a.Name), maxName)
}

// decidedBy says who decided on a held act, in plain text.
func decidedBy(v batchView) string {
	if v.Decided == "" {
		return ""
	}
	return ", decided by " + cut(line(v.Decided), maxName) + " on " + utc(v.DecidedAt)
}

func decidedMarkup(v batchView) string {
	if v.Decided == "" {
		return ""
	}
	return ", decided by " + words(cut(line(v.Decided), maxName)) + " " + moment(v.DecidedAt)
}

func talliesBySystem(all map[string]tally) string {
	systems := slices.Sorted(maps.Keys(all))
	var out []string
	for _, s := range systems[:min(maxSystemsCounted, len(systems))] {
		out = append(out, "• "+bold(s)+": "+all[s].words())
	}
	if more := len(systems) - len(out); more > 0 {
		out = append(out, "and "+plural(more, "more system"))
	}
	return strings.Join(out, "\n")
}

func stuckLines(v batchView, total int) string {
	var out []string
	for _, k := range v.Stuck {
		c := k.Credential
		l := fmt.Sprintf("• %s for %s, %s", code(c.ID.String()), bold(c.Connection), heldBy(k, personMarkup))
		if k.Task != nil {
			l += ": a person has to end it at the system"
		}
		out = append(out, l)
	}
	if more := total - len(v.Stuck); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "\n")
}
