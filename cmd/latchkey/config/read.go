package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a configuration can't need more of, and the YAML library's time and
// stack should not be spent on.
const (
	maxDepth  = 32
	maxTokens = 50_000
)

// read makes a tree of the file, or reports why it can't and returns nil.
func read(r *report, data []byte) *tree {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if len(data) > maxSize {
		r.add(place{1, 1}, "", "the file is larger than 1 MiB: this is probably not a configuration")
		return nil
	}
	if at, ok := firstInvalid(data); !ok {
		r.add(at, "", "the file is not UTF-8 text: save it in that encoding")
		return nil
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)) // the library miscounts lines otherwise
	lines := strings.Split(text, "\n")
	tokens := lexer.Tokenize(text)
	if at, message := tooMuch(tokens); message != "" {
		r.add(at, "", "%s", message)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // so that each is reported, and not the first only
	if err != nil {
		reportSyntax(r, lines, err)
		return nil
	}
	body := oneDocument(r, file)
	if body == nil {
		return nil
	}
	b := &builder{report: r, tree: &tree{nodes: map[string]*node{}, lines: lines}}
	b.tree.root = b.node(nil, "", place{}, body)
	return b.tree
}

// firstInvalid finds the first byte that is not text.
func firstInvalid(data []byte) (at place, ok bool) {
	at = place{1, 1}
	for len(data) > 0 {
		c, size := utf8.DecodeRune(data)
		if c == utf8.RuneError && size == 1 || c == 0 {
			return at, false
		}
		data = data[size:]
		at.column++
		if c == '\n' {
			at = place{at.line + 1, 1}
		}
	}
	return at, true
}

// tooMuch judges the file before the parser, which recurses, sees it.
func tooMuch(tokens token.Tokens) (place, string) {
	flow, line := 0, 0
	var indents []int // columns of the blocks that are open
	for _, t := range tokens {
		at := placeOf(t)
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		default:
		}
		opens := at.line != line || t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType
		if line = at.line; opens && flow <= 0 {
			for len(indents) > 0 && indents[len(indents)-1] >= at.column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, at.column)
		}
		if flow+len(indents) > maxDepth {
			return at, "lists and mappings are nested too deep here: no setting needs it"
		}
	}
	if len(tokens) > maxTokens {
		return placeOf(tokens[maxTokens]), "the file has too much in it: this is probably not a configuration"
	}
	return place{}, ""
}

// oneDocument takes the only document out of the file.
func oneDocument(r *report, file *ast.File) ast.Node {
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case doc.Body.Type() == ast.DirectiveType:
			r.add(placeOf(doc.Body.GetToken()), "", "directives (%%) are not read here: remove the line")
		case body != nil:
			at := placeOf(doc.Body.GetToken())
			if doc.Start != nil {
				at = placeOf(doc.Start)
			}
			r.add(at, "", "a second document begins here: keep one, without ---")
		default:
			body = doc.Body
		}
	}
	if body == nil && len(r.problems) == 0 {
		r.add(place{1, 1}, "", "the file is empty: start from latchkey.example.yaml")
	}
	return body
}

// reportSyntax says in plain words why the file is no YAML. The library stops
// at the first mistake, so that there is only one to report.
func reportSyntax(r *report, lines []string, err error) {
	var broken *yaml.SyntaxError
	if !errors.As(err, &broken) {
		r.add(place{1, 1}, "", "this is no YAML: check indentation, quotes and brackets")
		return
	}
	at := placeOf(broken.Token)
	advice := adviceOn(broken.Message)
	if bareVariable(lines, at.line) {
		advice += `; a ${NAME} inside { } or [ ] needs quotes: "${NAME}"`
	}
	r.add(at, "", "%s", advice)
}

// adviceOn translates the library's message.
func adviceOn(message string) string {
	for _, known := range []struct{ part, advice string }{
		{`character '\t'`, "a tab can't be used here: indent with spaces"},
		{"character '\t'", "a tab can't be used here: indent with spaces"},
		{"end character of", "a quote that opens here is never closed: close it"},
		{"must be specified", "this list or mapping in brackets lacks a comma or its closing bracket"},
		{"sequence end token", "this list is never closed: add the ]"},
		{"mapping end token", "this mapping is never closed: add the }"},
		{"character corresponding to", "this bracket closes nothing: remove it"},
		{"mapping value is not allowed", "a second key on one line, or a wrong indentation: put a value that contains a colon in quotes"},
		{"reserved character", "a value can't begin with this character: put it in quotes"},
		{"escape character", `this is no escape: write \\ for a backslash, or use single quotes`},
		{"non-map value", "a key was expected here: check the indentation, and the space after - and :"},
		{"block sequence entries", "a list can't begin on the line of its key: put each - on a line of its own"},
		{"value is not allowed", "this does not fit what is above: check the indentation"},
	} {
		if strings.Contains(message, known.part) {
			return known.advice
		}
	}
	return "the YAML can't be read from here on: check indentation, quotes and brackets"
}

// bareVariable says whether a line has a ${NAME} that no quotes protect.
func bareVariable(lines []string, line int) bool {
	if line > len(lines) {
		return false
	}
	before, _, found := strings.Cut(lines[line-1], "${")
	return found && strings.Count(before, `"`)%2 == 0 && strings.Count(before, "'")%2 == 0
}
