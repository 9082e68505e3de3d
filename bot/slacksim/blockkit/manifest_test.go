package blockkit_test

import (
	"encoding/json"
	"testing"

	"latchkey/bot/slacksim/blockkit"
)

func TestManifestRules(t *testing.T) {
	t.Parallel()
	// change sets one value in the good manifest; nil removes it.
	change := func(value any, path ...string) obj {
		manifest := obj{}
		if err := json.Unmarshal(read(t, "testdata/good/manifest_latchkey.json"), &manifest); err != nil {
			t.Fatalf("decode manifest: %v", err)
		}
		at := manifest
		for _, name := range path[:len(path)-1] {
			at = at[name].(obj)
		}
		if value == nil {
			delete(at, path[len(path)-1])
			return manifest
		}
		at[path[len(path)-1]] = value
		return manifest
	}
	command := obj{"command": "/tokens", "description": "x"}
	events := func(names ...any) obj {
		return change(names, "settings", "event_subscriptions", "bot_events")
	}
	bot := func(scopes ...any) obj {
		manifest := change(scopes, "oauth_config", "scopes", "bot")
		manifest["settings"].(obj)["event_subscriptions"].(obj)["bot_events"] = arr{"app_home_opened"}
		return manifest
	}

	runBad(t, blockkit.ValidateManifest, []badCase{
		{"not JSON", "features:", []string{""}, "not JSON"},
		{"unknown key", change(true, "settings", "socket_mode"), []string{"/settings/socket_mode"}, "no property"},
		{"unknown key at the top", change(true, "setting"), []string{"/setting"}, "no property"},
		{"no name", change(obj{}, "display_information"), []string{"/display_information"}, `"name"`},
		{"long name", change(chars(36), "display_information", "name"), []string{"/display_information/name"}, "at most 35"},
		{"long description", change(chars(141), "display_information", "description"), []string{"/display_information/description"}, "at most 140"},
		{"short long_description", change(chars(174), "display_information", "long_description"), []string{"/display_information/long_description"}, "at least 175"},
		{"color", change("blue", "display_information", "background_color"), []string{"/display_information/background_color"}, "not #rgb"},
		{"display name", change(chars(81), "features", "bot_user", "display_name"), []string{"/features/bot_user/display_name"}, "at most 80"},
		{"command without a slash", change(arr{with(command, "command", "tokens")}, "features", "slash_commands"), []string{"/features/slash_commands/0/command"}, "pattern"},
		{"long command", change(arr{with(command, "command", "/"+chars(32))}, "features", "slash_commands"), []string{"/features/slash_commands/0/command"}, "at most 32"},
		{"command twice", change(arr{command, command}, "features", "slash_commands"), []string{"/features/slash_commands/1/command"}, "taken"},
		{"11 shortcuts", change(many(11, func(i int) obj {
			return obj{"name": "n", "type": "global", "callback_id": chars(i + 1), "description": "x"}
		}), "features", "shortcuts"), []string{"/features/shortcuts"}, "at most 10"},
		{"look-ahead pattern", change(arr{"-bad.example"}, "features", "unfurl_domains"), []string{"/features/unfurl_domains/0"}, "pattern"},
		{"unknown scope", bot("commands", "chat.write"), []string{"/oauth_config/scopes/bot/1"}, `no scope "chat.write"`},
		{"unknown optional scope", change(arr{"file:write"}, "oauth_config", "scopes", "bot_optional"), []string{"/oauth_config/scopes/bot_optional/0"}, "no scope"},
		{"app-level scope", bot("commands", "connections:write"), []string{"/oauth_config/scopes/bot/1"}, "app-level token"},
		{"user scope for a bot", bot("commands", "search:read"), []string{"/oauth_config/scopes/bot/1"}, "no scope"},
		{"unknown user scope", change(arr{"chat:read"}, "oauth_config", "scopes", "user"), []string{"/oauth_config/scopes/user/0"}, "no scope"},
		{"commands without scope", bot("chat:write"), []string{"/features/shortcuts", "/features/slash_commands"}, `"commands"`},
		{"unknown event", events("app_home_open"), []string{"/settings/event_subscriptions/bot_events/0"}, "no event"},
		{"event without scope", events("app_home_opened", "reaction_added"), []string{"/settings/event_subscriptions/bot_events/1"}, "reactions:read"},
		{"event twice", events("team_join", "team_join"), []string{"/settings/event_subscriptions/bot_events"}, "equal"},
		{"no Socket Mode", change(false, "settings", "socket_mode_enabled"), []string{"/features/slash_commands/0", "/settings/event_subscriptions", "/settings/interactivity"}, "URL"},
		{"IP range", change(arr{"10.0.0.300"}, "settings", "allowed_ip_address_ranges"), []string{"/settings/allowed_ip_address_ranges/0"}, "pattern"},
	})
}

func TestManifestUserScopes(t *testing.T) {
	t.Parallel()
	doc := obj{
		"display_information": obj{"name": "x"},
		"oauth_config":        obj{"scopes": obj{"user": arr{"search:read", "chat:write"}}},
	}
	if problems := blockkit.ValidateManifest(marshal(t, doc)); len(problems) > 0 {
		t.Errorf("unexpected problems: %v", problems)
	}
}
