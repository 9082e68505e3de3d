package blockkit

import "slices"

// isBotScope tells whether a bot token can carry the scope (docs.slack.dev/reference/scopes).
func isBotScope(scope string) bool {
	return slices.Contains([]string{
		"app_mentions:read", "assistant:write",
		"bookmarks:read", "bookmarks:write",
		"calls:read", "calls:write",
		"canvases:read", "canvases:write",
		"channels:history", "channels:join", "channels:manage", "channels:read",
		"channels:write.invites", "channels:write.topic",
		"chat:write", "chat:write.customize", "chat:write.public",
		"commands",
		"conversations.connect:manage", "conversations.connect:read", "conversations.connect:write",
		"datastore:read", "datastore:write",
		"dnd:read", "emoji:read",
		"files:read", "files:write",
		"groups:history", "groups:read", "groups:write", "groups:write.invites", "groups:write.topic",
		"im:history", "im:read", "im:write", "im:write.topic",
		"incoming-webhook",
		"links.embed:write", "links:read", "links:write",
		"lists:read", "lists:write",
		"metadata.message:read",
		"mpim:history", "mpim:read", "mpim:write", "mpim:write.topic",
		"pins:read", "pins:write",
		"reactions:read", "reactions:write",
		"reminders:read", "reminders:write",
		"remote_files:read", "remote_files:share", "remote_files:write",
		"search:read.files", "search:read.public", "search:read.users",
		"team.billing:read", "team.preferences:read", "team:read",
		"tokens.basic",
		"triggers:read", "triggers:write",
		"usergroups:read", "usergroups:write",
		"users.profile:read", "users:read", "users:read.email", "users:write",
		"workflow.steps:execute",
	}, scope)
}

// isUserScope tells whether a user token can carry the scope: nearly all of a
// bot's, and those that only make sense for a person.
func isUserScope(scope string) bool {
	return isBotScope(scope) || slices.Contains([]string{
		"admin", "auditlogs:read", "channels:write", "dnd:write",
		"email", "identify", "identity.avatar", "identity.basic", "identity.email", "identity.team",
		"openid", "profile",
		"search:read", "search:read.im", "search:read.mpim", "search:read.private",
		"stars:read", "stars:write", "users.profile:write",
	}, scope)
}

// isAppLevelScope tells whether the scope belongs to an app-level token, which
// an admin creates by hand.
func isAppLevelScope(scope string) bool {
	return slices.Contains([]string{"app_configurations:write", "authorizations:read", "connections:write"}, scope)
}
