package auditlog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework that
// events are written in: the newest whose compiled schema comes in a package
// that the tests can check them against. Later versions read it.
const OCSFVersion = "1.2.0"

// OCSF writes entries as events of the Open Cybersecurity Schema Framework.
type OCSF struct {
	Origin string // of the log: the signer's name
	// Name is what people call a subject: "TK-7F3K". Nil leaves "credential:7".
	Name func(subject string, id int64) string
}

// Event is one entry in one line of JSON. It is the same whenever it is made,
// until the entry's texts are erased. An action that this version does not
// know becomes an event of the base class.
func (o OCSF) Event(e *Entry) []byte {
	m := meaningOf(e.Action)
	name := o.name(e.Subject, e.SubjectID)
	if e.SubjectID == 0 { // a connection, which has a name and no number
		name = e.Texts.After
	}
	out := ocsfEvent{
		Activity: m.activity, ActivityName: m.activityName(), Category: m.class.category(), CategoryName: m.class.categoryName(),
		Class: m.class, ClassName: m.class.String(), Type: int(m.class)*100 + m.activity, TypeName: m.typeName(),
		Time: e.At.UnixMilli(), Severity: m.severity, SeverityName: m.severity.String(),
		Message: e.Action + " " + name,
		Metadata: ocsfMetadata{
			Version: OCSFVersion, Product: ocsfProduct{Name: "Latchkey", Vendor: "Latchkey", Feature: ocsfFeature{Name: "audit"}},
			UID: o.Origin + "/" + strconv.FormatInt(e.Position, 10), Sequence: e.Position, Code: e.Action, Correlation: e.Ref,
			Log: o.Origin, Provider: "Latchkey", Original: e.At.UTC().Format(time.RFC3339Nano),
		},
		Unmapped: ocsfUnmapped{
			Event: e.ID, Subject: e.Subject, SubjectID: e.SubjectID, Before: e.Texts.Before, After: e.Texts.After, Reason: e.Texts.Reason,
			Policy: e.Policy, Erased: e.Erased != nil,
		},
	}
	if e.Texts.Reason != "" {
		out.Message += ": " + e.Texts.Reason
	}
	switch {
	case m.class == ocsfFinding: // has states of its own there, and not ours
	case m.failed:
		out.Status, out.StatusName = 2, "Failure"
	default:
		out.Status, out.StatusName = 1, "Success"
	}
	o.subject(&out, e, m, name)
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(out) // can't fail: integers, strings and structs of them
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}

// subject fills in what each class asks for: whom or what it was done to, and
// by whom.
func (o OCSF) subject(out *ocsfEvent, e *Entry, m ocsfMeaning, name string) {
	switch m.class {
	case ocsfEntity:
		out.Entity = &ocsfManaged{UID: name, Name: name, Type: e.Subject}
		out.Comment = e.Texts.Reason
	case ocsfAccount:
		out.User = &ocsfUser{UID: o.name("person", e.SubjectID), TypeID: 1, Type: "User"}
	case ocsfAuthentication:
		out.User = &ocsfUser{UID: o.name("person", cmp.Or(e.Person, e.SubjectID)), TypeID: 1, Type: "User"}
		out.Service = &ocsfService{Name: "Latchkey"}
	case ocsfUserAccess:
		// An entry has no word of who holds the subject: it stands for them.
		out.User = &ocsfUser{Name: "holder of " + name, TypeID: 99, Type: "Holder"}
		out.Privileges = []string{name}
	case ocsfGroup:
		out.Group = &ocsfGroupOf{UID: name}
		if member := cmp.Or(e.Texts.After, e.Texts.Before); m.withUser && member != "" {
			out.User = &ocsfUser{UID: "person:" + member, TypeID: 1, Type: "User"}
		}
	case ocsfFinding:
		out.Finding = &ocsfFindingOf{Title: e.Action + " " + name, UID: out.Metadata.UID, Desc: e.Texts.Reason, Created: out.Time}
		out.Resources = []ocsfManaged{{UID: name, Name: name, Type: e.Subject}}
		out.Comment = e.Texts.Reason
	case ocsfBase:
	}
	actor := o.actor(e)
	if m.class == ocsfBase { // has no such attribute
		out.Unmapped.Actor = &actor
		return
	}
	out.Actor = &actor
}

func (o OCSF) actor(e *Entry) ocsfActor {
	if e.Person == 0 {
		return ocsfActor{App: "Latchkey: " + cmp.Or(strings.TrimPrefix(e.Texts.Actor, "system: "), "itself")}
	}
	user := &ocsfUser{UID: o.name("person", e.Person), Name: e.Texts.Actor, TypeID: 1, Type: "User"}
	if e.Account != 0 {
		user.Account = &ocsfAccountOf{UID: o.name("account", e.Account)}
	}
	return ocsfActor{User: user}
}

func (o OCSF) name(subject string, id int64) string {
	if o.Name == nil {
		return fmt.Sprintf("%s:%d", subject, id)
	}
	return o.Name(subject, id)
}
