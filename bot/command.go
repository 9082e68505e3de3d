package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// command is a slash command with its actor.
type command struct {
	*slack.SlashCommand
	actor workflow.Actor
	args  string // behind the subcommand
}

func (b *Bot) onSummary(ctx context.Context, c command) answer {
	home, err := b.Workflow.Home(ctx, c.actor)
	if err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(summaryMessage(home, b.Client.config.Command))
}

func (b *Bot) onHelp(context.Context, command) answer {
	return ephemeral(helpMessage(b.Client.config.Command))
}

func (b *Bot) onUnknown(typed string) answer {
	return ephemeral(unknownMessage(b.Client.config.Command, typed, nearest(typed, b.commandNames())))
}

func (b *Bot) commandNames() []string {
	var out []string
	for name := range b.commands() {
		if name != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (b *Bot) onRequest(ctx context.Context, c command) answer {
	system := c.args
	if system != "" && !b.isSystem(system) {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: b.unknownSystem(system)})
	}
	return b.openRequest(ctx, c.actor, c.TriggerID, system, c.ChannelID)
}

func (b *Bot) isSystem(name string) bool {
	return slices.ContainsFunc(b.Workflow.Systems(), func(s workflow.System) bool { return s.Name == name })
}

func (b *Bot) unknownSystem(name string) string {
	var names []string
	for _, s := range b.Workflow.Systems() {
		names = append(names, s.Name)
	}
	return noSystem(name, names)
}

// noSystem answers a name that no system has.
func noSystem(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("There is no system called %s. Did you mean %s?", name, near)
	}
	return fmt.Sprintf("There is no system called %s. There are: %s.", name, strings.Join(names, ", "))
}

func (b *Bot) onMine(ctx context.Context, c command) answer {
	keys, err := b.Workflow.Mine(ctx, c.actor)
	if err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(mineMessage(keys))
}

func (b *Bot) onPending(ctx context.Context, c command) answer {
	waiting, err := b.Workflow.Waiting(ctx, c.actor)
	if err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(pendingMessage(waiting))
}

func (b *Bot) onShow(ctx context.Context, c command) answer {
	request, key, err := b.id(c.args)
	if err != nil {
		return b.explainCommand(err)
	}
	if request != 0 {
		v, err := b.requestFile(ctx, c.actor, request)
		if err != nil {
			return b.unknownID(ctx, c, c.args, err)
		}
		return ephemeral(requestMessage(v))
	}
	f, err := b.keyFile(ctx, c.actor, key)
	if err != nil {
		return b.unknownID(ctx, c, c.args, err)
	}
	return ephemeral(showMessage(f))
}

func (b *Bot) onDone(ctx context.Context, c command) answer {
	_, key, err := b.id(c.args)
	if err == nil && key == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say which key, by an ID like TK-7F3K. `" + b.Client.config.Command + " mine` lists yours."}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	v, err := b.Workflow.Show(ctx, c.actor, key)
	if err == nil && v.Credential.OwnerID != c.actor.Account.PersonID {
		err = workflow.Refusal{Rule: workflow.RuleAdminOnly, Reason: fmt.Sprintf("%s is not yours to give back. Admins end other people's keys with `%s revoke %s`.", key, b.Client.config.Command, key)}
	}
	if err != nil {
		return b.unknownID(ctx, c, c.args, err)
	}
	done, err := b.Workflow.Revoke(ctx, c.actor, key, "")
	if err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(revokedMessage(done, "Thank you for giving it back."))
}

func (b *Bot) onCancel(ctx context.Context, c command) answer {
	request, _, err := b.id(c.args)
	if err == nil && request == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say which request, by an ID like RQ-7F3K."}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	r, err := b.Workflow.Cancel(ctx, c.actor, request)
	if err != nil {
		return b.unknownID(ctx, c, c.args, err)
	}
	return ephemeral(refusalMessage(fmt.Sprintf("%s is canceled.", r.ID)))
}

func (b *Bot) onWhy(ctx context.Context, c command) answer {
	request, key, err := b.id(c.args)
	if err != nil {
		return b.explainCommand(err)
	}
	lines, err := b.Workflow.Why(ctx, c.actor, request, key)
	if err != nil {
		return b.unknownID(ctx, c, c.args, err)
	}
	return ephemeral(whyMessage(lines))
}

// unknownID is the answer to an ID that is not there: what is meant perhaps,
// and how to find out.
func (b *Bot) unknownID(ctx context.Context, c command, typed string, err error) answer {
	r, refused := workflow.AsRefusal(err)
	if !refused || r.Rule != workflow.RuleUnknown {
		return b.explainCommand(err)
	}
	known, lookErr := b.ownIDs(ctx, c.actor)
	if lookErr != nil {
		return b.explainCommand(lookErr)
	}
	if near := nearest(typed, known); near != "" {
		r.Reason += " Did you mean " + near + "?"
	}
	r.Reason += fmt.Sprintf(" `%s mine` lists your keys.", b.Client.config.Command)
	return b.explainCommand(r)
}

// ownIDs are the keys and requests of a person, as they type them.
func (b *Bot) ownIDs(ctx context.Context, a workflow.Actor) ([]string, error) {
	home, err := b.Workflow.Home(ctx, a)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, k := range home.Keys {
		out = append(out, k.Credential.ID.String())
	}
	for _, r := range append(home.Requests, home.Waiting...) {
		out = append(out, r.Request.ID.String())
	}
	return out, nil
}

// id reads an ID that a person typed.
func (b *Bot) id(typed string) (storage.RequestID, storage.CredentialID, error) {
	request, key, err := storage.ParseID(typed)
	if err != nil {
		reason := fmt.Sprintf("%q is not an ID. IDs look like TK-7F3K for keys and RQ-7F3K for requests; `%s mine` lists yours.", typed, b.Client.config.Command)
		if strings.TrimSpace(typed) == "" {
			reason = fmt.Sprintf("Say which one, by an ID like TK-7F3K. `%s mine` lists your keys.", b.Client.config.Command)
		}
		return 0, 0, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: reason}
	}
	return request, key, nil
}

// nearest finds the word somebody probably meant, or "".
func nearest(typed string, words []string) string {
	best, distance := "", 3
	for _, w := range words {
		if d := editDistance(strings.ToLower(typed), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}
