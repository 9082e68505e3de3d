package connectors

// ClientGuider is a brokered system that knows how its clients are pointed at
// the gateway, the plainest first. What it says holds no secret: anybody may
// read it.
type ClientGuider interface {
	Clients(ClientAddress) []ClientGuide
}

// ClientAddress is where a brokered system is reached through the gateway.
type ClientAddress struct {
	Base string // of the connection, without a final slash: "https://api.example.com/tempo"
	Read string // a path below Base that some scope lets somebody read: "/4/worklogs"
}

// ClientGuide is how one client is pointed at the gateway. The code takes the
// key from the environment variable LATCHKEY_KEY and runs as it stands.
type ClientGuide struct {
	Name  string // for people: "curl", "python-gitlab"
	Code  string
	Notes string // what to know beside the code, in full sentences, or empty
}
