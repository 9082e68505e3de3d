package config

import (
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"latchkey/connectors/brokered"
	"latchkey/workflow"
)

// formats judge single values after the environment is in them; the schema's
// patterns let ${NAME} pass, because editors see it. The errors are sentences
// that do not repeat the value.
func formats() []*jsonschema.Format {
	var all []*jsonschema.Format
	for name, judge := range map[string]func(string) error{
		"duration": judgeDuration,
		"email":    pattern(`^[^\s@<>"]+@[^\s@<>"]+$`, "write an e-mail address, like alice@example.com"),
		"slack-user": pattern(`^[UW][A-Z0-9]{2,20}$`,
			"write the user's ID, which begins with U or W; Slack copies it from the person's profile"),
		"slack-usergroup": pattern(`^S[A-Z0-9]{2,20}$`,
			"write the user group's ID, which begins with S; Slack shows it in the address of the group's page"),
		"slack-channel": pattern(`^[CG][A-Z0-9]{2,20}$`,
			"write the channel's ID, which begins with C or G; Slack shows it at the end of the channel's details"),
		"slack-bot-token": judgeBotToken,
		"slack-app-token": judgeAppToken,
		"database-url":    judgeDatabaseURL,
		"public-url":      judgePublicURL,
		"base-url":        judgeBaseURL,
		"listen":          judgeListen,
		"network":         judgeNetwork,
		"keeper":          judgeKeeper,
		"psk":             judgePSK,
		"webhook-secret":  judgeWebhookSecret,
		"rule-path":       brokered.CheckPattern,
	} {
		all = append(all, &jsonschema.Format{Name: "latchkey-" + name, Validate: func(v any) error {
			if s, ok := v.(string); ok {
				return judge(s)
			}
			return nil // the type was judged already
		}})
	}
	return all
}

func pattern(expression, advice string) func(string) error {
	re := regexp.MustCompile(expression)
	return func(s string) error {
		if !re.MatchString(s) {
			return errors.New(advice)
		}
		return nil
	}
}

func judgeDuration(s string) error {
	if _, err := workflow.ParseDuration(s); err != nil {
		return workflow.ErrDuration // without the value
	}
	return nil
}

func judgeBotToken(s string) error {
	switch {
	case s == "":
		return nil // neither bot nor worker runs here
	case strings.HasPrefix(s, "xapp-"):
		return errors.New("this is an app-level token: write the bot token here, which begins with xoxb-")
	case !strings.HasPrefix(s, "xoxb-"), hasSpace(s):
		return errors.New("write the app's bot token, which begins with xoxb-, without spaces or line breaks")
	}
	return nil
}

func judgeAppToken(s string) error {
	switch {
	case s == "":
		return nil
	case strings.HasPrefix(s, "xoxb-"):
		return errors.New("this is a bot token: write the app-level token here, which begins with xapp-")
	case !strings.HasPrefix(s, "xapp-"), hasSpace(s):
		return errors.New("write the app-level token, which begins with xapp-, without spaces or line breaks")
	}
	return nil
}

func hasSpace(s string) bool { return strings.ContainsAny(s, " \t\r\n") }

func judgeDatabaseURL(s string) error {
	if s == "" {
		return nil // a private Postgres
	}
	const advice = "write an address like postgres://user:password@host/database, or nothing for a private Postgres"
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New(advice)
	}
	return nil
}

// keySize is the size of a key-encryption key in bytes.
const keySize = 32

func judgeKeeper(s string) error {
	scheme, key, _ := strings.Cut(s, "://")
	switch scheme {
	case "base64key":
		// An empty key would be a new random one at each start, and what was
		// sealed before could never be opened again.
		if decoded, err := base64.URLEncoding.DecodeString(urlSafe(key)); err != nil || len(decoded) != keySize {
			return errors.New("write base64key:// and 32 random bytes in base64; `openssl rand -base64 32` makes them")
		}
	case "awskms", "gcpkms", "azurekeyvault", "hashivault":
		if _, err := url.Parse(s); err != nil || key == "" || hasSpace(key) {
			return errors.New("write the key's name after " + scheme + "://")
		}
	default:
		return errors.New("begin with base64key://, awskms://, gcpkms://, azurekeyvault:// or hashivault://")
	}
	return nil
}

func judgePSK(s string) error {
	if decoded, err := base64.URLEncoding.DecodeString(urlSafe(s)); err != nil || len(decoded) != keySize {
		return errors.New("write 32 random bytes in base64; `openssl rand -base64 32` makes them")
	}
	return nil
}

// minWebhookSecret is how many characters nobody guesses, if they are random.
const minWebhookSecret = 16

func judgeWebhookSecret(s string) error {
	if len(s) < minWebhookSecret || hasSpace(s) {
		return errors.New("write at least 16 random characters without spaces; `openssl rand -hex 32` makes them")
	}
	return nil
}

// urlSafe takes base64 in either alphabet, since `openssl` writes the one that
// a URL can't carry, to the other.
func urlSafe(key string) string { return strings.NewReplacer("+", "-", "/", "_").Replace(key) }
