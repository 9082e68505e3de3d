package slacksim

import (
	"encoding/json"
	"errors"
	"time"
)

// ErrDidNotRespond is what a person meets when the app does not ack in time, or
// has no socket open.
var ErrDidNotRespond = errors.New("the app didn't respond")

// ErrRefused is what a person meets when Slack itself does not let them do
// something: run a command as an outsider, click a button that is not there.
var ErrRefused = errors.New("slack does not allow this")

// Place is a message or a view that a person can act on.
type Place struct {
	Channel string // with TS: a message
	TS      string
	ViewID  string // a modal, or the App Home
}

// Value is what a person enters into one element. Set the field that fits the
// element; the zero Value clears it.
type Value struct {
	Text    string   // plain_text_input, email, url, number
	Option  string   // value of the chosen option: selects, radio buttons, overflow
	Options []string // values of the chosen options: checkboxes, multi selects
	Date    string   // 2026-01-31
	Time    string   // 15:04
	Unix    int64    // datetimepicker
	ID      string   // users_select, channels_select, conversations_select
	IDs     []string // their multi variants
}

// Action is a click, with what is needed to tell one element from its twins.
type Action struct {
	ActionID string
	BlockID  string // set it where the action ID repeats
	Button   string // the button's value, or its label, where block IDs are not known
	Value    Value  // the choice, for elements that are not buttons
}

// Ack is how the app answered an envelope.
type Ack struct {
	EnvelopeID string
	Payload    json.RawMessage // nil when the app sent none
}

// SubmitResult is what a person sees after pressing a modal's submit button.
type SubmitResult struct {
	Errors map[string]string // by block ID; empty when the view was accepted
}

// Option is one entry of a select.
type Option struct {
	Text        string
	Value       string
	Description string
	Group       string // label of its option group, if any
}

// Message is a message as one person sees it.
type Message struct {
	Channel   string
	TS        string
	ThreadTS  string
	User      string
	Text      string
	IsBot     bool
	Edited    bool
	Ephemeral bool
	Blocks    json.RawMessage // every block and interactive element has its ID
	Metadata  json.RawMessage
	Files     []File
}

// File is an uploaded file.
type File struct {
	ID      string
	Name    string
	Title   string
	AltText string
	Created int64 // when it was shared, Unix seconds
	Content []byte
}

// View is a modal or App Home as its owner sees it.
type View struct {
	ID              string
	RootID          string
	Hash            string
	Type            string // "modal" or "home"
	CallbackID      string
	ExternalID      string
	PrivateMetadata string
	Title           string
	Submit          string
	Close           string
	Blocks          json.RawMessage
	Values          json.RawMessage   // what state.values would say now
	Errors          map[string]string // shown under the inputs, by block ID
}

// Entry is one line of the traffic log.
type Entry struct {
	Seq      int             `json:"seq"`
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`             // "api", "response_url", "upload", "socket", "envelope", "ack"
	Name     string          `json:"name"`             // method, envelope type, or what happened to the socket
	ID       string          `json:"id,omitempty"`     // envelope ID
	Socket   int             `json:"socket,omitempty"` // which connection, from 1
	Attempt  int             `json:"attempt,omitempty"`
	Status   int             `json:"status,omitempty"`   // HTTP status
	Request  json.RawMessage `json:"request,omitempty"`  // from the app, tokens redacted
	Response json.RawMessage `json:"response,omitempty"` // to the app
	Note     string          `json:"note,omitempty"`
}

// Envelope is something the workspace sent to the app over a socket.
type Envelope struct {
	ID           string
	Type         string // "slash_commands", "interactive", "events_api"
	RetryAttempt int
	Payload      json.RawMessage
	Acked        bool
}

// Place of the message, to act on it.
func (m Message) Place() Place { return Place{Channel: m.Channel, TS: m.TS} }

// Place of the view, to act on it.
func (v View) Place() Place { return Place{ViewID: v.ID} }
