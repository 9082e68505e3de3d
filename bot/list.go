package bot

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// listPage is how many keys one page lists.
const listPage = 10

// allKeys is the title of a listing over the page.
const allKeys = "All keys"

var mention = regexp.MustCompile(`^<@([UW][A-Z0-9]+)(\|[^>]*)?>$`)

// The options of a listing that are no flags.
const (
	optionGrants = "grants"
	optionAll    = "all"
	optionCSV    = "csv"
)

func (b *Bot) onList(ctx context.Context, c command) answer {
	p, csv, err := b.readListing(ctx, c)
	if err != nil {
		return b.explainCommand(err)
	}
	if csv {
		return b.sendCSV(ctx, c.actor, p.Listing, ephemeral, b.explainCommand)
	}
	return b.listing(ctx, c.actor, p, ephemeral, b.explainCommand)
}

// readListing reads what somebody typed behind the command: a person, a
// system and options, in any order.
func (b *Bot) readListing(ctx context.Context, c command) (p page, csv bool, err error) {
	for _, word := range strings.Fields(c.args) {
		option, isOption := optionTyped(word)
		flag, isFlag := flagOptions[option]
		switch {
		case !isOption && mention.MatchString(word):
			if p.Owner, err = b.personTyped(ctx, c, word); err != nil {
				return p, false, err
			}
		case !isOption && b.isConnection(word):
			p.Connection = word
		case !isOption:
			return p, false, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: b.unknownConnection(word)}
		case isFlag && p.Flag != "" && p.Flag != flag:
			return p, false, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: fmt.Sprintf("Filter by one thing at a time: `--%s` or `--%s`.", optionOf(p.Flag), option)}
		case isFlag:
			p.Flag = flag
		case option == optionGrants:
			p.Kind = workflow.OAuthGrant
		case option == optionAll:
			p.All = true
		case option == optionCSV:
			csv = true
		default:
			return p, false, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: unknownOption(word, option)}
		}
	}
	return p, csv, nil
}

// optionTyped reads an option. Slack's clients turn two dashes into one long
// one as people type.
func optionTyped(word string) (option string, is bool) {
	for _, dashes := range []string{"--", "—", "–"} {
		if rest, ok := strings.CutPrefix(word, dashes); ok {
			return strings.ToLower(rest), true
		}
	}
	return "", false
}

func unknownOption(typed, option string) string {
	known := append(slices.Sorted(maps.Keys(flagOptions)), optionGrants, optionAll, optionCSV)
	if near := nearest(option, known); near != "" {
		return fmt.Sprintf("There is no option `%s`. Did you mean `--%s`?", typed, near)
	}
	return fmt.Sprintf("There is no option `%s`. There are: `--%s`.", typed, strings.Join(known, "`, `--"))
}

// personTyped finds whom a mention names.
func (b *Bot) personTyped(ctx context.Context, c command, word string) (storage.PersonID, error) {
	account, err := b.Directory.Account(ctx, c.TeamID, mention.FindStringSubmatch(word)[1])
	if err == nil && account.PersonID == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: account.Name + " holds no keys here."}
	}
	return account.PersonID, err
}

// isConnection reports whether a system is configured, whether or not
// anything can be asked for there.
func (b *Bot) isConnection(name string) bool {
	_, ok := b.Workflow.Rules().Connections[name]
	return ok
}

func (b *Bot) unknownConnection(name string) string {
	return noSystem(name, slices.Sorted(maps.Keys(b.Workflow.Rules().Connections)))
}

// listing shows one page and where others begin.
func (b *Bot) listing(ctx context.Context, a workflow.Actor, p page, tell func(message) answer, explain func(error) answer) answer {
	l := listing{Page: p}
	var err error
	if l.Keys, err = b.Workflow.List(ctx, a, p.listing()); err != nil {
		return explain(err)
	}
	if l.Older = len(l.Keys) > listPage; l.Older {
		l.Keys = l.Keys[:listPage]
	}
	if l.Reader, err = b.reader(ctx, a); err != nil {
		return explain(err)
	}
	if l.Late, err = b.lateSystems(ctx, p.Connection, l.Reader.Admin); err != nil {
		return explain(err)
	}
	return tell(listMessage(l))
}

// lateSystems are the systems of a listing that could not be listed lately.
// What exactly a system answered is for admins.
func (b *Bot) lateSystems(ctx context.Context, connection string, admin bool) ([]lateSystem, error) {
	rows, err := b.DB.Connections(ctx)
	if err != nil {
		return nil, err
	}
	var out []lateSystem
	for _, name := range slices.Sorted(maps.Keys(b.Workflow.Rules().Connections)) {
		row := rows[name]
		if row.Problem == "" || connection != "" && connection != name {
			continue
		}
		late := lateSystem{Name: name, SyncedAt: row.SyncedAt}
		if admin {
			late.Problem = row.Problem
		}
		out = append(out, late)
	}
	return out, nil
}

// clickList begins a listing.
func (b *Bot) clickList(ctx context.Context, c click) answer {
	return b.clickPage(ctx, c, func(m message) answer { return b.tellClicker(c.callback, allKeys, m) })
}

// clickMore turns a listing's page.
func (b *Bot) clickMore(ctx context.Context, c click) answer {
	return b.clickPage(ctx, c, func(m message) answer { return b.turnPage(c.callback, allKeys, m) })
}

func (b *Bot) clickPage(ctx context.Context, c click, tell func(message) answer) answer {
	explain := func(err error) answer { return b.explainClick(c.callback, err) }
	p, err := readPage(c.id)
	if err != nil {
		return explain(err)
	}
	return b.listing(ctx, c.actor, p, tell, explain)
}

// turnPage shows another page of something in the place of the one that was
// clicked in, which is a modal or an answer that only the clicker sees.
func (b *Bot) turnPage(cb *slack.InteractionCallback, title string, m message) answer {
	if cb.View.Type != slack.VTModal {
		return answer{after: func(ctx context.Context) error { return b.Client.replace(ctx, cb.ResponseURL, m) }}
	}
	view := modal("", title, "", "", m.Blocks...)
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.UpdateViewContext(ctx, view, "", cb.View.Hash, cb.View.ID); err != nil {
			return fmt.Errorf("turn page: %w", err)
		}
		return nil
	}}
}
