package slacksim

// webAPI is the dispatch table of the Web API.
func webAPI() map[string]method {
	return map[string]method{
		"apps.connections.open": {appOnly: true, run: (*Sim).openConnection},
		"auth.test":             {run: (*Sim).authTest},
		"blocks.validate":       {run: (*Sim).validateBlocks},
		"bots.info":             {scopes: []string{"users:read"}, run: (*Sim).botsInfo},
		"team.info":             {scopes: []string{"team:read"}, run: (*Sim).teamInfo},

		"users.list":            {scopes: []string{"users:read"}, run: (*Sim).usersList},
		"users.info":            {scopes: []string{"users:read"}, run: (*Sim).usersInfo},
		"users.lookupByEmail":   {scopes: []string{"users:read.email"}, run: (*Sim).usersLookupByEmail},
		"users.conversations":   {scopes: readConversations, run: (*Sim).usersConversations},
		"usergroups.list":       {scopes: []string{"usergroups:read"}, run: (*Sim).groupsList},
		"usergroups.users.list": {scopes: []string{"usergroups:read"}, run: (*Sim).groupUsers},

		"conversations.open":    {scopes: []string{"im:write", "mpim:write", "channels:manage", "groups:write"}, run: (*Sim).conversationsOpen},
		"conversations.info":    {scopes: readConversations, run: (*Sim).conversationsInfo},
		"conversations.list":    {scopes: readConversations, run: (*Sim).conversationsList},
		"conversations.members": {scopes: readConversations, run: (*Sim).conversationsMembers},
		"conversations.history": {scopes: readHistory, run: (*Sim).conversationsHistory},
		"conversations.replies": {scopes: readHistory, run: (*Sim).conversationsReplies},

		"chat.postMessage":   {scopes: []string{"chat:write"}, run: (*Sim).postMessage},
		"chat.postEphemeral": {scopes: []string{"chat:write"}, run: (*Sim).postEphemeral},
		"chat.update":        {scopes: []string{"chat:write"}, run: (*Sim).updateMessage},
		"chat.delete":        {scopes: []string{"chat:write"}, run: (*Sim).deleteMessage},
		"chat.getPermalink":  {run: (*Sim).permalink},
		"reactions.add":      {scopes: []string{"reactions:write"}, run: (*Sim).addReaction},

		"views.open":    {run: (*Sim).viewsOpen},
		"views.push":    {run: (*Sim).viewsPush},
		"views.update":  {run: (*Sim).viewsUpdate},
		"views.publish": {run: (*Sim).viewsPublish},

		"files.getUploadURLExternal":   {scopes: []string{"files:write"}, run: (*Sim).uploadURL},
		"files.completeUploadExternal": {scopes: []string{"files:write"}, run: (*Sim).completeUpload},
	}
}

var (
	readConversations = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	readHistory       = []string{"channels:history", "groups:history", "im:history", "mpim:history"}

	// everyScope is what an app without a manifest holds.
	everyScope = []string{
		"channels:history", "channels:read", "chat:write", "commands", "files:write", "im:history", "im:read",
		"im:write", "reactions:write", "team:read", "usergroups:read", "users:read", "users:read.email",
	}
)
