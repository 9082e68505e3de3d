package blockkit_test

import (
	"strings"
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

// FuzzValidate: no document makes a validator panic, every problem is a
// sentence, and the same document always has the same problems.
func FuzzValidate(f *testing.F) {
	for _, path := range goodFiles(f) {
		f.Add(read(f, path))
	}
	for _, seed := range []string{
		"", "null", "[]", `{"blocks":{}}`, `{"text":1,"blocks":[[],null,{"type":[]}]}`,
		`{"type":"modal","blocks":[{"type":"input","element":{"options":{},"initial_option":1,"min_length":1e9999999,"max_length":0}}]}`,
		`{"attachments":[{"fields":[null]}],"":{"block_id":{}}}`,
		`{"response_action":"errors","errors":{"":null}}`, `{"response_action":"push","view":[]}`,
		`{"settings":[],"features":{"slash_commands":{}},"oauth_config":{"scopes":{"bot":[1,{}]}}}`,
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, doc []byte) {
		for name, validate := range validators() {
			first, second := validate(doc), validate(doc)
			if len(first) != len(second) {
				t.Fatalf("%s: %v and then %v", name, first, second)
			}
			for i, problem := range first {
				if problem != second[i] {
					t.Fatalf("%s: %v and then %v", name, problem, second[i])
				}
				checkProblem(t, name, problem)
			}
		}
		for _, problem := range blockkit.ValidateAckFor(doc, doc) {
			checkProblem(t, "ack for view", problem)
		}
	})
}

func checkProblem(t *testing.T, name string, problem blockkit.Problem) {
	t.Helper()
	if problem.Pointer != "" && !strings.HasPrefix(problem.Pointer, "/") {
		t.Errorf("%s: %q is no JSON pointer", name, problem.Pointer)
	}
	if !strings.HasSuffix(problem.Message, ".") {
		t.Errorf("%s: %q is no sentence", name, problem.Message)
	}
}
