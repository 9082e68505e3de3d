package bot

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"latchkey/storage"
	"latchkey/workflow"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		"plain":                     "plain",
		"  spaces\t inside ":        "spaces\t inside",
		"two\r\nlines\rand\u2028on": "two\nlines\nand\non",
		"\u202eevil\u202c":          "evil",
		"a\u200bb\u200dc\ufeffd":    "abcd",
		"\u2066iso\u2069late":       "isolate",
		"soft\u00adhyphen\u034f":    "softhyphen",
		"\u3164\u115f\u2800":        "",
		"tag\U000e0041\U000e007f":   "tag",
		"heart\u2764\ufe0f":         "heart\u2764",
		"nul\x00bell\x07":           "nulbell",
		"broken\xff":                "broken\ufffd",
		"שלום مرحبا 漢字 \U0001F389":  "שלום مرحبا 漢字 \U0001F389",
	} {
		if got := clean(give); got != want {
			t.Errorf("clean(%q) = %q, want %q", give, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		give  string
		limit int
		want  string
	}{
		{"", 5, ""},
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"over the edge", 5, "over…"}, // no space before the ellipsis
		{"äöüß", 3, "äö…"},
		{"\U0001F389\U0001F389", 4, "\U0001F389\U0001F389"},
		{"\U0001F389\U0001F389\U0001F389", 4, "\U0001F389…"}, // each counts twice
		{"abc", 1, "…"},
	} {
		if got := cut(c.give, c.limit); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.give, c.limit, got, c.want)
		}
	}
}

func TestCutMarkupLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		give  string
		limit int
		want  string
	}{
		{"ask <@U0BOB> now", 16, "ask <@U0BOB> now"},
		{"ask <@U0BOB> now", 10, "ask…"},
		{"ask <@U0BOB> now", 14, "ask <@U0BOB>…"},
		{"fish &amp; chips", 8, "fish…"},
		{"fish &amp; chips", 11, "fish &amp;…"},
	} {
		if got := cutMarkup(c.give, c.limit); got != c.want {
			t.Errorf("cutMarkup(%q, %d) = %q, want %q", c.give, c.limit, got, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	if got, want := escape("<!channel> & `code` *b*"), "&lt;!channel&gt; &amp; `code` *b*"; got != want {
		t.Errorf("escape: %q, want %q", got, want)
	}
	if got, want := words("<@U1>\n`x` *b*"), "&lt;@U1&gt; ˋxˋ ∗b∗"; got != want {
		t.Errorf("words: %q, want %q", got, want)
	}
	if got, want := code("a`b<c"), "`aˋb&lt;c`"; got != want {
		t.Errorf("code: %q, want %q", got, want)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	if got := personMarkup(bob()); got != "<@U0BOB>" {
		t.Errorf("a Slack user is %q", got)
	}
	for _, p := range []workflow.Person{{Name: "<!here>"}, {Name: "<!here>", Slack: "U1> <!channel"}, {Name: "<!here>", Slack: "C0CHANNEL"}} {
		if got := personMarkup(p); got != "&lt;!here&gt;" {
			t.Errorf("%+v is %q", p, got)
		}
	}
	if got := name(workflow.Person{Name: "\u200b\n"}); got != "somebody" {
		t.Errorf("a nameless person is %q", got)
	}
	many := []workflow.Person{bob(), carol(), dana()}
	for n, want := range []string{"nobody", "Bob Brown", "Bob Brown and Carol Clark", "Bob Brown, Carol Clark and Dana Diaz"} {
		if got := names(many[:n]); got != want {
			t.Errorf("%d people: %q, want %q", n, got, want)
		}
	}
	for range 4 {
		many = append(many, many...)
	}
	if got := names(many); !strings.HasSuffix(got, " and 40 more") {
		t.Errorf("a crowd is %q", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.December, 3, 15, 2, 0, 0, time.FixedZone("", 3600))
	if got, want := moment(at), "<!date^1796306520^{date_short_pretty} at {time}|3 Dec 2026, 14:02 UTC>"; got != want {
		t.Errorf("moment: %s, want %s", got, want)
	}
	if got, want := day(at), "<!date^1796306520^{date_short_pretty}|3 Dec 2026>"; got != want {
		t.Errorf("day: %s, want %s", got, want)
	}
	if isSet(time.Time{}) || isSet(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)) || !isSet(at) {
		t.Error("isSet does not tell a time from none")
	}
}

func TestStateWords(t *testing.T) {
	t.Parallel()
	for state, want := range map[storage.CredentialState]string{
		storage.CredentialIssuing: "Being made", storage.CredentialActive: "Active until 21 Dec 2026", storage.CredentialSuspended: "Suspended",
		storage.CredentialExpired: "Expired", storage.CredentialRevoking: "Revoking", storage.CredentialRevoked: "Revoked",
		storage.CredentialRevokeFailed: "Revoking, retrying: the system does not confirm it", storage.CredentialIssueFailed: "Could not be made",
	} {
		if got := stateWords(keyIn(state).Credential); got != want {
			t.Errorf("%s reads %q, want %q", state, got, want)
		}
	}
	stuck := keyIn(storage.CredentialIssuing).Credential
	stuck.StateReason = "the system does not answer as it should"
	if got, want := stateWords(stuck), "Being made, retrying: the system does not answer as it should"; got != want {
		t.Errorf("a retry reads %q, want %q", got, want)
	}
}

// TestActiveIsNeverSaidTooEarly: no message says "Active" of a key whose
// vendor's success is not stored.
func TestActiveIsNeverSaidTooEarly(t *testing.T) {
	t.Parallel()
	v := decided(storage.RequestApproved, "", storage.CredentialIssuing)
	v.Holds = nil
	for name, m := range map[string]message{
		"card": cardMessage(v, "", 0), "status": statusMessage(v), "decision": decisions(v)[0].message, "request": requestMessage(v),
		"key": keyMessage(keyIn(storage.CredentialIssuing), noon()), "mine": mineMessage([]workflow.CredentialView{keyIn(storage.CredentialIssuing)}),
	} {
		if s := string(encode(t, m)); strings.Contains(strings.ToLower(s), "active") {
			t.Errorf("%s says active: %s", name, s)
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{"", "plain", nasty, strings.Repeat("&", 50), "<!channel>", "<@U1", "\U0001F389", "a\u0301\u0301", "\xff\xfe"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 1 + abs(limit)%4000
		short := cut(s, limit)
		if n := units(short); n > limit {
			t.Fatalf("cut has %d of %d units", n, limit)
		}
		if utf8.ValidString(s) && !utf8.ValidString(short) {
			t.Fatalf("cut broke a rune: %q", short)
		}
		for what, got := range map[string]string{
			"escape": escape(s), "words": words(s), "code": code(s), "bold": bold(s), "markup": markup(escape(s), limit).Text,
			"person": personMarkup(workflow.Person{Name: s, Slack: s + " "}), "record": escape(record{what: s, why: s}.text()),
		} {
			if strings.ContainsAny(got, "<>") {
				t.Fatalf("%s lets markup through: %q", what, got)
			}
			if !utf8.ValidString(got) {
				t.Fatalf("%s is not valid UTF-8: %q", what, got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
				t.Fatalf("%s keeps something invisible: %q", what, got)
			}
		}
		if got := markup(escape(s), limit).Text; units(got) > limit || got == "" {
			t.Fatalf("markup has %d of %d units", units(got), limit)
		}
		if got := plain(s, limit).Text; units(got) > limit || strings.TrimSpace(got) == "" {
			t.Fatalf("plain has %d of %d units: %q", units(got), limit, got)
		}
		if once := clean(s); clean(once) != once {
			t.Fatalf("clean is not stable for %q", s)
		}
	})
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
