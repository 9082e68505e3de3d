package workflow

import (
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// Person is somebody as messages show them.
type Person struct {
	ID    storage.PersonID
	Name  string
	Slack string // a Slack user ID, or "" if there is none to mention
}

func personOf(st storage.Standing) Person { return Person{ID: st.PersonID, Name: st.Name} }

// VoteView is one standing vote.
type VoteView struct {
	By       Person
	ReviewID int64
	Decision storage.Decision
	Reason   string
	Less     bool // approved less than was on the table
	At       time.Time
}

// StepView is one step with what happened in it.
type StepView struct {
	Group    string
	Quorum   int
	Eligible []Person
	Votes    []VoteView
	Current  bool // this group is asked now
	Done     bool
}

// Approvals counts the step's approving votes.
func (s StepView) Approvals() int {
	n := 0
	for _, v := range s.Votes {
		if v.Decision == storage.Approve {
			n++
		}
	}
	return n
}

// ScopeView is a scope in words.
type ScopeView struct {
	Name    string
	Title   string
	Access  connectors.Access
	Granted bool // still on the table
}

// RequestView is everything a message about a request may show.
type RequestView struct {
	Request    storage.Request
	Filer      Person // whose key filed it for the requester; zero: they asked themselves
	Requester  Person
	Scopes     []ScopeView
	Steps      []StepView
	Credential *storage.Credential // nil before approval
	Holds      []CredentialView    // what the requester already holds on this system
	Rule       string              // the policy's name
}

// CredentialView is everything a message about a credential may show.
type CredentialView struct {
	Credential storage.Credential
	Owner      Person
	Scopes     []ScopeView
	UseURL     string // where a brokered key is used; empty for others
	ClientsURL string // a page that says how clients use a brokered key; empty where there is none
	RevealURL  string // for the owner's eyes only; empty when there is nothing to collect
	ConnectURL string // likewise: where an approved OAuth grant is connected
	Collected  bool   // the key was shown
	Endpoints  []storage.EndpointUse
	Days       []storage.DayUse // brokered keys only: the last two weeks
	Unused     []string         // scopes that nothing needed for 30 days
	Events     []storage.Event
	Request    *storage.Request

	Flags    []storage.Flag
	Account  AccountView       // at the system
	Task     *connectors.Task  // what a person has to do there; nil for nothing
	Receipts []storage.Receipt // the system's answers

	Rotations  []storage.Rotation   // that it is the old or the new key of, the newest first
	ReplacedBy storage.CredentialID // the key that takes its place, made or being made; zero for none
	Traffic    int64                // its uses in the last hour while it is being replaced
	Can        Options
}

// AccountView is an account at a system as messages show it; empty where the
// system names none.
type AccountView struct {
	Ref     string // the system's own ID
	Name    string
	Email   string
	Service bool
}

// Options is what can be done with a credential now, at its system.
type Options struct {
	Revoke   bool
	ByHand   bool // revoking is left to a person at the system
	Suspend  bool
	Resume   bool
	HandOver bool
	Adopt    bool // its owner can ask to keep it
	Rotate   bool // a fresh key can take its place
	Extend   bool // its owner can ask for more time
	Edit     bool // its name, note and end can be changed
	Exempt   bool // the rules about unused and old keys can leave it alone
}

// HomeView is App Home.
type HomeView struct {
	Me       Person
	Admin    bool
	Waiting  []RequestView           // for my review
	Keys     []CredentialView        // mine
	Requests []RequestView           // mine
	Systems  []SystemView            // for admins: every system with its counts
	Busiest  []storage.ConnectionUse // for admins: the systems used most through the gateway in the last week
}
