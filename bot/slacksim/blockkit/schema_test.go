package blockkit_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

// ownReference marks a limit that the generator adds from Slack's reference pages.
const ownReference = "Slack reference:"

// TestLimitsComeFromSlack holds the generated schema to its promise: every
// limit carries the sentence it was read from, the sentence says the number,
// and nearly all sentences are doc comments of Slack's types.
func TestLimitsComeFromSlack(t *testing.T) {
	t.Parallel()
	schema := obj{}
	if err := json.Unmarshal(read(t, "schema/blockkit.json"), &schema); err != nil {
		t.Fatalf("decode schema: %v", err)
	}

	fromTypes, added := 0, 0
	eachObject(schema["$defs"], func(o obj) {
		for _, keyword := range []string{"maxLength", "maxItems"} {
			limit, ok := o[keyword].(float64)
			if !ok {
				continue
			}
			comment, _ := o["$comment"].(string)
			if !says(comment, int(limit)) {
				t.Errorf("%s %v has the comment %q, which does not say so", keyword, limit, comment)
			}
			if strings.HasPrefix(comment, ownReference) {
				added++
				continue
			}
			fromTypes++
		}
	})
	if fromTypes < 100 {
		t.Errorf("limits from Slack's comments = %d, want 100 or more", fromTypes)
	}
	if added > fromTypes/5 {
		t.Errorf("limits added by hand = %d beside %d from Slack's comments", added, fromTypes)
	}
}

// says accepts "less than 200" for a limit of 199.
func says(comment string, limit int) bool {
	comment = strings.ReplaceAll(comment, ",", "")
	return strings.Contains(comment, strconv.Itoa(limit)) || strings.Contains(comment, "less than "+strconv.Itoa(limit+1))
}

// TestSchemaIsStrict: an object that accepts any property would hide typing errors.
func TestSchemaIsStrict(t *testing.T) {
	t.Parallel()
	schema := obj{}
	if err := json.Unmarshal(read(t, "schema/blockkit.json"), &schema); err != nil {
		t.Fatalf("decode schema: %v", err)
	}
	for name, definition := range schema["$defs"].(obj) {
		definition := definition.(obj)
		_, dispatches := definition["allOf"]
		if definition["type"] != "object" || dispatches {
			continue
		}
		if _, stated := definition["additionalProperties"]; !stated {
			t.Errorf("definition %s accepts any property", name)
		}
	}
}

func eachObject(value any, visit func(obj)) {
	switch value := value.(type) {
	case obj:
		visit(value)
		for _, child := range value {
			eachObject(child, visit)
		}
	case arr:
		for _, child := range value {
			eachObject(child, visit)
		}
	}
}

func BenchmarkValidateMessage(b *testing.B) {
	doc := read(b, "testdata/good/message_request.json")
	blockkit.ValidateMessage(doc) // compiles the schemas
	for b.Loop() {
		blockkit.ValidateMessage(doc)
	}
}

func BenchmarkValidateModal(b *testing.B) {
	doc := read(b, "testdata/good/modal_request.json")
	blockkit.ValidateModal(doc)
	for b.Loop() {
		blockkit.ValidateModal(doc)
	}
}
