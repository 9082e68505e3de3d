package server

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/connectors"
	"latchkey/storage"
	"latchkey/workflow"
)

// maxPlain bounds what others wrote, on one page.
const maxPlain = 600

// shown is a text of others as the console shows it: without what nobody can
// see but what changes how a text reads, on one line, and cut. Markup in it is
// text, which is the templates' doing.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), r == '\u2800':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxPlain {
		return string(runes[:maxPlain]) + "…"
	}
	return s
}

func allShown(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = shown(s)
	}
	return out
}

// when is a time for people; the zero value shows nothing.
func when(t time.Time) moment {
	if t.Year() <= 1 {
		return moment{}
	}
	return momentOf(t)
}

// chip is a short fact with a link to what has it, and a mark for how much it
// matters.
type chip struct {
	Words string
	Count int // zero: not shown
	Path  string
	Mark  string // "bad", "warn", "good" or ""
}

var flagWords = map[storage.Flag]string{
	storage.FlagUnmanaged: "unmanaged", storage.FlagOverScope: "over-scoped", storage.FlagOverAge: "over age", storage.FlagExpiring: "expiring",
	storage.FlagStale: "stale", storage.FlagNeverUsed: "never used", storage.FlagOwnerLeft: "owner left", storage.FlagOwnerUnknown: "owner unknown",
	storage.FlagMissing: "missing", storage.FlagUnentitled: "not allowed any more",
}

func flagMark(f storage.Flag) string {
	switch f {
	case storage.FlagOwnerLeft, storage.FlagUnentitled, storage.FlagOverScope:
		return "bad"
	case storage.FlagUnmanaged, storage.FlagOwnerUnknown, storage.FlagOverAge, storage.FlagStale, storage.FlagExpiring:
		return "warn"
	case storage.FlagNeverUsed, storage.FlagMissing:
	}
	return ""
}

func flagChips(flags []storage.Flag) []chip {
	out := make([]chip, 0, len(flags))
	for _, f := range flags {
		out = append(out, chip{Words: flagWords[f], Mark: flagMark(f)})
	}
	return out
}

func credentialChip(state storage.CredentialState) chip {
	out := chip{Words: strings.ReplaceAll(string(state), "_", " ")}
	switch state {
	case storage.CredentialActive:
		out.Mark = "good"
	case storage.CredentialSuspended, storage.CredentialRevoking, storage.CredentialIssuing:
		out.Mark = "warn"
	case storage.CredentialRevokeFailed, storage.CredentialIssueFailed:
		out.Mark = "bad"
	case storage.CredentialRevoked, storage.CredentialExpired:
	}
	return out
}

func requestChip(state storage.RequestState) chip {
	out := chip{Words: string(state)}
	switch state {
	case storage.RequestPending, storage.RequestApproved:
		out.Mark = "warn"
	case storage.RequestFulfilled:
		out.Mark = "good"
	case storage.RequestFailed:
		out.Mark = "bad"
	case storage.RequestDenied, storage.RequestLapsed, storage.RequestCanceled:
	}
	return out
}

func caseChip(state storage.OffboardingState) chip {
	out := chip{Words: string(state)}
	switch state {
	case storage.OffboardingHeld:
		out.Mark = "bad"
	case storage.OffboardingOpen:
		out.Mark = "warn"
	case storage.OffboardingClosed:
		out.Mark = "good"
	case storage.OffboardingUndone:
	}
	return out
}

// kindWords is what a credential is, in its system's word if it has one.
func kindWords(c storage.Credential) string {
	what := "API key"
	if c.Kind == workflow.OAuthGrant {
		what = "OAuth app"
	}
	if c.Class != "" {
		what = shown(c.Class)
	}
	return what
}

// usedWords says when a credential was used last: unknown is not never.
func usedWords(c storage.Credential) string {
	switch {
	case !c.LastUsedAt.IsZero():
		return c.LastUsedAt.UTC().Format("2 Jan 2006")
	case c.UseKnown:
		return "never"
	}
	return "unknown"
}

// scopeLines are scopes in words.
func scopeLines(scopes []workflow.ScopeView) []scopeLine {
	out := make([]scopeLine, 0, len(scopes))
	for _, v := range scopes {
		line := scopeLine{Name: shown(v.Name), Title: shown(v.Title), Access: accessWords(v.Access)}
		if line.Access == "" {
			line.Access = "may do what the system does not say"
		}
		if line.Title == line.Name {
			line.Title = ""
		}
		out = append(out, line)
	}
	return out
}

// widest is the most that scopes let do, in words.
func widest(c storage.Credential, scopes []workflow.ScopeView) string {
	most := connectors.Access(c.Access)
	for _, v := range scopes {
		if v.Access == connectors.Admin || v.Access == connectors.Write && most != connectors.Admin || most == "" {
			most = v.Access
		}
	}
	return accessWords(most)
}

// sentence begins with a capital letter.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// span is a time that something lasts, in words.
func span(d time.Duration) string { return workflow.Duration(d.Round(time.Minute)).Words() }

// count is a number with its noun.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// doneWords say what a form has done, on the page after it.
var doneWords = map[string]string{
	"revoke":   "It is being revoked. What its system answers appears below.",
	"suspend":  "It is suspended.",
	"resume":   "It works again.",
	"edit":     "It was changed.",
	"offboard": "The person is fenced, and the case is open: it fills in below.",
	"ended":    "That session is over.",
}
