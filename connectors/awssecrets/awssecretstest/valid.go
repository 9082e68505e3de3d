package awssecretstest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// AWS's bounds.
const (
	maxValue = 65536
	maxTags  = 50
)

func validName(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`).MatchString(name)
}

func validToken(token string) bool { return len(token) >= 32 && len(token) <= 64 }

func validTags(tags []tag) bool {
	form := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == nil || t.Value == nil || *t.Key == "" || seen[*t.Key],
			strings.HasPrefix(*t.Key, "aws:"), !form.MatchString(*t.Key), !form.MatchString(*t.Value),
			utf8.RuneCountInString(*t.Key) > 128, utf8.RuneCountInString(*t.Value) > 256:
			return false
		}
		seen[*t.Key] = true
	}
	return len(tags) <= maxTags
}
