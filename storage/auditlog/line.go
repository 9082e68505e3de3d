package auditlog

import (
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Line is an entry as one line of an exported file, for whoever gets the log
// event by event. leaf is the stored hash of its leaf.
func Line(e *Entry, leaf tlog.Hash) []byte { return appendEvent(nil, e, leaf) }

// Origin is the name of the log that a public key verifies.
func Origin(public string) string {
	name, _, _ := strings.Cut(public, "+")
	return name
}
