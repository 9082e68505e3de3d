package config

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"max_lifetime", "name", "notify_before", "pending_for", "read", "requesters", "scopes", "warn", "when", "write"}
	for word, want := range map[string]string{
		"max_liftime":    "max_lifetime",
		"maxLifetime":    "max_lifetime",
		"lifetime":       "max_lifetime",
		"nmae":           "name",
		"requester":      "requesters",
		"wirte":          "write",
		"scope":          "scopes",
		"notify":         "notify_before",
		"entirely_other": "",
		"":               "",
		"x":              "",
		"___":            "",
		"größe":          "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
