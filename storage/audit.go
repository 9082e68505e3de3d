package storage

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Actor is who did something: a person through an account, or the system.
type Actor struct {
	PersonID  PersonID  // zero for the system
	AccountID AccountID // zero for the system
	Name      string    // "Erin Evans", "system: sweep"
	Ref       string    // the Slack or HTTP request that carried it
}

// System is the actor of what Latchkey does by itself.
func System(part string) Actor { return Actor{Name: "system: " + part} }

// Event is one row of the audit log.
type Event struct {
	bun.BaseModel `bun:"table:audit_event,alias:e"`

	ID         int64     `bun:"id,pk,autoincrement"`
	At         time.Time `bun:"at,nullzero,default:latchkey_now()"`
	ActorID    PersonID  `bun:"actor_id,nullzero"`
	AccountID  AccountID `bun:"account_id,nullzero"`
	Actor      string    `bun:"actor"`
	Action     string    `bun:"action"`  // "request.approved", "credential.revealed"
	Subject    string    `bun:"subject"` // "request", "credential", "person"
	SubjectID  int64     `bun:"subject_id"`
	Before     string    `bun:"before"`
	After      string    `bun:"after"`
	Reason     string    `bun:"reason"`
	PolicyHash string    `bun:"policy_hash,nullzero"`
	Ref        string    `bun:"ref"`
}

// The subjects of events and messages.
const (
	SubjectRequest     = "request"
	SubjectCredential  = "credential"
	SubjectPerson      = "person"
	SubjectBatch       = "batch"
	SubjectConnection  = "connection"
	SubjectDigest      = "digest"
	SubjectCampaign    = "campaign"
	SubjectOffboarding = "offboarding"
	SubjectAudit       = "audit" // the log itself
	SubjectQuarantine  = "quarantine"
	SubjectFinding     = "audit_finding" // of messages only
	SubjectLeak        = "leak"          // of messages only: the event is about the credential
)

// Record writes an event that is not a state move; moves write their own.
func (t Tx) Record(ctx context.Context, by Actor, e Event) error {
	_, err := t.exec(ctx, `
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, after, reason, policy_hash, ref)
		VALUES (nullif($1, 0), nullif($2, 0), $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), $11)`,
		by.PersonID, by.AccountID, by.Name, e.Action, e.Subject, e.SubjectID, e.Before, e.After, e.Reason, e.PolicyHash, by.Ref)
	return wrap("record event", err)
}

// storyLength is how many events of a subject are read at most.
const storyLength = 50

// Events reads the latest part of one subject's story, oldest first.
func (db *DB) Events(ctx context.Context, subject string, id int64) ([]Event, error) {
	var out []Event
	err := db.bun.NewSelect().Model(&out).Where("subject = ? AND subject_id = ?", subject, id).Order("id DESC").Limit(storyLength).Scan(ctx)
	slices.Reverse(out)
	return out, bunErr("read events", err)
}
