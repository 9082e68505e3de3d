package slacksim

// World is who and what exists when the workspace starts.
type World struct {
	TeamID     string // own team, "T…"
	TeamName   string
	TeamDomain string
	AppID      string // the installed app, "A…"
	AppName    string // how people see the app
	BotUser    string // the app's bot user, "U…"
	BotID      string // the app's bot, "B…"

	Users    []WorldUser
	Channels []WorldChannel
	Groups   []WorldGroup
}

// WorldUser is one account. Users whose TeamID is not the World's are outsiders:
// they see only shared channels.
type WorldUser struct {
	ID       string // "U…"
	Name     string // the handle, without @
	RealName string
	Title    string // the browser client shows it as the reason to pick this persona
	Email    string
	TeamID   string // empty means the World's own
	TZ       string // IANA name

	IsAdmin           bool
	IsBot             bool
	IsRestricted      bool // multi-channel guest
	IsUltraRestricted bool // single-channel guest
	IsStranger        bool // known through Slack Connect only
	Deleted           bool // deactivated
}

// WorldChannel is one channel. The app's direct messages need no entry: they
// exist for every own user.
type WorldChannel struct {
	ID          string // "C…"
	Name        string
	Topic       string
	IsPrivate   bool
	IsExtShared bool     // shared with another team through Slack Connect
	Members     []string // user IDs, the bot user included where it was invited
}

// WorldGroup is one user group.
type WorldGroup struct {
	ID     string // "S…"
	Handle string // without @
	Name   string
	Users  []string
}

// DefaultWorld is the team the demo and most tests use: people for every role,
// and one of every kind of account that must not be trusted (a guest, a leaver,
// a deactivated user, a bot, an outsider).
func DefaultWorld() World {
	const tz = "Europe/London"
	return World{
		TeamID: "T0LATCH", TeamName: "Latchkey Demo", TeamDomain: "latchkey-demo",
		AppID: "A0LATCH", AppName: "Latchkey", BotUser: "U0LATCHBOT", BotID: "B0LATCH",
		Users: []WorldUser{
			{ID: "U0ALICE", Name: "alice", RealName: "Alice Archer", Title: "Engineer: asks for keys", Email: "alice@example.com", TZ: tz},
			{ID: "U0BOB", Name: "bob", RealName: "Bob Baker", Title: "Approver", Email: "bob@example.com", TZ: tz},
			{ID: "U0CAROL", Name: "carol", RealName: "Carol Chen", Title: "Approver", Email: "carol@example.com", TZ: tz},
			{ID: "U0DANA", Name: "dana", RealName: "Dana Diaz", Title: "Security: the second step", Email: "dana@example.com", TZ: tz},
			{ID: "U0ERIN", Name: "erin", RealName: "Erin Evans", Title: "IT admin: sees and revokes everything", Email: "erin@example.com", TZ: tz, IsAdmin: true},
			{ID: "U0ERINADM", Name: "erin.admin", RealName: "Erin (admin)", Title: "Erin's second account", Email: "erin.admin@example.com", TZ: tz, IsAdmin: true},
			{ID: "U0FRANK", Name: "frank", RealName: "Frank Fisher", Title: "Is about to leave", Email: "frank@example.com", TZ: tz},
			{ID: "U0GUS", Name: "gus", RealName: "Gus Guest", Title: "Guest", Email: "gus@example.com", TZ: tz, IsRestricted: true},
			{ID: "U0OLGA", Name: "olga", RealName: "Olga Outside", Title: "Another company, through Slack Connect", Email: "olga@partner.example", TZ: tz, TeamID: "T0OTHER", IsStranger: true},
			{ID: "U0DORA", Name: "dora", RealName: "Dora Doe", Title: "Left last year", Email: "dora@example.com", TZ: tz, Deleted: true},
			{ID: "U0ROBOT", Name: "robot", RealName: "Robot", Title: "Another app's bot", TZ: tz, IsBot: true},
			{ID: "U0LATCHBOT", Name: "latchkey", RealName: "Latchkey", Title: "The app", TZ: tz, IsBot: true},
		},
		Channels: []WorldChannel{
			{ID: "C0GENERAL", Name: "general", Topic: "Everyone", Members: []string{
				"U0ALICE", "U0BOB", "U0CAROL", "U0DANA", "U0ERIN", "U0ERINADM", "U0FRANK", "U0GUS", "U0ROBOT", "U0LATCHBOT",
			}},
			{ID: "C0APPROVALS", Name: "access-approvals", Topic: "Who may hold which key", Members: []string{
				"U0BOB", "U0CAROL", "U0DANA", "U0ERIN", "U0LATCHBOT",
			}},
			{ID: "C0SHARED", Name: "shared-with-partner", Topic: "With Partner Inc.", IsExtShared: true, Members: []string{
				"U0ALICE", "U0BOB", "U0OLGA", "U0LATCHBOT",
			}},
		},
		Groups: []WorldGroup{
			{ID: "S0ITADMIN", Handle: "it-admins", Name: "IT admins", Users: []string{"U0ERIN"}},
			{ID: "S0APPROVE", Handle: "tempo-approvers", Name: "Tempo approvers", Users: []string{"U0BOB", "U0CAROL", "U0DANA"}},
			{ID: "S0SECURITY", Handle: "security", Name: "Security", Users: []string{"U0DANA"}},
			{ID: "S0PAYROLL", Handle: "payroll", Name: "Payroll", Users: []string{"U0ALICE", "U0FRANK", "U0ERIN"}},
		},
	}
}
