package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// csvComes is the answer to whoever wants a listing as a file.
const csvComes = "The whole listing comes as a CSV file in your direct messages with Latchkey."

// sendCSV answers at once, and then sends the whole listing as a file to the
// person's direct messages, where nobody else sees it.
func (b *Bot) sendCSV(ctx context.Context, a workflow.Actor, l workflow.Listing, tell func(message) answer, explain func(error) answer) answer {
	l.Limit, l.Before = 1, 0
	if _, err := b.Workflow.List(ctx, a, l); err != nil {
		return explain(err)
	}
	out := tell(refusalMessage(csvComes))
	told := out.after
	out.after = func(ctx context.Context) error {
		if told != nil {
			if err := told(ctx); err != nil {
				b.Logger.Warn().Err(err).Msg("answer not delivered")
			}
		}
		return b.uploadCSV(ctx, a, l)
	}
	return out
}

func (b *Bot) clickCSV(ctx context.Context, c click) answer {
	explain := func(err error) answer { return b.explainClick(c.callback, err) }
	p, err := readPage(c.id)
	if err != nil {
		return explain(err)
	}
	return b.sendCSV(ctx, c.actor, p.Listing, func(m message) answer { return b.tellClicker(c.callback, "CSV", m) }, explain)
}

// uploadCSV sends the file, or says why it could not.
func (b *Bot) uploadCSV(ctx context.Context, a workflow.Actor, l workflow.Listing) error {
	dm, err := b.Directory.DM(ctx, a.Account)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	rows, err := b.Workflow.ExportCSV(ctx, a, l, &file)
	if err == nil {
		_, err = b.Client.api.UploadFileContext(ctx, slack.UploadFileParameters{Channel: dm, Reader: &file, FileSize: file.Len(),
			Filename: csvName(l), Title: csvName(l), InitialComment: csvComment(l, rows)})
	}
	if err == nil {
		return nil
	}
	why := b.explain(err)
	if se, ok := errors.AsType[slack.SlackErrorResponse](err); ok && se.Err == "missing_scope" {
		why = "Latchkey's app in Slack lacks the permission `files:write`; an admin can add it and install the app again."
	}
	_, _, tellErr := b.Client.api.PostMessageContext(ctx, dm, refusalMessage("The CSV file could not be sent. "+why).options()...)
	return tellErr
}

// csvName is a file name that says what is in it.
func csvName(l workflow.Listing) string {
	parts := []string{"keys"}
	if l.Connection != "" {
		parts = append(parts, fileWord(l.Connection))
	}
	if l.Flag != "" {
		parts = append(parts, optionOf(l.Flag))
	}
	if l.Kind == workflow.OAuthGrant {
		parts = append(parts, optionGrants)
	}
	return strings.Join(parts, "-") + ".csv"
}

// fileWord keeps of a name what every file system takes.
func fileWord(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, s), maxName)
}

func csvComment(l workflow.Listing, rows int) string {
	out := plural(rows, "key")
	if l.Connection != "" {
		out += " of " + words(cut(line(l.Connection), maxName))
	}
	if l.Flag != "" {
		out += ", " + flagLabel(l.Flag)
	}
	return fmt.Sprintf("%s. Times are in UTC.", out)
}
