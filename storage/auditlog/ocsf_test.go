package auditlog

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// ocsfExample is an entry of an action. Its texts have what JSON, HTML and
// formats of lines stumble over.
func ocsfExample(position int64, action string) Entry {
	noun, _, _ := strings.Cut(action, ".")
	e := Entry{
		Position: position, ID: 1000 + position, At: time.Date(2026, 3, 4, 5, 6, 7, 890_123_000, time.UTC), Person: 5, Account: 6,
		Action: action, Subject: noun, SubjectID: 7, Policy: "f00d", Ref: "1772.0001",
		Texts: Texts{Actor: "Erin Evans", Before: "active", After: "revoked", Reason: "“it” <leaked>\n\u2028=1+1 | \\ \""}, Salt: make([]byte, SaltSize),
	}
	switch noun {
	case "account":
		e.Subject = "person"
	case "review":
		e.Subject = "request"
	case "sync":
		e.Subject, e.SubjectID, e.Texts.After = "connection", 0, "jira"
	case "group":
		e.Texts.Before, e.Texts.After = "", "12"
	}
	if position%2 == 1 { // what Latchkey does by itself
		e.Person, e.Account, e.Texts.Actor = 0, 0, "system: sweep"
	}
	return e
}

// One event of each action, and of two that have none of their own words.
func ocsfExamples() []Entry {
	var out []Entry
	for i, action := range slices.Sorted(maps.Keys(ocsfMeanings)) {
		out = append(out, ocsfExample(int64(i), action))
	}
	erased := ocsfExample(1000, "credential.revoked")
	kept := erased.Commitments()
	erased.Erased, erased.Salt, erased.Texts = &kept, nil, Texts{}
	return append(out, erased, ocsfExample(1001, "weather.changed"))
}

var ocsfOfTests = OCSF{Origin: "latchkey.example.com/audit", Name: func(subject string, id int64) string { return fmt.Sprintf("%s-%d", subject, id) }}

func TestOCSFIsAsWeKnowIt(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	for _, e := range ocsfExamples() {
		line := ocsfOfTests.Event(&e)
		if bytes.ContainsAny(line, "\n\r") {
			t.Errorf("%s: more than one line", e.Action)
		}
		got.Write(append(line, '\n'))
	}
	file := filepath.Join("testdata", "ocsf.jsonl")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("run with -update if this is wanted (-want +got):\n%s", diff)
	}
}

// Whatever is recorded anywhere has its class and activity: the sources are
// read for actions, so that a new one can't be forgotten.
func TestOCSFKnowsEveryAction(t *testing.T) {
	t.Parallel()
	found := actionsInSources(t)
	if len(found) < 60 {
		t.Fatalf("only %d actions were found in the sources: the search is broken", len(found))
	}
	for _, action := range slices.Sorted(maps.Keys(found)) {
		if _, ok := ocsfMeanings[action]; !ok {
			t.Errorf("%s (%s) has no meaning in ocsfMeanings", action, found[action])
		}
	}
	for _, action := range slices.Sorted(maps.Keys(ocsfMeanings)) {
		if found[action] == "" {
			t.Errorf("ocsfMeanings has %s, which nothing records", action)
		}
	}
}

// The types whose values follow a noun in an action.
var stateTypes = map[string]string{
	"credential.": "CredentialState", "request.": "RequestState", "review.": "Decision", "batch.": "BatchState",
	"campaign.": "CampaignState", "offboarding.": "OffboardingState",
}

var (
	wholeAction = regexp.MustCompile(`^(account|audit|batch|campaign|client|connection|console|credential|group|leak|offboarding|person|policy|request|review|session|sync)\.[a-z_]+$`)
	actionInSQL = regexp.MustCompile(`'([a-z]+\.[a-z_]+)'`)
	nounInSQL   = regexp.MustCompile(`'([a-z]+\.)' \|\|`)
)

// actionsInSources finds what is recorded, and a file that does it.
func actionsInSources(t *testing.T) map[string]string {
	t.Helper()
	out, prefixes, states := map[string]string{}, map[string]string{}, map[string][]string{}
	for _, folder := range []string{"../../storage", "../../workflow", "../../server", "../../cmd/latchkey"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			statesIn(file, states)
			literalsIn(file, func(text string) {
				if wholeAction.MatchString(text) && !slices.Contains([]string{".css", ".html", ".js", ".jsonl"}, filepath.Ext(text)) {
					out[text] = name
				}
				if _, ok := stateTypes[text]; ok {
					prefixes[text] = name
				}
				if !strings.Contains(text, "audit_event") {
					return
				}
				for _, m := range actionInSQL.FindAllStringSubmatch(text, -1) {
					out[m[1]] = name
				}
				for _, m := range nounInSQL.FindAllStringSubmatch(text, -1) {
					prefixes[m[1]] = name
				}
			})
		}
	}
	for prefix, name := range prefixes {
		values := states[stateTypes[prefix]]
		if len(values) == 0 {
			t.Errorf("%s records %s and something whose values are not known: extend stateTypes", name, prefix)
		}
		for _, v := range values {
			out[prefix+v] = name
		}
	}
	return out
}

func literalsIn(file *ast.File, each func(string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				each(text)
			}
		}
		return true
	})
}

// statesIn adds the values of typed string constants, by type.
func statesIn(file *ast.File, out map[string][]string) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		typ, ok := spec.Type.(*ast.Ident)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				out[typ.Name] = append(out[typ.Name], text)
			}
		}
		return true
	})
}
