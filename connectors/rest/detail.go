package rest

import (
	"encoding/json"
	"strings"
	"unicode"
)

const (
	maxDetail  = 160 // characters of a vendor's words that reach a log
	longestRun = 24  // characters without a break that can't be a secret
	detailDeep = 4
)

// detail takes the sentence out of the JSON error shapes our vendors use.
func detail(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	return Clean(sentence(v, detailDeep))
}

func sentence(v any, deep int) string {
	if deep == 0 {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return sentence(v[0], deep-1)
		}
	case map[string]any:
		for _, key := range []string{"message", "error_description", "errorSummary", "detail", "error", "title", "errors"} {
			if s := sentence(v[key], deep-1); s != "" {
				return s
			}
		}
	}
	return ""
}

// Clean makes a text that a vendor had a hand in fit for an error: cut to a
// line, without control or invisible characters, and without any run of
// characters long enough to be a key.
func Clean(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	for i, w := range words {
		w = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, w)
		if len([]rune(w)) > longestRun {
			w = "[…]"
		}
		words[i] = w
	}
	line := []rune(strings.Join(words, " "))
	if len(line) > maxDetail {
		line = append(line[:maxDetail-1], '…')
	}
	return string(line)
}
