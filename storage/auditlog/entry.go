package auditlog

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	return Commitments{
		Actor: commit(salt, "actor", t.Actor), Before: commit(salt, "before", t.Before),
		After: commit(salt, "after", t.After), Reason: commit(salt, "reason", t.Reason),
	}
}

func commit(salt []byte, field, text string) string {
	if text == "" {
		return ""
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(field + "\x00" + text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
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

// record is the content of a leaf. Its fields are in the order of their names:
// with only integers and plain strings in it, that makes it the canonical JSON
// of RFC 8785, which other languages have libraries for.
type record struct {
	Account   int64  `json:"account,omitempty"`
	Action    string `json:"action"`
	Actor     string `json:"actor,omitempty"`
	After     string `json:"after,omitempty"`
	At        string `json:"at"`
	Before    string `json:"before,omitempty"`
	Event     int64  `json:"event"`
	Person    int64  `json:"person,omitempty"`
	Policy    string `json:"policy,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Ref       string `json:"ref,omitempty"`
	Subject   string `json:"subject"`
	SubjectID int64  `json:"subject_id"`
}

// Record is the content of the event's leaf: canonical JSON with commitments
// in the place of texts. It says nothing of the position, which is the tree's
// to prove.
func (e *Entry) Record() []byte {
	c := e.Commitments()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(record{ // can't fail: integers and strings
		Account: e.Account, Action: e.Action, Actor: c.Actor, After: c.After, At: e.At.UTC().Format(timeForm), Before: c.Before, Event: e.ID,
		Person: e.Person, Policy: e.Policy, Reason: c.Reason, Ref: e.Ref, Subject: e.Subject, SubjectID: e.SubjectID,
	})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Hash is the hash of the event's leaf (RFC 6962, section 2.1).
func (e *Entry) Hash() tlog.Hash { return tlog.RecordHash(e.Record()) }
