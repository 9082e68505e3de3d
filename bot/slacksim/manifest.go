package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"latchkey/bot/slacksim/blockkit"
)

// manifest is the part of an app manifest that changes what Slack lets an app do.
type manifest struct {
	Display struct {
		Name string `json:"name"`
	} `json:"display_information"`
	Features struct {
		AppHome struct {
			HomeTab         bool `json:"home_tab_enabled"`
			MessagesTab     bool `json:"messages_tab_enabled"`
			MessagesTabRead bool `json:"messages_tab_read_only_enabled"`
		} `json:"app_home"`
		Shortcuts []shortcut `json:"shortcuts"`
		Commands  []command  `json:"slash_commands"`
	} `json:"features"`
	OAuth struct {
		Scopes struct {
			Bot         []string `json:"bot"`
			BotOptional []string `json:"bot_optional"` // this workspace grants them
		} `json:"scopes"`
	} `json:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `json:"bot_events"`
		} `json:"event_subscriptions"`
		Interactivity struct {
			Enabled bool `json:"is_enabled"`
		} `json:"interactivity"`
		SocketMode bool `json:"socket_mode_enabled"`
	} `json:"settings"`

	open bool // there was no manifest: everything is allowed
}

type shortcut struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	CallbackID  string `json:"callback_id"`
	Description string `json:"description"`
}

type command struct {
	Command      string `json:"command"`
	Description  string `json:"description"`
	UsageHint    string `json:"usage_hint"`
	ShouldEscape bool   `json:"should_escape"`
}

func parseManifest(raw []byte) (manifest, error) {
	var m manifest
	if len(raw) == 0 {
		m.open = true
		m.Features.Commands = []command{{Command: "/tokens", Description: "API keys and their owners", ShouldEscape: true}}
		m.Features.AppHome.HomeTab, m.Features.AppHome.MessagesTab = true, true
		return m, nil
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("decode JSON: %w", err)
	}
	var problems []error
	for _, p := range blockkit.ValidateManifest(raw) {
		problems = append(problems, fmt.Errorf("%s: %s", p.Pointer, p.Message))
	}
	if !m.Settings.SocketMode {
		problems = append(problems, errors.New("/settings/socket_mode_enabled: this workspace delivers over Socket Mode only"))
	}
	return m, errors.Join(problems...)
}

// subscribed tells whether the app asked for an event.
func (m *manifest) subscribed(event string) bool {
	return m.open || slices.Contains(m.Settings.Events.Bot, event)
}

// interactive tells whether clicks and submissions reach the app.
func (m *manifest) interactive() bool { return m.open || m.Settings.Interactivity.Enabled }

func (m *manifest) command(name string) (command, bool) {
	i := slices.IndexFunc(m.Features.Commands, func(c command) bool { return c.Command == name })
	if i < 0 {
		return command{}, false
	}
	return m.Features.Commands[i], true
}

// globalShortcut finds a shortcut that the search bar offers.
func (m *manifest) globalShortcut(callbackID string) (shortcut, bool) {
	i := slices.IndexFunc(m.Features.Shortcuts, func(c shortcut) bool {
		return c.CallbackID == callbackID && c.Type == "global"
	})
	if i < 0 {
		return shortcut{Name: callbackID, Type: "global", CallbackID: callbackID}, m.open
	}
	return m.Features.Shortcuts[i], true
}

// scopes the bot token carries.
func (m *manifest) scopes() []string {
	if m.open {
		return everyScope
	}
	return slices.Concat(m.OAuth.Scopes.Bot, m.OAuth.Scopes.BotOptional)
}

// allows tells whether any one of the scopes was granted. No scope needed is allowed.
func (m *manifest) allows(anyOf ...string) bool {
	if m.open || len(anyOf) == 0 {
		return true
	}
	return slices.ContainsFunc(anyOf, func(scope string) bool { return slices.Contains(m.scopes(), scope) })
}
