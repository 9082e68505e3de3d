package auditlog

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// SaltSize is how many random bytes hide the texts of one event.
const SaltSize = 16

// NewSalt makes a salt.
func NewSalt() []byte {
	salt := make([]byte, SaltSize)
	_, _ = rand.Read(salt) // never fails
	return salt
}

// Texts are what an event holds that may name people. The tree has
// commitments in their place, so they can be erased without breaking a proof.
type Texts struct {
	Actor  string // "Erin Evans", "system: sweep"
	Before string
	After  string
	Reason string
}

// Commitments stand for an event's texts. An empty one stands for no text.
type Commitments struct {
	Actor  string `json:"actor,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Commit makes the commitments: for each text HMAC-SHA-256 under the salt of
// the field's name, a zero byte and the text, in base64.
func Commit(salt []byte, t Texts) Commitments {
	mac := hmac.New(sha256.New, salt)
	return Commitments{
		Actor: commit(mac, "actor", t.Actor), Before: commit(mac, "before", t.Before),
		After: commit(mac, "after", t.After), Reason: commit(mac, "reason", t.Reason),
	}
}

func commit(mac hash.Hash, field, text string) string {
	if text == "" {
		return ""
	}
	mac.Reset()
	_, _ = io.WriteString(mac, field) // a hash takes all that is written to it
	_, _ = mac.Write([]byte{0})
	_, _ = io.WriteString(mac, text)
	var sum [sha256.Size]byte
	return base64.StdEncoding.EncodeToString(mac.Sum(sum[:0]))
}

// Entry is one event at its place in the log.
type Entry struct {
	Position  int64
	ID        int64 // of the event
	At        time.Time
	Person    int64 // who did it; zero for what Latchkey does by itself
	Account   int64
	Action    string // "credential.revoked"
	Subject   string // "credential"
	SubjectID int64
	Policy    string // hash of the policy it was decided under
	Ref       string // the Slack or HTTP request that carried it

	Texts  Texts
	Salt   []byte       // nil where the texts were erased
	Erased *Commitments // what is left of them then
}

// Commitments returns what stands for the texts in the tree.
func (e *Entry) Commitments() Commitments {
	if e.Erased != nil {
		return *e.Erased
	}
	return Commit(e.Salt, e.Texts)
}

// timeForm is how a time is written in a record: UTC, to the microsecond.
const timeForm = "2006-01-02T15:04:05.000000Z"

// Record is the content of the event's leaf: JSON in the canonical form of RFC
// 8785 with commitments in the place of texts. Empty and zero members are left
// out, but for event, subject, subject_id and action. It says nothing of the
// position, which is the tree's to prove.
func (e *Entry) Record() []byte { return e.appendRecord(nil) }

func (e *Entry) appendRecord(b []byte) []byte {
	c := e.Commitments()
	// The members are in the order of their names, as RFC 8785 wants them.
	b = append(b, '{')
	b = appendNumber(b, "account", e.Account)
	b = appendMember(b, "action", e.Action)
	b = appendText(b, "actor", c.Actor)
	b = appendText(b, "after", c.After)
	b = appendTime(b, "at", e.At)
	b = appendText(b, "before", c.Before)
	b = appendInteger(b, "event", e.ID)
	b = appendNumber(b, "person", e.Person)
	b = appendText(b, "policy", e.Policy)
	b = appendText(b, "reason", c.Reason)
	b = appendText(b, "ref", e.Ref)
	b = appendMember(b, "subject", e.Subject)
	b = appendInteger(b, "subject_id", e.SubjectID)
	return append(b, '}')
}

// Hash is the hash of the event's leaf (RFC 6962, section 2.1).
func (e *Entry) Hash() tlog.Hash {
	return tlog.RecordHash(e.appendRecord(make([]byte, 0, recordRoom)))
}

// recordRoom is what most records fit into.
const recordRoom = 512
