package main

import (
	"strings"

	"latchkey/server"
)

// signIn is how admins sign in to the console: with Slack, or with what stands
// in for Slack's Web API. Nil without a client ID: there is no console.
func (m *Main) signIn() *server.SignIn {
	s := m.Config.Slack
	if s.ClientID == "" {
		return nil
	}
	issuer := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(m.SlackAPIURL, "/"), "/api"), "/")
	return &server.SignIn{ClientID: s.ClientID, ClientSecret: s.ClientSecret, Issuer: issuer}
}
