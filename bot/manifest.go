package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Limits of an app manifest.
const (
	maxAppName = 35
	maxBotName = 80
)

var (
	commandForm = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
	notBotName  = regexp.MustCompile(`[^a-z0-9._-]+`)
)

// ErrCommand explains the form a slash command must have.
var ErrCommand = errors.New("a command is a slash and up to 31 lower-case letters, digits, dashes and underscores, like /tokens")

// ErrAppName explains the form an app's name must have.
var ErrAppName = errors.New("an app name has 1 to 35 characters, at least one of them a letter from a to z or a digit")

// RequiredScopes are the bot scopes the app can't do without.
func RequiredScopes() []string {
	return []string{"chat:write", "commands", "files:write", "im:history", "im:write", "usergroups:read", "users:read", "users:read.email"}
}

// Manifest is what an admin pastes into Slack to create the app, as JSON. The
// app-level token is not part of it: Slack lets a manifest ask for none.
func Manifest(command, name string) ([]byte, error) {
	if !commandForm.MatchString(command) {
		return nil, fmt.Errorf("%q: %w", command, ErrCommand)
	}
	name = line(name)
	botName := strings.Trim(notBotName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if name == "" || name != cut(name, maxAppName) || botName == "" {
		return nil, fmt.Errorf("%q: %w", name, ErrAppName)
	}
	type object = map[string]any
	type list = []any
	doc := object{
		"_metadata": object{"major_version": 2, "minor_version": 0},
		"display_information": object{
			"name":        name,
			"description": "Gives every API key an owner, an approval and an end.",
		},
		"features": object{
			// Read-only must be said to be off, or people can't answer in the Messages tab.
			"app_home": object{"home_tab_enabled": true, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false},
			"bot_user": object{"display_name": cut(botName, maxBotName), "always_online": true},
			"shortcuts": list{object{
				"name": requestTitle, "type": "global", "callback_id": callbackShortcut,
				"description": "Ask for an API key and see who will be asked.",
			}},
			"slash_commands": list{object{
				"command": command, "description": "Ask for API keys, approve them, and see who holds which.",
				"usage_hint":    "request | mine | pending | list | systems | show | rotate | extend | edit | done | revoke | suspend | resume | cancel | why | audit | help",
				"should_escape": true, // @bob arrives as an ID, not as a name that anybody can take
			}},
		},
		"oauth_config": object{"scopes": object{"bot": RequiredScopes()}},
		"settings": object{
			"event_subscriptions": object{"bot_events": []string{
				"app_home_opened", "app_uninstalled", "subteam_created", "subteam_members_changed", "subteam_updated",
				"team_join", "tokens_revoked", "user_change",
			}},
			"interactivity":          object{"is_enabled": true},
			"org_deploy_enabled":     false,
			"socket_mode_enabled":    true,
			"token_rotation_enabled": false,
		},
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(out, '\n'), nil
}
