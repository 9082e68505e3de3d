package bot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"latchkey/storage"
	"latchkey/workflow"
)

// page is a listing and how its reader came to this page of it: where each
// page behind the first began. It travels in buttons as text and is no right:
// List asks again who may see what.
type page struct {
	workflow.Listing
	Trail []storage.CredentialID
}

// maxTrail keeps a page's text inside what an action ID may hold. Whoever
// went further gets back to the first page at once.
const maxTrail = 10

// older is the page behind this one, whose last key is last.
func (p page) older(last storage.CredentialID) page {
	p.Trail = append(slices.Clone(p.Trail), last)
	if len(p.Trail) > maxTrail {
		p.Trail = p.Trail[len(p.Trail)-maxTrail:]
	}
	return p
}

// newer is the page before this one.
func (p page) newer() page {
	p.Trail = p.Trail[:max(len(p.Trail)-1, 0)]
	return p
}

// first is the listing's first page.
func (p page) first() page {
	p.Trail = nil
	return p
}

// narrowed reports whether the listing leaves anything alive out.
func (p page) narrowed() bool {
	return p.Owner != 0 || p.Connection != "" || p.Kind != "" || p.Flag != ""
}

// listing is what to ask workflow for: one key more than a page shows.
func (p page) listing() workflow.Listing {
	l := p.Listing
	l.Limit = listPage + 1
	if n := len(p.Trail); n > 0 {
		l.Before = p.Trail[n-1]
	}
	return l
}

// ended marks in a page's text that ended keys are listed too.
const ended = "+"

// String writes a page for a button to carry.
func (p page) String() string {
	kind := p.Kind
	if p.All {
		kind += ended
	}
	trail := make([]string, len(p.Trail))
	for i, id := range p.Trail {
		trail[i] = strconv.FormatInt(int64(id), 36)
	}
	return fmt.Sprintf("%d.%s.%s.%s.%s", p.Owner, p.Flag, kind, strings.Join(trail, "-"), p.Connection)
}

// readPage reads what a button carries; nothing at all is everybody's keys.
func readPage(s string) (page, error) {
	if s == "" {
		return page{}, nil
	}
	old := workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This list is too old to go on. Ask for it again."}
	parts := strings.SplitN(s, ".", 5)
	if len(parts) != 5 {
		return page{}, old
	}
	owner, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return page{}, old
	}
	kind, all := strings.CutSuffix(parts[2], ended)
	p := page{Listing: workflow.Listing{Owner: storage.PersonID(owner), Flag: storage.Flag(parts[1]), Kind: kind, All: all, Connection: parts[4]}}
	for _, t := range strings.FieldsFunc(parts[3], func(r rune) bool { return r == '-' }) {
		id, err := strconv.ParseInt(t, 36, 64)
		if err != nil {
			return page{}, old
		}
		p.Trail = append(p.Trail, storage.CredentialID(id))
	}
	return p, nil
}
