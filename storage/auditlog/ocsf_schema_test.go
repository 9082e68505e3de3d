package auditlog

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// The schema that the framework publishes, compiled into one file.
type ocsfSchema struct {
	Version string              `json:"version"`
	Classes map[string]ocsfType `json:"classes"`
	Objects map[string]ocsfType `json:"objects"`
}

type ocsfType struct {
	Caption     string `json:"caption"`
	Constraints struct {
		AtLeastOne []string `json:"at_least_one"`
	} `json:"constraints"`
	Attributes map[string]ocsfAttribute `json:"attributes"`
}

type ocsfAttribute struct {
	Type        string `json:"type"`
	Object      string `json:"object_type"`
	Array       bool   `json:"is_array"`
	Requirement string `json:"requirement"`
	Profile     string `json:"profile"`
	Enum        map[string]struct {
		Caption string `json:"caption"`
	} `json:"enum"`
}

// Every event is one of a class of the published schema: nothing in it that
// the class does not have, everything that it requires, of the right type,
// with the numbers that it lists.
func TestOCSFKeepsToThePublishedSchema(t *testing.T) {
	t.Parallel()
	file := os.Getenv("LATCHKEY_OCSF_SCHEMA")
	if file == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("LATCHKEY_OCSF_SCHEMA is not set: .ci/run fetches the schema")
		}
		t.Skip("LATCHKEY_OCSF_SCHEMA is not set: .ci/run fetches the schema that the framework publishes")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var schema ocsfSchema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Version != OCSFVersion {
		t.Fatalf("the schema is of version %s, our events of %s", schema.Version, OCSFVersion)
	}
	classes := map[string]ocsfType{}
	for _, c := range schema.Classes {
		for uid := range c.Attributes["class_uid"].Enum { // the one
			classes[uid] = c
		}
	}
	for _, e := range ocsfExamples() {
		var event map[string]any
		if err := json.Unmarshal(ocsfOfTests.Event(&e), &event); err != nil {
			t.Fatal(err)
		}
		for _, problem := range schema.problems(classes, event) {
			t.Errorf("%s: %s", e.Action, problem)
		}
	}

	// The check itself finds what is wrong.
	for name, spoil := range map[string]func(map[string]any){
		"a required one is missing": func(e map[string]any) { delete(e, "entity") },
		"an unknown one":            func(e map[string]any) { e["colour"] = "red" },
		"another type":              func(e map[string]any) { e["time"] = "noon" },
		"no such activity":          func(e map[string]any) { e["activity_id"] = 17.0; e["type_uid"] = 300417.0 },
		"a sum that is wrong":       func(e map[string]any) { e["type_uid"] = 300401.0 },
		"an actor that is nobody":   func(e map[string]any) { e["actor"] = map[string]any{} },
	} {
		e := ocsfExample(2, "credential.revoked")
		var event map[string]any
		if err := json.Unmarshal(ocsfOfTests.Event(&e), &event); err != nil {
			t.Fatal(err)
		}
		spoil(event)
		if len(schema.problems(classes, event)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func (s ocsfSchema) problems(classes map[string]ocsfType, event map[string]any) []string {
	uid, _ := event["class_uid"].(float64)
	activity, _ := event["activity_id"].(float64)
	class, ok := classes[fmt.Sprint(uid)]
	if !ok {
		return []string{fmt.Sprintf("there is no class %v", event["class_uid"])}
	}
	out := s.check("", class, event)
	if event["type_uid"] != uid*100+activity {
		out = append(out, fmt.Sprintf("type_uid is %v", event["type_uid"]))
	}
	for number, name := range map[string]string{"class_uid": "class_name", "category_uid": "category_name", "severity_id": "severity", "status_id": "status"} {
		want := class.Attributes[number].Enum[fmt.Sprint(event[number])].Caption
		if want != "" && event[name] != want {
			out = append(out, fmt.Sprintf("%s is %v, the schema says %s", name, event[name], want))
		}
	}
	return out
}

func (s ocsfSchema) check(path string, is ocsfType, object map[string]any) []string {
	var out []string
	for name, a := range is.Attributes {
		if _, has := object[name]; !has && a.Requirement == "required" && a.Profile == "" {
			out = append(out, path+name+" is missing")
		}
	}
	for name, value := range object {
		a, ok := is.Attributes[name]
		if !ok {
			out = append(out, path+name+" is not in the schema")
			continue
		}
		out = append(out, s.checkValue(path+name, a, value)...)
	}
	has := func(name string) bool { _, ok := object[name]; return ok }
	if wanted := is.Constraints.AtLeastOne; len(wanted) > 0 && !slices.ContainsFunc(wanted, has) {
		out = append(out, fmt.Sprintf("%s has none of %v", path, wanted))
	}
	return out
}

func (s ocsfSchema) checkValue(path string, a ocsfAttribute, value any) []string {
	if a.Array {
		list, ok := value.([]any)
		if !ok {
			return []string{path + " is no list"}
		}
		var out []string
		a.Array = false
		for i, v := range list {
			out = append(out, s.checkValue(fmt.Sprintf("%s[%d]", path, i), a, v)...)
		}
		return out
	}
	switch v := value.(type) {
	case map[string]any:
		if a.Type != "object_t" {
			return []string{path + " is an object"}
		}
		if a.Object == "object" { // unmapped: whatever the source has
			return nil
		}
		return s.check(path+".", s.Objects[a.Object], v)
	case float64:
		if !slices.Contains([]string{"integer_t", "long_t", "timestamp_t", "port_t"}, a.Type) || v != float64(int64(v)) {
			return []string{fmt.Sprintf("%s is a number, want %s", path, a.Type)}
		}
		if _, listed := a.Enum[fmt.Sprint(v)]; len(a.Enum) > 0 && !listed {
			return []string{fmt.Sprintf("%s is %v, which is not listed", path, v)}
		}
	case string:
		if slices.Contains([]string{"object_t", "integer_t", "long_t", "timestamp_t", "boolean_t"}, a.Type) {
			return []string{path + " is a text, want " + a.Type}
		}
	default:
		return []string{fmt.Sprintf("%s is a %T", path, value)}
	}
	return nil
}
