package auditlog

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// fileLine is any line of a file. Parsing is generous, because what was read
// is then written again and must be the same bytes.
type fileLine struct {
	Format     string   `json:"format"`
	Public     string   `json:"public"`
	From       int64    `json:"from"`
	To         int64    `json:"to"`
	Checkpoint string   `json:"checkpoint"`
	Outside    [][]byte `json:"outside"`
	Older      string   `json:"older"`
	Extends    [][]byte `json:"extends"`

	Position  int64        `json:"position"`
	Event     int64        `json:"event"`
	At        string       `json:"at"`
	Person    int64        `json:"person"`
	Account   int64        `json:"account"`
	Action    string       `json:"action"`
	Subject   string       `json:"subject"`
	SubjectID int64        `json:"subject_id"`
	Policy    string       `json:"policy"`
	Ref       string       `json:"ref"`
	Actor     string       `json:"actor"`
	Before    string       `json:"before"`
	After     string       `json:"after"`
	Reason    string       `json:"reason"`
	Salt      []byte       `json:"salt"`
	Erased    *Commitments `json:"erased"`
	Leaf      []byte       `json:"leaf"`
	Proof     [][]byte     `json:"proof"`
}

func appendEvent(b []byte, e *Entry, leaf tlog.Hash) []byte {
	return append(appendEntry(b, e, leaf), '}', '\n')
}

// appendEntry writes the object of an event without its end.
func appendEntry(b []byte, e *Entry, leaf tlog.Hash) []byte {
	b = append(b, '{')
	b = appendInteger(b, "position", e.Position)
	b = appendInteger(b, "event", e.ID)
	b = appendTime(b, "at", e.At)
	b = appendNumber(b, "person", e.Person)
	b = appendNumber(b, "account", e.Account)
	b = appendMember(b, "action", e.Action)
	b = appendMember(b, "subject", e.Subject)
	b = appendInteger(b, "subject_id", e.SubjectID)
	b = appendText(b, "policy", e.Policy)
	b = appendText(b, "ref", e.Ref)
	if c := e.Erased; c != nil {
		b = append(appendName(b, "erased"), '{')
		b = appendText(b, "actor", c.Actor)
		b = appendText(b, "before", c.Before)
		b = appendText(b, "after", c.After)
		b = append(appendText(b, "reason", c.Reason), '}')
	} else {
		b = appendText(b, "actor", e.Texts.Actor)
		b = appendText(b, "before", e.Texts.Before)
		b = appendText(b, "after", e.Texts.After)
		b = appendText(b, "reason", e.Texts.Reason)
		b = appendBytes(b, "salt", e.Salt)
	}
	return appendBytes(b, "leaf", leaf[:])
}

// entry is the event of a line.
func (l *fileLine) entry() (e Entry, leaf tlog.Hash, err error) {
	at, err := time.Parse(timeForm, l.At)
	if err != nil || len(l.Leaf) != tlog.HashSize || l.Erased == nil && len(l.Salt) != SaltSize {
		return e, leaf, errForm
	}
	e = Entry{
		Position: l.Position, ID: l.Event, At: at, Person: l.Person, Account: l.Account, Action: l.Action, Subject: l.Subject,
		SubjectID: l.SubjectID, Policy: l.Policy, Ref: l.Ref, Salt: l.Salt, Erased: l.Erased,
		Texts: Texts{Actor: l.Actor, Before: l.Before, After: l.After, Reason: l.Reason},
	}
	return e, tlog.Hash(l.Leaf), nil
}

// header is the header of a line.
func (l *fileLine) header() (Header, error) {
	outside, err := hashesOf(l.Outside)
	if err != nil {
		return Header{}, err
	}
	extends, err := hashesOf(l.Extends)
	return Header{
		Public: l.Public, From: l.From, To: l.To, Checkpoint: l.Checkpoint, Outside: outside, Older: l.Older, Extends: extends,
	}, err
}

func parseLine(line []byte) (*fileLine, error) {
	var l fileLine
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	return &l, nil
}

func hashesOf(list [][]byte) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, h := range list {
		if len(h) != tlog.HashSize {
			return nil, errForm
		}
		out = append(out, tlog.Hash(h))
	}
	return out, nil
}

func isBase64(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == s
}
