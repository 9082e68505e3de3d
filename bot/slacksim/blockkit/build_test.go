package blockkit_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/bot/slacksim/blockkit"
)

type (
	obj = map[string]any
	arr = []any
)

// badCase is a document with exactly the problems at the wanted pointers.
type badCase struct {
	name string
	doc  any
	want []string // pointers
	says string   // a part of the first message
}

func runBad(t *testing.T, validate func([]byte) []blockkit.Problem, cases []badCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problems := validate(marshal(t, c.doc))
			got := []string{}
			for _, problem := range problems {
				got = append(got, problem.Pointer)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Fatalf("pointers (-want +got):\n%s\n%v", diff, problems)
			}
			if !strings.Contains(problems[0].Message, c.says) || !strings.HasSuffix(problems[0].Message, ".") {
				t.Errorf("message %q is no sentence that says %q", problems[0].Message, c.says)
			}
		})
	}
}

func marshal(t testing.TB, doc any) []byte {
	t.Helper()
	if raw, ok := doc.(string); ok {
		return []byte(raw)
	}
	encoded, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("encode document: %v", err)
	}
	return encoded
}

// with copies an object and sets properties given as name, value pairs.
func with(base obj, pairs ...any) obj {
	changed := obj{}
	maps.Copy(changed, base)
	for i := 0; i < len(pairs); i += 2 {
		changed[pairs[i].(string)] = pairs[i+1]
	}
	return changed
}

// many makes n values that differ by their index.
func many[T any](n int, one func(i int) T) arr {
	list := arr{}
	for i := range n {
		list = append(list, one(i))
	}
	return list
}

func chars(n int) string { return strings.Repeat("ä", n) }

func plain(text string) obj  { return obj{"type": "plain_text", "text": text} }
func mrkdwn(text string) obj { return obj{"type": "mrkdwn", "text": text} }
func divider(int) obj        { return obj{"type": "divider"} }

func section(text string) obj { return obj{"type": "section", "text": mrkdwn(text)} }

func actions(elements ...any) obj {
	return obj{"type": "actions", "elements": append(arr{}, elements...)}
}

func button(id string) obj {
	return obj{"type": "button", "action_id": id, "text": plain("Approve"), "value": "1"}
}

func option(value string) obj { return obj{"text": plain("Option " + value), "value": value} }

func numbered(i int) obj { return option(fmt.Sprint(i)) }

func selectOf(options arr) obj {
	return obj{"type": "static_select", "action_id": "pick", "options": options}
}

func textInput() obj { return obj{"type": "plain_text_input", "action_id": "text"} }

func input(id string, element obj) obj {
	return obj{"type": "input", "block_id": id, "label": plain("Label"), "element": element}
}

func message(blocks ...any) obj { return obj{"text": "Fallback.", "blocks": append(arr{}, blocks...)} }

func modal(blocks ...any) obj {
	return obj{"type": "modal", "title": plain("Title"), "submit": plain("Send"), "blocks": append(arr{}, blocks...)}
}

func home(blocks ...any) obj { return obj{"type": "home", "blocks": append(arr{}, blocks...)} }
