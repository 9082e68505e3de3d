package workflow

import "time"

// evidenceFormat names what the file evidence.json of a pack looks like.
// Members are added to it; none changes its meaning.
const evidenceFormat = "latchkey-evidence/1"

// Evidence is everything an evidence pack says, as evidence.json has it. All
// times are UTC, all durations seconds.
type Evidence struct {
	Format     string    `json:"format"`
	Origin     string    `json:"origin"` // name of the audit log
	Public     string    `json:"public"` // verifies the log's checkpoints and this pack
	MadeAt     time.Time `json:"made_at"`
	MadeBy     string    `json:"made_by"`
	From       time.Time `json:"from"` // the period begins with it
	To         time.Time `json:"to"`   // and ends before it
	Seed       string    `json:"seed"`
	SampleSize int       `json:"sample_size"`
	MaxAge     string    `json:"max_age,omitempty"` // of keys, by today's rules; empty: any

	Populations []EvidencePopulation `json:"populations"`
	Policies    []EvidencePolicy     `json:"policies"`
	Samples     []EvidenceItem       `json:"samples"`
	Revoking    EvidenceTimes        `json:"revoking"` // from the moment a credential was to end until it was dead
	Leaving     EvidenceTimes        `json:"leaving"`  // from a leave until all the person held was accounted for
	Exceptions  []EvidencePopulation `json:"exceptions"`
	Groups      []EvidenceGroup      `json:"groups"` // as of MadeAt
	Log         EvidenceLog          `json:"log"`
}

// EvidencePopulation is a list: its file has an ID a line, in the order in
// which what they name was made.
type EvidencePopulation struct {
	Name   string        `json:"name"`
	Count  int64         `json:"count"`
	File   string        `json:"file"`
	SHA256 string        `json:"sha256"`          // of the file, in hex
	Query  string        `json:"query,omitempty"` // of an exception: how it was looked for
	Clean  bool          `json:"clean,omitempty"` // of an exception: there must be none
	Rows   []EvidenceRow `json:"rows,omitempty"`  // of an exception: the first of them
}

// EvidenceRow is one exception.
type EvidenceRow struct {
	ID   string     `json:"id"`
	What string     `json:"what,omitempty"`
	Who  string     `json:"who,omitempty"`
	At   *time.Time `json:"at,omitempty"`
	Why  string     `json:"why,omitempty"`
}

// EvidencePolicy is a version of the policy that had a say in the period.
type EvidencePolicy struct {
	Hash     string     `json:"hash"`
	FirstAt  time.Time  `json:"first_at"`          // the first start of the service with it
	LastAt   *time.Time `json:"last_at,omitempty"` // the last one
	Today    bool       `json:"today,omitempty"`   // it rules now
	Requests int64      `json:"requests"`          // of the period, filed under it
	Rules    []string   `json:"rules"`
}

// EvidenceTimes is how long something took.
type EvidenceTimes struct {
	Count     int64            `json:"count"`
	Confirmed int64            `json:"confirmed"` // of which it is known how long it took
	Median    float64          `json:"median"`    // seconds
	Most      float64          `json:"p90"`       // seconds; nine of ten took no longer
	Longest   float64          `json:"max"`       // seconds
	Buckets   []EvidenceBucket `json:"buckets"`
}

// EvidenceBucket counts what took less than its bound, and no less than the
// one before.
type EvidenceBucket struct {
	Below *float64 `json:"below"` // seconds; null: no bound
	Count int64    `json:"count"`
}

// EvidenceItem is one of a sample, with all there is to it.
type EvidenceItem struct {
	Population string           `json:"population"`
	ID         string           `json:"id"`
	System     string           `json:"system"`
	Kind       string           `json:"kind"`
	Managed    bool             `json:"managed"`
	Owner      string           `json:"owner"`
	Scopes     []string         `json:"scopes"`
	State      string           `json:"state"`
	Reason     string           `json:"reason,omitempty"` // for its state
	Replaces   string           `json:"replaces,omitempty"`
	IssuedAt   *time.Time       `json:"issued_at,omitempty"`
	ExpiresAt  *time.Time       `json:"expires_at,omitempty"`
	EndedAt    *time.Time       `json:"ended_at,omitempty"`
	Request    *EvidenceRequest `json:"request,omitempty"`
	Receipts   []EvidenceProof  `json:"receipts"`
	Events     []EvidenceEvent  `json:"events"` // each proven in proofs.jsonl
}

// EvidenceRequest is what was asked for, and who allowed it.
type EvidenceRequest struct {
	ID        string         `json:"id"`
	Requester string         `json:"requester"`
	Reason    string         `json:"reason"`
	Asked     []string       `json:"asked"`
	Granted   []string       `json:"granted"`
	Lifetime  int64          `json:"lifetime"` // seconds, as granted
	Policy    string         `json:"policy"`   // the rule
	Version   string         `json:"version"`  // hash of the policy that it is a rule of
	State     string         `json:"state"`
	FiledAt   time.Time      `json:"filed_at"`
	DecidedAt *time.Time     `json:"decided_at,omitempty"`
	Steps     []EvidenceStep `json:"steps"` // none: the rule approves by itself
}

// EvidenceStep is one group that was asked.
type EvidenceStep struct {
	Group    string         `json:"group"`
	Quorum   int            `json:"quorum"`
	Eligible []string       `json:"eligible"` // who could review when the request was filed
	Reviews  []EvidenceVote `json:"reviews"`
}

// EvidenceVote is one person's decision.
type EvidenceVote struct {
	Reviewer string    `json:"reviewer"`
	Decision string    `json:"decision"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
}

// EvidenceProof is a receipt: a system's own answer.
type EvidenceProof struct {
	At       time.Time `json:"at"`
	Verb     string    `json:"verb"`
	Answer   string    `json:"answer"`
	Liveness string    `json:"liveness"`
	Attempts int       `json:"attempts"`
}

// EvidenceEvent is an event of the audit log, without what only its proof
// needs.
type EvidenceEvent struct {
	Position int64     `json:"position"`
	At       time.Time `json:"at"`
	Action   string    `json:"action"`
	Actor    string    `json:"actor"`
	Before   string    `json:"before,omitempty"`
	After    string    `json:"after,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Erased   bool      `json:"erased,omitempty"` // its texts were
}

// EvidenceGroup is a group that administers Latchkey or may approve, with its
// members when the pack was made.
type EvidenceGroup struct {
	Name    string           `json:"name"`
	Admins  bool             `json:"admins"`            // its members administer
	Rules   []string         `json:"rules,omitempty"`   // that ask it
	Source  string           `json:"source"`            // where its members come from
	Problem string           `json:"problem,omitempty"` // why nobody can tell who they are
	Members []EvidenceMember `json:"members"`
}

// EvidenceMember is one active member.
type EvidenceMember struct {
	Name  string     `json:"name"`
	Email string     `json:"email,omitempty"`
	Since *time.Time `json:"since,omitempty"` // in the group, as far as it is known
}

// EvidenceLog is what the audit log proves. Its events of the period are in
// audit.jsonl.
type EvidenceLog struct {
	From     int64     `json:"from"` // positions: from From up to, not including, To
	To       int64     `json:"to"`
	Events   int64     `json:"events"`
	Erased   int64     `json:"erased"` // whose texts were
	Size     int64     `json:"size"`   // of the tree in which everything here is proven
	Root     string    `json:"root"`
	SignedAt time.Time `json:"signed_at"`
	Proofs   int64     `json:"proofs"` // events in proofs.jsonl
}
